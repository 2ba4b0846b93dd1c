"""Suite `lcbench`: funnel-shaped networks on the ten evaluation tasks of LCBench, through YAHPO Gym's surrogate.

Zimmer et al. 2021, "Auto-PyTorch Tabular", arXiv 2006.13799 (the trainings); the space is the surrogate's own.
"""

import functools
import pathlib

import keras_tuner as kt

from benchmarks.problems import yahpo
from benchmarks.problems.problem import Problem
from keras_hparam.optformer.study import Metadata

ARCHIVE = "yahpo_lcbench.zip"
NUM_EVALUATION_TASKS = 10
EPOCH = 52  # the last one


def space():
    """7 hyperparameters: optimizer, size and regularisation of the network."""
    hp = kt.HyperParameters()
    hp.Int("batch_size", 16, 512, sampling="log")
    hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    hp.Float("momentum", 0.1, 0.99)
    hp.Float("weight_decay", 1e-5, 1e-1)
    hp.Int("num_layers", 1, 5)
    hp.Int("max_units", 64, 1024, sampling="log")
    hp.Float("max_dropout", 0.0, 1.0)
    return hp


def problems(data_dir):
    """The ten evaluation tasks, `lcbench_<OpenML id>`: validation accuracy in percent after 52 epochs."""
    surrogate = yahpo.load(str(pathlib.Path(data_dir) / ARCHIVE))
    for task in surrogate.evaluation_tasks(NUM_EVALUATION_TASKS):
        metadata = Metadata("tabular classification", "funnel-shaped MLP", f"OpenML {task}", "val_accuracy")
        fixed = {"OpenML_task_id": task, "epoch": EPOCH}
        evaluate = functools.partial(surrogate.predict, "val_accuracy", fixed)
        yield Problem(f"lcbench_{task}", "lcbench", space, metadata, "max", evaluate)
