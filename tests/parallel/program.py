"""A search whose trials cost nothing, as one process of it: `python program.py '<JSON>'`, and how tests start it.

Keys: directory, max_trials, seconds (of a trial), settings; die, stall, hang, fail: lists of ids of trials in which a
worker, the first time, kills itself, is stopped, hangs, or raises; always: whether it does so each time.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main(given):
    import keras_tuner as kt

    from keras_hparam import parallel

    directory = pathlib.Path(given["directory"])

    def now(what, trial_id):
        mark = directory / f"{what}-{trial_id}"
        if trial_id not in given.get(what, ()) or (mark.exists() and not given.get("always")):
            return False
        mark.touch()
        return True

    class Quick(kt.engine.base_tuner.BaseTuner):
        def run_trial(self, trial, *args, callbacks=(), **kwargs):
            time.sleep(given.get("seconds", 0.02))
            if now("die", trial.trial_id):
                os.kill(os.getpid(), signal.SIGKILL)
            if now("stall", trial.trial_id):
                os.kill(os.getpid(), signal.SIGSTOP)
            if now("hang", trial.trial_id):
                time.sleep(600)
            if now("fail", trial.trial_id):
                raise ValueError("injected")
            with open(directory / "runs.txt", "a") as runs:
                runs.write(f"{trial.trial_id} {trial.hyperparameters.values['x']!r}\n")
            return trial.hyperparameters.values["x"] ** 2

    hp = kt.HyperParameters()
    hp.Float("x", -1.0, 1.0)
    oracle = kt.oracles.RandomSearchOracle(
        kt.Objective("score", "min"), given["max_trials"], hyperparameters=hp, seed=1, max_retries_per_trial=1
    )
    tuner = Quick(oracle, directory=directory, project_name="search")
    settings = parallel.ParallelSettings(**{"lease_seconds": 2.0, **given.get("settings", {})})
    parallel.search(tuner, settings=settings, verbose=0)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(name, port, **given):
    """A process of the search."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3",
        **os.environ, "KERASTUNER_TUNER_ID": name, "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(port), "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1",
    }  # fmt: skip
    command = [sys.executable, __file__, json.dumps({key: value for key, value in given.items()}, default=str)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
