"""Trainings of DeepOBS that were recorded epoch by epoch, as tasks to search on.

Schneider et al. 2019, "DeepOBS: A Deep Learning Optimizer Benchmark Suite", arXiv 1903.05499.

Axes: C recorded configurations, E epochs, T trials.
"""

import csv
import dataclasses
import gzip
import pathlib

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer.study import Metadata, Status, Study
from keras_hparam.spaces import Parameter, SearchSpace

RUNS, CURVES = "deepobs_runs.csv.gz", "deepobs_curves.npz"
SPACE = SearchSpace((
    Parameter("learning_rate", "float", 1e-5, 1e2, scale="log"),
    Parameter("optimizer", "choice", values=("Adam", "GradientDescent", "Momentum")),
))  # fmt: skip
TASKS = {  # problem of DeepOBS -> what a user says about it
    "cifar10_3c3d": Metadata("image classification", "convnet", "cifar10", "val_accuracy"),
    "fmnist_2c2d": Metadata("image classification", "convnet", "fashion mnist", "val_accuracy"),
    "fmnist_vae": Metadata("image generation", "vae", "fashion mnist", "val_loss"),
    "mnist_vae": Metadata("image generation", "vae", "mnist", "val_loss"),
    "quadratic_deep": Metadata("regression", "quadratic", "synthetic", "val_loss"),
}


@dataclasses.dataclass(frozen=True)
class Task:
    """Recorded trainings of one problem.

    Args:
        name: its name.
        metadata: `Metadata`.
        goal: "max" or "min".
        tokens: int32 [C, 2] in `SPACE`.
        curves: float [C, E], the best score (larger is better) up to each epoch; NaN before there is one.
    """

    name: str
    metadata: Metadata
    goal: str
    tokens: np.ndarray
    curves: np.ndarray

    def study(self, rows, scores):
        """The `Study` of the trials at `rows` [T] that ended with these scores [T], NaN where they failed."""
        scores = np.asarray(scores, float)
        statuses = np.where(np.isfinite(scores), Status.COMPLETED, Status.FAILED).astype(np.int8)
        objectives = scores if self.goal == "max" else -scores
        return Study(SPACE, self.metadata, self.goal, self.tokens[np.asarray(rows, int)], objectives, statuses)

    def regret(self, score):
        """(best recorded - score) / (best recorded - median)."""
        final = self.curves[:, -1]
        return float((np.nanmax(final) - score) / (np.nanmax(final) - np.nanmedian(final)))


def load(data_dir):
    """The tasks of DeepOBS' search for learning rates: 36 of them for each of 3 optimizers.

    Args:
        data_dir: folder with the files `RUNS` and `CURVES`.

    Returns:
        List of `Task`.

    Raises:
        UnavailableError: if a file is missing.
    """
    folder = pathlib.Path(data_dir)
    for name in (RUNS, CURVES):
        if not (folder / name).is_file():
            raise errors.UnavailableError(f"Expected `data_dir` to hold {name}. Received: {folder}.")
    with gzip.open(folder / RUNS, "rt", encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    with np.load(folder / CURVES, allow_pickle=False) as arrays:
        scores = {"max": arrays["test_accuracies"].astype(float), "min": -arrays["test_losses"].astype(float)}
    tasks = []
    for name, metadata in TASKS.items():
        goal = "max" if metadata.metric == "val_accuracy" else "min"
        rows = [i for i, run in enumerate(runs) if run["problem"] == name and run["stage"] == "lr_search"]
        curves = scores[goal][rows, 1 : int(runs[rows[0]]["num_epochs"]) + 1]  # the first point is before training
        curves = np.fmax.accumulate(np.where(np.isfinite(curves), curves, np.nan), axis=1)
        values = [{"learning_rate": float(runs[i]["lr"]), "optimizer": runs[i]["optimizer"]} for i in rows]
        tasks.append(Task(name, metadata, goal, np.array([SPACE.to_tokens(v) for v in values]), curves))
    return tasks
