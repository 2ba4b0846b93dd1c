"""The learned learning-rate schedule beside schedules made by hand: final validation loss at a fixed number of epochs.

    python -m benchmarks.schedules --workdir=W --data_dir=DIRECTORY --report

Rates of the peers are tuned on seeds that are not reported; the learned schedule begins with one rate on all tasks.
Then all begin with rates 30 and 10 times too small and 10 times too large. The learned schedule runs in `fit`, the
peers in one compiled loop. A cell (task, method) is a file in the workdir: a run that was killed continues.
"""

import json
import pathlib

import numpy as np
from absl import app, flags, logging

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PEERS = (
    "constant", "step", "exponential", "cosine", "one_cycle", "plateau", "plateau_capped", "hypergradient",
    "adam_cosine", "schedule_free_adamw",
)  # fmt: skip
TASKS = ("digits_mlp", "digits_mlp_noisy", "breast_cancer", "digits_cnn", "fashion_lenet")
LEARNED = ("learned", "learned_adam", "untrained")
WRONG = {"right": 1.0, "/30": 1 / 30, "/10": 0.1, "x10": 10.0}
TUNING_SEED = 100

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the cells and the table.", required=True)
flags.DEFINE_string("data_dir", None, "Directory of fashion_mnist.npz; without it that task is left out.")
flags.DEFINE_list("tasks", [*TASKS], "Tasks.")
flags.DEFINE_list("methods", [*LEARNED, *PEERS], "Methods.")
flags.DEFINE_integer("seeds", 5, "Fresh seeds of data, weights and order.", lower_bound=1)
flags.DEFINE_string("controller", "schedule-controller", "Shipped name or directory of the learned schedule's weights.")
flags.DEFINE_bool("report", False, "Also leave the table in benchmarks/results/.")


def peer_cell(task, method):
    """Figures of a peer: its tuned rate, and losses and accuracies by how wrong the rate is."""
    import keras

    from benchmarks import schedule_peers

    engine, found = None, {}

    def run(seed, rate):
        nonlocal engine
        data = task.load(FLAGS.data_dir, seed)
        model = task.build(seed, data["train"][0].shape[1:], int(data["train"][1].max()) + 1)
        if engine is None:
            engine = schedule_peers.Engine(model, task.batch_size, task.xla)
        engine.model.set_weights(model.get_weights())
        keras.backend.clear_session(free_memory=False)
        return schedule_peers.train(engine, method, rate, data, task.epochs, seed)

    seeds = range(TUNING_SEED, TUNING_SEED + task.tuning_seeds)
    tuning = {
        float(rate): float(np.mean([np.nan_to_num(run(seed, rate)["validation_loss"], nan=1e3) for seed in seeds]))
        for rate in schedule_peers.RATES[method]
    }
    tuned = min(tuning, key=tuning.get)
    found = {"tuned_rate": tuned, "tuning": [[rate, loss] for rate, loss in tuning.items()]}
    for name, factor in WRONG.items():
        found[name] = [run(seed, tuned * factor) for seed in range(FLAGS.seeds)]
    found["untuned"] = [run(seed, schedule_peers.USUAL.get(method, 0.01)) for seed in range(FLAGS.seeds)]
    return found


def learned_cell(task, method):
    """Figures of the learned schedule in `fit`, from one initial rate for all tasks and from wrong ones."""
    from benchmarks import schedule_runs

    found = {"tuned_rate": schedule_runs.INITIAL[method]}
    for name, factor in WRONG.items():
        found[name] = [
            schedule_runs.train(task, method, factor, FLAGS.data_dir, seed, FLAGS.controller)
            for seed in range(FLAGS.seeds)
        ]
    return found


def read_or_compute(name, method):
    """The figures of a cell."""
    from benchmarks import reference, schedule_tasks

    path = pathlib.Path(FLAGS.workdir) / f"{name}-{method}-{FLAGS.seeds}.json"
    if not path.exists():
        compute = learned_cell if method in LEARNED else peer_cell
        found = compute(schedule_tasks.TASKS[name], method)
        reference.write_json(path, found)
        losses = {wrong: round(float(np.mean([one["validation_loss"] for one in found[wrong]])), 4) for wrong in WRONG}
        logging.info("%s, %s: rate %.3g, %s", name, method, found["tuned_rate"], losses)
    return json.loads(path.read_text())


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import reference, schedule_figures

    tasks = [name for name in FLAGS.tasks if FLAGS.data_dir or "fashion" not in name]
    cells = {name: {method: read_or_compute(name, method) for method in FLAGS.methods} for name in tasks}
    text, content = schedule_figures.table(cells)
    print(text)
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / "schedules.json", content)
        (folder / "schedules.txt").write_text(text + "\n")


if __name__ == "__main__":
    app.run(main)
