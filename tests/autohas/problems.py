"""Small data, build functions and supernets for the tests of this folder."""

import keras
import numpy as np
from keras import layers

from keras_hparam.autohas.candidates import choice, dropout, width
from keras_hparam.autohas.compilation import compile
from keras_hparam.autohas.encodings import split
from keras_hparam.autohas.supernet import Supernet
from keras_hparam.spaces.relaxed import RelaxedHyperParameters

LOSS = "sparse_categorical_crossentropy"


def data(seed=0, number=64, features=6):
    """(x, y) of three classes that a small network learns."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(number, features)).astype("float32")
    return x, np.argmax(x[:, :3] + 0.1 * rng.normal(size=(number, 3)), axis=1).astype("int32")


def dense(units, activation="tanh", name=None):
    return layers.Dense(units, activation=activation, name=name)


def normalized(units):
    """A dense layer with BatchNormalization, inside of a width: behind it, its offsets would fill masked channels."""
    return lambda x: layers.BatchNormalization()(dense(units)(x))


def network(hp):
    """A block of three operations, a width with BatchNormalization, a dropout rate, without `compile`."""
    inputs = keras.Input((6,))
    deep = keras.Sequential([keras.Input((6,)), dense(4), dense(6)])
    x = choice(hp, "block", {"dense": dense(5), "deep": deep, "skip": None}, normalize=True)(inputs)
    x = width(hp, "units", [4, 2, 5], normalized)(x)
    x = dropout(hp, "rate", [0.0, 0.3, 0.5])(x)
    return keras.Model(inputs, dense(3, "softmax")(x))


def everything(hp):
    """A build function with a basis of each kind."""
    return compile(
        network(hp), hp,
        optimizer=[keras.optimizers.SGD(momentum=0.9), "adam", "adamw", keras.optimizers.RMSprop(momentum=0.5)],
        learning_rate=[0.1, 0.03, 0.3],
        weight_decay=[0.0, 0.1],
        loss=[LOSS, "mse"],
        augmentation={"none": None, "noise": layers.GaussianNoise(0.1)},
        label_smoothing=[0.0, 0.2],
        mixup=[0.0, 0.4],
    )  # fmt: skip


def simple(hp):
    """A build function of eight pairs, quick to compile, with moving statistics and random numbers."""
    inputs = keras.Input((6,))
    x = choice(hp, "block", {"dense": dense(6), "skip": None}, normalize=True)(inputs)
    model = keras.Model(inputs, dense(3, "softmax")(dropout(hp, "rate", [0.2])(x)))
    return compile(model, hp, optimizer=["sgd", "adam"], learning_rate=[0.1, 0.01], loss=LOSS)


def relaxed(build, seed=0):
    """What a build function gives to a search."""
    keras.utils.set_random_seed(seed)
    return build(RelaxedHyperParameters())


def supernet(build, seed=0):
    return Supernet(relaxed(build, seed))


def one_hot(net, **chosen):
    """Coefficients [E] with 1 at the index given for each basis, else at the first candidate."""
    found = np.zeros(net.size, "float32")
    for name in net.names:
        found[net.slices[name].start + chosen.get(name, 0)] = 1.0
    return found


def random_coefficients(net, seed=0):
    """Positive coefficients [E] of which those of each basis sum to 1."""
    logits = np.random.default_rng(seed).normal(size=net.size)
    parts = [np.exp(part) / np.exp(part).sum() for part in split(logits, [len(basis) for basis in net.bases])]
    return np.concatenate(parts).astype("float32")
