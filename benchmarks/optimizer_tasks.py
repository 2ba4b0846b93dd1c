"""What optimizers are compared on: data sets and networks that no meta-training saw.

Axes: n examples. Networks give logits [n, C] of one-hot labels, or numbers [n, 1] for standardised targets.
"""

import dataclasses
import functools

import keras
from keras import layers

from tools import ensemble_data


@dataclasses.dataclass(frozen=True)
class Task:
    """One row of the comparison.

    Attributes:
        data: a data set of `ensemble_data`.
        network: list of layers before the last one, made anew by each call.
        steps: of a training.
        batch_size: examples of a step.
        train_size: examples to train on; 0 for the data set's own.
    """

    data: str
    network: object
    steps: int
    batch_size: int = 64
    train_size: int = 0

    @property
    def is_regression(self):
        return ensemble_data.is_regression(self.data)

    @property
    def loss(self):
        """A Keras loss of targets and outputs."""
        if self.is_regression:
            return keras.losses.MeanSquaredError()
        return keras.losses.CategoricalCrossentropy(from_logits=True)

    def load(self, data_dir, seed):
        """`ensemble_data.Data`, split by the seed."""
        return ensemble_data.load(self.data, data_dir, seed, self.train_size)

    def build(self, shapes):
        """The network for examples of shapes (of an input, of a target), with new weights."""
        return keras.Sequential([keras.Input(shapes[0]), *self.network(), layers.Dense(shapes[1][0])])


def dense(*widths, activation="relu"):
    """Dense layers on the input as a vector."""
    return [layers.Flatten(), *(layers.Dense(width, activation) for width in widths)]


def convolutional():
    """Two convolutions with batch normalization."""
    blocks = []
    for filters in (16, 32):
        blocks += [layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.BatchNormalization(momentum=0.9)]
        blocks += [layers.ReLU(), layers.MaxPooling2D()]
    return [*blocks, layers.Flatten()]


def lenet():
    """Convolutions of 5x5 with max-pooling, then dense layers (LeCun et al. 1998, with ReLU)."""
    convolutions = [part for filters in (6, 16) for part in (layers.Conv2D(filters, 5, activation="relu"),
                                                             layers.MaxPooling2D())]  # fmt: skip
    return [*convolutions, *dense(120, 84)]


def recurrent():
    """A GRU over the rows of an image."""
    return [layers.Reshape((8, 8)), layers.GRU(48)]


class Attention(layers.Layer):
    """A block of a transformer (Vaswani et al. 2017), normalised before each part."""

    def __init__(self, width=32, heads=4):
        super().__init__()
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]
        self.feed_forward = keras.Sequential([layers.Dense(4 * width, "gelu"), layers.Dense(width)])

    def build(self, shape):
        self.attention.build(shape, shape)
        for part in (*self.norms, self.feed_forward):
            part.build(shape)

    def call(self, x):
        normalised = self.norms[0](x)
        x = x + self.attention(normalised, normalised)
        return x + self.feed_forward(self.norms[1](x))


def transformer():
    """Two blocks of attention over the rows of an image."""
    return [layers.Reshape((8, 8)), layers.Dense(32), Attention(), Attention(), layers.GlobalAveragePooling1D()]


TABLE = functools.partial(dense, 64, 64)
TASKS = {
    "digits, dense 128-64": Task("digits", functools.partial(dense, 128, 64), 600),
    "digits, convolutions with batch normalization": Task("digits", convolutional, 300),
    "digits, GRU": Task("digits", recurrent, 500),
    "digits, transformer": Task("digits", transformer, 500),
    "fashion, dense 256-128": Task("fashion_mnist", functools.partial(dense, 256, 128), 600, 128, 10_000),
    "fashion, LeNet": Task("fashion_mnist", lenet, 300, 32, 10_000),
    "concrete, dense tanh 64-64": Task("uci_concrete", functools.partial(dense, 64, 64, activation="tanh"), 600),
    "energy, dense 64-64": Task("uci_energy", TABLE, 600),
    "power plant, dense 64-64": Task("uci_power_plant", TABLE, 600),
}
