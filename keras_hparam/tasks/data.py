"""Examples that trainees learn: arrays, embedded tables, random teachers; how an instance draws its own from them.

A source is a `DataSet`, or a callable (rng, number of examples) -> `DataSet` that makes a new one for each instance.

Axes: B instances, n examples, D numbers of a vector, H, W, C of an image, O outputs.
"""

import functools
import pathlib
from typing import NamedTuple

import numpy as np

from keras_hparam import errors

TABLES = ("breast_cancer", "wine", "iris", "diabetes")


class DataSet(NamedTuple):
    """Examples.

    Attributes:
        x: float [n, D] or [n, H, W, C], standardised.
        y: int [n] of classes from 0, or float [n, O], standardised.
    """

    x: np.ndarray
    y: np.ndarray

    @property
    def is_classification(self):
        """Whether the targets are classes."""
        return self.y.dtype.kind in "iu"


def data_set(x, y):
    """A checked and standardised `DataSet` of arrays.

    Args:
        x: numbers [n, …], n >= 2; those of a table are standardised by column, those of images [n, H, W, C] together.
        y: int [n], classes from 0; or float [n] or [n, O].

    Raises:
        InvalidArgumentError: for arrays that are no such numbers, or of different lengths.

    Example:
        >>> data_set([[0.0], [2.0]], [0, 1])
        DataSet(x=[[-1.0], [1.0]], y=[0, 1])
    """
    x, y = np.asarray(x), np.asarray(y)
    fits = x.dtype.kind in "biuf" and y.dtype.kind in "biuf" and x.ndim in (2, 4) and y.ndim in (1, 2)
    if not fits or len(x) != len(y) or len(x) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise errors.InvalidArgumentError(
            "Expected `x` [n, D] or [n, H, W, C] and `y` [n] or [n, O] of finite numbers, n >= 2. "
            f"Received: {x.dtype} {x.shape} and {y.dtype} {y.shape}."
        )
    if y.dtype.kind in "iu" and (y.ndim != 1 or y.min() < 0):
        raise errors.InvalidArgumentError(
            f"Expected `y` of int to be classes [n] from 0. Received: shape {y.shape}, least {y.min()}."
        )
    y = y.astype("int32") if y.dtype.kind in "iu" else _standardised(y.reshape(len(y), -1))
    return DataSet(_standardised(x), y)


def load(path):
    """The `DataSet` of an .npz file with the arrays x and y.

    Args:
        path: of the file.

    Raises:
        InvalidArgumentError: if it cannot be read, or holds no such arrays.
    """
    return data_set(*_arrays(path, ("x", "y")))


def from_directory(name, directory):
    """A `DataSet` of a directory with usual data sets as .npz files.

    Args:
        name: "fashion_mnist", of fashion_mnist.npz (`x_train`, `y_train`); "omniglot", of omniglot_small1.npz (`x`,
            `character`); both as images of 8 x 8; or "uci_NAME", of uci_regression.npz (`NAME__x`, `NAME__y`).
        directory: path.

    Raises:
        InvalidArgumentError: for another name, or files that cannot be read or hold something else.
    """
    files = {"fashion_mnist": "fashion_mnist.npz", "omniglot": "omniglot_small1.npz"}
    if name not in files and not name.startswith("uci_"):
        raise errors.InvalidArgumentError(f"Expected one of {[*files, 'uci_NAME']}. Received: {name!r}.")
    path, table = pathlib.Path(directory) / files.get(name, "uci_regression.npz"), name.removeprefix("uci_")
    keys = {"fashion_mnist": ("x_train", "y_train"), "omniglot": ("x", "character")}
    x, y = _arrays(path, keys.get(name, (f"{table}__x", f"{table}__y")))
    if name not in files:
        return data_set(x, y.astype("float64") if y.dtype.kind in "biu" else y)
    if x.ndim != 3 or x.shape[1:] != (28, 28) or x.dtype.kind not in "biuf" or y.dtype.kind not in "iu":
        raise errors.InvalidArgumentError(
            f"Expected images [n, 28, 28] and classes in {str(path)!r}. Received: {x.dtype} {x.shape} and {y.dtype}."
        )
    return data_set(_small_images(x), y.astype("int32"))


def _arrays(path, keys):
    """Arrays of an .npz file."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return [found[key] for key in keys]
    except (*errors.MALFORMED, KeyError, AttributeError, MemoryError) as error:
        raise errors.InvalidArgumentError(
            f"Expected an .npz file with {' and '.join(map('`{}`'.format, keys))}. Received: {str(path)!r} ({error})."
        ) from error


def _small_images(images):
    """Images [n, 28, 28] as [n, 8, 8, 1]: with a border of 2, the mean of each 4 x 4."""
    bordered = np.pad(np.asarray(images, "float32"), ((0, 0), (2, 2), (2, 2)))
    return bordered.reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))[..., None]


def _standardised(values):
    axes = 0 if values.ndim == 2 else None
    values = values.astype("float64")
    deviation = values.std(axis=axes)
    return ((values - values.mean(axis=axes)) / np.where(deviation > 0, deviation, 1.0)).astype("float32")


@functools.cache
def table(name):
    """A table that comes with scikit-learn: one of `TABLES`."""
    if name not in TABLES:
        raise errors.InvalidArgumentError(f"Expected `name` to be one of {TABLES}. Received: {name!r}.")
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return data_set(x, y.astype("int32") if name != "diabetes" else y.astype("float32"))


def random_teacher(rng, examples, features=16, classes=None, width=16):
    """Targets by a random two-layer network on inputs whose spectrum decays as a random power.

    Args:
        rng: `numpy.random.Generator`.
        examples: int, n.
        features: int, D.
        classes: int >= 2, or None for regression on one number.
        width: int, of the teacher's hidden layer.
    """
    spectrum = np.arange(1, features + 1.0) ** -rng.uniform(0.0, 1.5)
    x = rng.normal(size=(examples, features)) * spectrum @ np.linalg.qr(rng.normal(size=(features, features)))[0]
    x = _standardised(x)
    hidden = np.tanh(x @ rng.normal(size=(features, width)) * rng.uniform(0.5, 2.0) / np.sqrt(features))
    y = hidden @ rng.normal(size=(width, classes or 1))
    return data_set(x, y if classes is None else np.argmax(y - y.mean(axis=0), axis=1))


def random_images(rng, examples, size=8, classes=10):
    """Images [n, size, size, 1] of random smooth shapes, one for each class, shifted, scaled in contrast, with noise.

    Args:
        rng: `numpy.random.Generator`.
        examples: int, n.
        size: int, H and W.
        classes: int >= 2.
    """
    frequency = np.abs(np.fft.fftfreq(size))
    smooth = np.exp(-np.square((frequency[:, None] + frequency[None]) / rng.uniform(0.1, 0.4)))
    shapes = np.fft.ifft2(np.fft.fft2(rng.normal(size=(classes, size, size))) * smooth).real
    shapes /= shapes.std(axis=(1, 2), keepdims=True)
    y = rng.integers(classes, size=examples)
    shift = rng.integers(-(size // 8), size // 8 + 1, (2, examples, 1))
    rows, columns = (np.arange(size) + shift) % size  # [n, size] each
    images = shapes[y[:, None, None], rows[:, :, None], columns[:, None, :]]
    contrast = np.exp(rng.normal(0, 0.3, (examples, 1, 1)))
    images = images * contrast + rng.normal(0, rng.uniform(0.2, 1.0), images.shape)
    return data_set(images[..., None], y)
