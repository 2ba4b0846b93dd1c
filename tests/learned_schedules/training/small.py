"""A small family and settings, for the tests of this folder."""

import functools

import keras
import numpy as np

from keras_hparam.learned_schedules import Controller, ControllerConfig
from keras_hparam.learned_schedules.training import ControllerTrainingSettings
from keras_hparam.tasks.data import data_set
from keras_hparam.tasks.networks import DenseNetworks


@functools.cache
def family(name="tiny", hidden=(4,)):
    """Dense networks on two classes of 4 numbers."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4))
    source = data_set(x, (x[:, 0] * x[:, 1] > 0).astype("int32"))
    return DenseNetworks([source], hidden, 4, 2, batch_size=8, examples=32, validation_examples=16, name=name)


def settings(**changes):
    """Settings of a training of seconds; those of the same sizes share their compiled programs."""
    chosen = {
        "updates": 4, "decisions": 5, "copies": 4, "trainees": 8, "steps": (2, 4), "epochs": 2, "minibatches": 2,
        "validate_every": 2, "validation_trainees": 16, "validation_rates": (0.1, 1.0), "checkpoint_every": 1,
    }  # fmt: skip
    return ControllerTrainingSettings(**{**chosen, **changes})


def controller(seed=0, **config):
    """A small controller."""
    keras.utils.set_random_seed(seed)
    features = ("rate", "budget", "training_loss", "validation_loss", "layer", "outputs")
    return Controller(ControllerConfig(**{"widths": (6,), "features": features, "base": "cosine", **config}))
