"""Supernets in the middle of a training, whose steps the tests compare with each other."""

import keras
import numpy as np
from keras import layers

from keras_hparam.autohas.candidates import choice, dropout, width
from keras_hparam.autohas.compilation import compile
from tests.autohas import problems


def everything(hp):
    """A build function with a basis of each kind but for augmentations."""
    inputs = keras.Input((6,))
    x = choice(hp, "block", {"dense": problems.dense(6), "skip": None}, normalize=True)(inputs)
    x = width(hp, "units", [4, 2, 5], problems.dense)(x)
    x = dropout(hp, "rate", [0.0, 0.3, 0.5])(layers.BatchNormalization()(x))
    return compile(
        keras.Model(inputs, problems.dense(3, "softmax")(x)), hp,
        optimizer=[keras.optimizers.SGD(momentum=0.9), "adam", "sgd", keras.optimizers.RMSprop(momentum=0.5)],
        learning_rate=[0.1, 0.03, 0.3], weight_decay=[0.0, 0.1], loss=[problems.LOSS, "mse"],
        label_smoothing=[0.0, 0.2], mixup=[0.0, 0.4],
    )  # fmt: skip


def others(hp):
    """What `everything` lacks: augmentations, decays above 0, a loss of integer classes, another normalization."""
    inputs = keras.Input((6,))
    x = layers.LayerNormalization()(choice(hp, "block", {"dense": problems.dense(6), "skip": None})(inputs))
    return compile(
        keras.Model(inputs, problems.dense(3, "softmax")(x)), hp, optimizer=["adam"], learning_rate=[0.1, 1.0, 0.3],
        weight_decay=[0.3, 0.1], loss=problems.LOSS, augmentation={"none": None, "half": layers.Rescaling(0.5)},
    )  # fmt: skip


def small(hp):
    """A build function with two candidates of each hyperparameter, and a choice of operations."""
    inputs = keras.Input((6,))
    x = choice(hp, "block", {"dense": problems.dense(6), "skip": None}, normalize=True)(inputs)
    x = dropout(hp, "rate", [0.0, 0.4])(x)
    model = keras.Model(inputs, problems.dense(3, "softmax")(x))
    return compile(
        model, hp, optimizer=[keras.optimizers.SGD(momentum=0.9), "adam"], learning_rate=[0.1, 0.01],
        weight_decay=[0.3, 0.1], loss=[problems.LOSS, "mse"], label_smoothing=[0.0, 0.2], mixup=[0.0, 0.4],
        augmentation={"none": None, "half": layers.Rescaling(0.5)},
    )  # fmt: skip


def state_of(net, seed=0):
    """The state of a supernet in the middle of a training: no slot is 0."""
    rng, state = np.random.default_rng(seed), net.initial_state()
    slots = keras.tree.map_structure(lambda a: (0.01 + 0.1 * rng.random(a.shape)).astype("float32"), state["slots"])
    return state | {"slots": slots, "step": np.int32(3)}


def batches(net, seed=0, number=8):
    """(training examples as each augmentation changes them, labels, shares of mixup), (held-out examples)."""
    x, y = problems.data(seed, number)
    versions = np.stack([x if layer is None else np.asarray(layer(x)) for layer in net.augmentations.values()])
    shares = np.array([1.0, 0.7], "float32")[: len(net.bases[net.names.index("mixup")])]
    return (versions, y, shares), problems.data(seed + 1, number)
