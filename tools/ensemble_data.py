"""Data sets on which ensembles are trained: digits, Fashion-MNIST, UCI regressions; in three parts.

Axes: n examples. Images are float32 [n, height, width, 1] in [0, 1] with one-hot labels [n, 10]; tables are float32
[n, features] with targets [n, 1], both standardised with the mean and the deviation of the training part.
"""

import pathlib
import typing

import numpy as np

from keras_hparam import errors

UCI = ("concrete", "energy", "power_plant", "wine_quality_red", "yacht")
NAMES = ("digits", "fashion_mnist", *(f"uci_{name}" for name in UCI))
DEFAULT_SIZES = {"digits": (1000, 400), "fashion_mnist": (54000, 6000)}
UCI_SHARES = (0.64, 0.16)  # training and validation; the rest is the test


class Data(typing.NamedTuple):
    """Pairs (inputs, targets) of the three parts; a target in original units is `target_mean + target_scale * y`."""

    train: tuple
    validation: tuple
    test: tuple
    target_mean: float = 0.0
    target_scale: float = 1.0


def is_regression(name):
    """Whether the data set's targets are numbers, not classes."""
    return name.startswith("uci_")


def load(name, data_dir="", seed=0, train_size=0, validation_size=0):
    """A data set in three disjoint parts, the same for the same arguments.

    Args:
        name: one of `NAMES`.
        data_dir: folder with `fashion_mnist.npz` (x_train, y_train, x_test, y_test: uint8) and `uci_regression.npz`
            (<name>__x, <name>__y); empty: Fashion-MNIST comes from `keras.datasets`, and there are no UCI sets.
        seed: int >= 0; decides who is in which part (Fashion-MNIST's test is always its own 10,000 images).
        train_size, validation_size: examples of those parts; 0 for the data set's default. What is left of the digits
            and of a UCI set is the test.

    Raises:
        InvalidArgumentError: for an unknown name, or sizes that leave no test.
        UnavailableError: if the file is not in the folder.

    Example:

    ```python
    data = load("digits", seed=1)
    model.fit(*data.train, validation_data=data.validation)
    ```
    """
    if name not in NAMES:
        raise errors.InvalidArgumentError(f"Expected `name` to be one of {NAMES}. Received: {name!r}.")
    if name == "fashion_mnist":
        return _fashion_mnist(data_dir, seed, train_size, validation_size)
    x, y = _digits() if name == "digits" else _uci(name.removeprefix("uci_"), data_dir)
    shares = DEFAULT_SIZES.get(name, [round(share * len(x)) for share in UCI_SHARES])
    train, validation, test = _parts(len(x), train_size or shares[0], validation_size or shares[1], seed)
    if name == "digits":
        return Data((x[train], y[train]), (x[validation], y[validation]), (x[test], y[test]))
    return _standardised(x, y, train, validation, test)


def _parts(count, train_size, validation_size, seed, need_test=True):
    """Three index arrays: a random training part, a random validation part and the rest."""
    if train_size < 1 or validation_size < 1 or train_size + validation_size + need_test > count:
        raise errors.InvalidArgumentError(
            "Expected `train_size` and `validation_size` to be positive and to leave test examples out of "
            f"{count}. Received: {train_size} and {validation_size}."
        )
    order = np.random.default_rng(seed).permutation(count)
    return np.split(order, [train_size, train_size + validation_size])


def _images(pixels, labels, brightest):
    """Images [n, height, width, 1] in [0, 1] and one-hot labels [n, 10]."""
    return (pixels[..., None] / brightest).astype("float32"), np.eye(10, dtype="float32")[labels]


def _digits():
    from sklearn.datasets import load_digits

    digits = load_digits()
    return _images(digits.images, digits.target, 16)


def _fashion_mnist(data_dir, seed, train_size, validation_size):
    train_size, validation_size = train_size or DEFAULT_SIZES["fashion_mnist"][0], validation_size or 6000
    if data_dir:
        found = _open(pathlib.Path(data_dir) / "fashion_mnist.npz")
        x, y, x_test, y_test = (found[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    else:
        import keras

        (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    train, validation, _ = _parts(len(x), train_size, validation_size, seed, need_test=False)
    parts = [(x[train], y[train]), (x[validation], y[validation]), (x_test, y_test)]
    return Data(*(_images(*part, 255) for part in parts))


def _uci(name, data_dir):
    if not data_dir:
        raise errors.UnavailableError(
            f"Expected `data_dir` with uci_regression.npz for the data set 'uci_{name}'. Received: none."
        )
    found = _open(pathlib.Path(data_dir) / "uci_regression.npz")
    return found[f"{name}__x"].astype("float64"), found[f"{name}__y"].reshape(-1, 1).astype("float64")


def _open(path):
    if not path.exists():
        raise errors.UnavailableError(f"Expected `data_dir` to hold {path.name}. Received: {path.parent}.")
    return np.load(path, allow_pickle=False)


def _standardised(x, y, train, validation, test):
    """The parts of a table; a feature that does not vary in the training part becomes 0."""
    x_scale = x[train].std(axis=0)
    x = (x - x[train].mean(axis=0)) / np.where(x_scale > 0, x_scale, 1)
    mean, scale = float(y[train].mean()), float(y[train].std())
    y = (y - mean) / scale
    parts = [(x[index].astype("float32"), y[index].astype("float32")) for index in (train, validation, test)]
    return Data(*parts, mean, scale)
