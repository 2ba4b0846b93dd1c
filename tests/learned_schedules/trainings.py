"""Small trainings with a learned schedule, for the tests of this folder."""

import keras
import numpy as np

from keras_hparam.learned_schedules import Controller, ControllerConfig

FEATURES = ("rate", "budget", "training_loss", "validation_loss", "layer", "outputs")


def data(seed=0, number=96):
    """(x, y) of three classes that a small network learns."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(number, 6)).astype("float32")
    return x, np.argmax(x[:, :3] + 0.1 * rng.normal(size=(number, 3)), axis=1)


def controller(network="mlp", seed=0, scale=1.0, **config):
    """A controller with random weights, so that its decisions differ from each other."""
    keras.utils.set_random_seed(seed)
    made = Controller(ControllerConfig(**{"network": network, "widths": (8,), "features": FEATURES, **config}))
    rng = np.random.default_rng(seed)
    made.head.kernel.assign(rng.normal(size=made.head.kernel.shape) * scale)
    return made


def network(optimizer, seed=0, **arguments):
    """A compiled dense network with a softmax, of a seed."""
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax", name="last")]
    model = keras.Sequential(layers)
    model.compile(optimizer, **{"loss": "sparse_categorical_crossentropy", **arguments})
    return model
