"""Small searches, finished once for all tests that look at them."""

import functools

from keras_hparam.autohas import AutoHAS
from tests.autohas import problems

METHODS = {
    "sampled": {"method": "reinforce", "horizon": 0.25},
    "sampled_ahead": {"method": "reinforce", "horizon": 1},
    "differentiable": {"method": "differentiable", "horizon": 0.25},
    "differentiable_ahead": {"method": "differentiable", "horizon": 1},
}
SMALL = {"rounds": 3, "samples": 3, "iterations": 6, "chunk": 2, "validation_batches": 2, "encoding_learning_rate": 0.1}


def made(name="sampled", build=problems.simple, **settings):
    """An `AutoHAS` of a method with few rounds and iterations."""
    return AutoHAS(build, **METHODS[name] | SMALL | settings)


def run(search, **arguments):
    """The search after it has searched: 8 minibatches in an epoch, 16 in a training."""
    return search.search(problems.data(), problems.data(1), **{"epochs": 2, "batch_size": 8} | arguments)


@functools.cache
def finished(name):
    return run(made(name))
