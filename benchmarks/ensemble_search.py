"""The random search behind every method: the settings of one network, judged by validation NLL."""

import time
import zlib

import keras
import keras_tuner as kt

from benchmarks import ensemble_tasks as tasks
from keras_hparam import errors


class TaskHyperModel(kt.HyperModel):
    """The task's network under KerasTuner.

    Args:
        task, data: `Task`, `Data`.
    """

    def __init__(self, task, data):
        super().__init__(name=task.name)
        self.task, self.data = task, data

    def build(self, hp):
        found = tasks.ranges(self.task).items()
        settings = {name: hp.Float(name, low, high, sampling="log") for name, (low, high) in found}
        return tasks.build(self.task, self.data, settings)

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        arguments = tasks.fit_arguments(self.task, self.data) | kwargs
        arguments["callbacks"] = [*callbacks, *tasks.fit_arguments(self.task, self.data)["callbacks"]]
        return model.fit(*args, **arguments)


def make_tuner(task, data, directory, seed, overwrite):
    """A `RandomSearch`: a finished one where the directory holds it, else one that has yet to search."""
    return kt.RandomSearch(
        TaskHyperModel(task, data), objective=kt.Objective("val_nll", "min"), max_trials=task.trials,
        seed=1 + zlib.crc32(f"{task.name}/{seed}".encode()) % 2**30,  # 0 is none to it, and neighbours share draws
        directory=str(directory), project_name="search", overwrite=overwrite,
    )  # fmt: skip


def search(task, data, directory, seed):
    """Searches from the start.

    Returns:
        Dict with `train_seconds` and `best`, the best settings.
    """
    keras.utils.set_random_seed(seed)
    tuner = make_tuner(task, data, directory, seed, overwrite=True)
    started = time.perf_counter()
    tuner.search(*data.train, verbose=0)
    seconds = time.perf_counter() - started
    return {"train_seconds": seconds, "best": best_settings(tuner, 1)[0], "trials": best_scores(tuner)}


def best_settings(tuner, count):
    """Settings, as dicts, of the best trials, the best one first.

    Raises:
        UnavailableError: if fewer trials than that have ended well.
    """
    found = [hp.values for hp in tuner.get_best_hyperparameters(count)]
    if len(found) < count:
        raise errors.UnavailableError(f"Expected {count} trials of the search to end well. Received: {len(found)}.")
    return found


def best_scores(tuner):
    """Validation NLL of the trials that have ended well, from the best to the worst."""
    return [trial.score for trial in tuner.oracle.get_best_trials(tuner.oracle.max_trials)]
