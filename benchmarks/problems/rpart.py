"""Suite `rpart`: decision trees on evaluation tasks of the random bots' data, through YAHPO Gym's surrogate.

Binder et al. 2020, "Collecting Empirical Data About Hyperparameters for Data Driven AutoML" (the trainings, scenario
rbv2_rpart); the space is the surrogate's own without its fidelities, which stay at their full values.
"""

import functools
import pathlib

import keras_tuner as kt
import numpy as np

from benchmarks.problems import yahpo
from benchmarks.problems.problem import Problem
from keras_hparam.optformer.study import Metadata

ARCHIVE = "yahpo_rbv2_rpart.zip"
NUM_EVALUATION_TASKS = 27
NUM_CHOSEN = 6
TRAIN_SIZE, REPLICATIONS = 1.0, 10


def space():
    """5 hyperparameters of a CART tree and of the imputation before it."""
    hp = kt.HyperParameters()
    hp.Float("cp", 0.0009118819655545162, 1.0, sampling="log")
    hp.Int("maxdepth", 1, 30)
    hp.Int("minbucket", 1, 100)
    hp.Int("minsplit", 1, 100)
    hp.Choice("num.impute.selected.cpo", ["impute.mean", "impute.median", "impute.hist"])
    return hp


def all_problems(data_dir):
    """The 27 evaluation tasks, `rpart_<OpenML id>`: accuracy in [0, 1] on the complete training set."""
    surrogate = yahpo.load(str(pathlib.Path(data_dir) / ARCHIVE))
    for task in surrogate.evaluation_tasks(NUM_EVALUATION_TASKS):
        metadata = Metadata("tabular classification", "decision tree", f"OpenML {task}", "acc")
        fixed = {"task_id": task, "trainsize": TRAIN_SIZE, "repl": REPLICATIONS}
        evaluate = functools.partial(surrogate.predict, "acc", fixed)
        yield Problem(f"rpart_{task}", "rpart", space, metadata, "max", evaluate)


def problems(data_dir):
    """Six of the evaluation tasks, evenly spaced from the first to the last in the order of their ids."""
    every = list(all_problems(data_dir))
    return [every[i] for i in np.linspace(0, len(every) - 1, NUM_CHOSEN).round().astype(int)]
