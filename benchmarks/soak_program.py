"""A process of the soak: the chief, or a worker whose trials cost next to nothing, over a conditional space that grows.

    KERASTUNER_TUNER_ID=… python -m benchmarks.soak_program '{"directory": …, "trials": 1000, "seed": 0, …}'

The space has 20 parameters; those of a layer become known when a trial first has it. Leaves in the directory, a line of
JSON each: proposals.jsonl (seconds, memory of the chief), runs.jsonl (values, of each run of a trial).
"""

import json
import math
import pathlib
import resource
import sys
import time

LAYERS = 5


def build(hp):
    """The values of a trial: 20 parameters, of which those of further layers are conditional."""
    values = {
        "rate": hp.Float("rate", 1e-5, 1e-1, sampling="log"), "decay": hp.Float("decay", 1e-6, 1e-2, sampling="log"),
        "optimizer": hp.Choice("optimizer", ["sgd", "adam"]), "layers": hp.Int("layers", 1, LAYERS),
    }  # fmt: skip
    with hp.conditional_scope("optimizer", ["sgd"]):
        if values["optimizer"] == "sgd":
            values["momentum"] = hp.Float("momentum", 0.0, 0.99)
    for layer in range(1, values["layers"] + 1):
        with hp.conditional_scope("layers", list(range(layer, LAYERS + 1))):
            values[f"units_{layer}"] = hp.Int(f"units_{layer}", 8, 512, sampling="log")
            values[f"dropout_{layer}"] = hp.Float(f"dropout_{layer}", 0.0, 0.8)
            values[f"activation_{layer}"] = hp.Choice(f"activation_{layer}", ["relu", "gelu", "tanh"])
    return values


def objective(values):
    """A smooth function of all values: to be minimised, ≥ 0."""
    loss = (math.log10(values["rate"]) + 2.5) ** 2 + 0.2 * (math.log10(values["decay"]) + 4) ** 2
    loss += 0.3 * (values["optimizer"] == "sgd") * (1.1 - values.get("momentum", 0.0)) + 0.2 * abs(values["layers"] - 3)
    for layer in range(1, values["layers"] + 1):
        loss += 0.1 * (math.log2(values[f"units_{layer}"]) - 7) ** 2 + (values[f"dropout_{layer}"] - 0.2) ** 2
        loss += 0.05 * (values[f"activation_{layer}"] != "gelu")
    return loss


def note(path, **content):
    """Adds a line of JSON; a line is written at once, by several processes too."""
    with open(path, "ab", buffering=0) as stream:
        stream.write(json.dumps(content).encode() + b"\n")


def main(given):
    import keras_tuner as kt

    from keras_hparam import oracles, parallel

    directory = pathlib.Path(given["directory"])

    class Soak(kt.engine.base_tuner.BaseTuner):
        def run_trial(self, trial, *args, **kwargs):
            values = build(trial.hyperparameters)
            note(directory / "runs.jsonl", trial=trial.trial_id, values=values, time=time.time())
            time.sleep(given["seconds"])
            return objective(values)

    oracle = oracles.PlanningOracle(kt.Objective("loss", "min"), given["trials"], seed=given["seed"], metadata="soak")
    create = oracle.create_trial

    def timed(tuner_id):
        began = time.monotonic()
        trial = create(tuner_id)
        if trial.status == "RUNNING":
            seconds, pages = time.monotonic() - began, int(pathlib.Path("/proc/self/statm").read_text().split()[1])
            memory = pages * resource.getpagesize() / 2**20
            note(directory / "proposals.jsonl", trial=trial.trial_id, seconds=seconds, memory=memory)
        return trial

    oracle.create_trial = timed
    tuner = Soak(oracle, directory=directory, project_name="search")
    parallel.search(tuner, settings=parallel.ParallelSettings(lease_seconds=given["lease_seconds"]), verbose=0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
