"""What learning-rate schedules are compared on: data sets and networks that no controller was trained with.

Axes: n examples. Networks end in a softmax; labels are int [n].
"""

import dataclasses
import functools
import pathlib

import keras
import numpy as np
from keras import layers

NOISE = 0.3  # share of replaced training labels in the noisy tasks


@dataclasses.dataclass(frozen=True)
class Task:
    """One part of the comparison.

    Attributes:
        data: "digits", "breast_cancer" or "fashion_mnist".
        network: callable -> list of layers before the last one.
        epochs, batch_size: of a training.
        noise: share of the training labels that are replaced.
        xla: whether the peers' loops are compiled by XLA, see `schedule_peers.Engine`.
        tuning_seeds: how many; rates are tuned on seeds that are not reported.
    """

    data: str
    network: object
    epochs: int = 30
    batch_size: int = 64
    noise: float = 0.0
    xla: bool = True
    tuning_seeds: int = 2

    def load(self, data_dir, seed):
        """Dict of (x, y) by "train", "validation", "test": 60, 20 and 20 per cent, or 4,000, 1,000 and 5,000 images."""
        rng = np.random.default_rng((seed, 7))
        x, y = _load(self.data, data_dir)
        order = rng.permutation(len(x))[:10_000]
        ends = (4000, 5000) if len(order) == 10_000 else (int(0.6 * len(x)), int(0.8 * len(x)))
        parts = dict(zip(("train", "validation", "test"), np.split(order, ends), strict=True))
        parts = {name: (x[rows], y[rows]) for name, rows in parts.items()}
        labels = parts["train"][1].copy()
        replaced = rng.random(len(labels)) < self.noise
        labels[replaced] = rng.permutation(labels)[replaced]
        return parts | {"train": (parts["train"][0], labels)}

    def build(self, seed, shape, classes):
        """The network with the weights of a seed."""
        keras.utils.set_random_seed(seed)
        return keras.Sequential([keras.Input(shape), *self.network(), layers.Dense(classes, "softmax")])


@functools.cache
def _load(name, data_dir):
    if name == "fashion_mnist":
        with np.load(pathlib.Path(data_dir) / "fashion_mnist.npz", allow_pickle=False) as found:
            x, y = found["x_train"][:20_000], found["y_train"][:20_000]
        return (x / 255.0)[..., None].astype("float32"), y.astype(int)
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "digits":
        return (x / 16.0).reshape(-1, 8, 8, 1).astype("float32"), y
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype("float32"), y


def dense(*widths):
    """Dense layers on the input as a vector."""
    return [layers.Flatten(), *(layers.Dense(width, "relu") for width in widths)]


def convolutional():
    """Two 3x3 convolutions with max-pooling."""
    first, second = (layers.Conv2D(filters, 3, padding="same", activation="relu") for filters in (16, 32))
    return [first, layers.MaxPooling2D(), second, layers.MaxPooling2D(), layers.Flatten()]


def lenet():
    """Convolutions of 5x5 with max-pooling, then dense layers (LeCun et al. 1998, with ReLU)."""
    first, second = (layers.Conv2D(filters, 5, activation="relu") for filters in (6, 16))
    return [first, layers.MaxPooling2D(), second, layers.MaxPooling2D(), *dense(120, 84)]


MLP = functools.partial(dense, 128, 64)
TASKS = {
    "digits_mlp": Task("digits", MLP),
    "digits_mlp_noisy": Task("digits", MLP, noise=NOISE),
    "breast_cancer": Task("breast_cancer", functools.partial(dense, 64), batch_size=32),
    "digits_cnn": Task("digits", convolutional, epochs=20, xla=False),
    "fashion_lenet": Task("fashion_mnist", lenet, epochs=10, xla=False, tuning_seeds=1),
}
