"""Families of trainees by name, as the program that trains controllers offers them.

Their data are random teachers, random images, tables that come with scikit-learn, and what the user adds.
"""

import functools

from keras_hparam import errors
from keras_hparam.tasks import data
from keras_hparam.tasks.family import Mixture
from keras_hparam.tasks.networks import ConvolutionalNetworks, DenseNetworks, NormalizedNetworks
from keras_hparam.tasks.transformers import TransformerNetworks

NAMES = (
    "dense", "dense_deep", "dense_wide", "dense_noisy", "normalized", "regression", "regression_noisy", "convolutional",
    "convolutional_noisy", "transformer", "dense_slow", "convolutional_slow", "dense_outliers",
)  # fmt: skip
TABLES = ("wine", "iris")


def by_name(name, added=()):
    """The family of a name, one of `NAMES`.

    Args:
        name: str.
        added: `DataSet`s that are added to the sources of each family that can learn from them.

    Raises:
        InvalidArgumentError: for an unknown name.

    Example:

    ```python
    family = by_name("convolutional_noisy")
    ```
    """
    if name not in NAMES:
        raise errors.InvalidArgumentError(f"Expected the name of a family, one of {NAMES}. Received: {name!r}.")
    classes = [one for one in added if one.is_classification]
    numbers = [one for one in added if not one.is_classification]
    images = [data.random_images, data.random_images, *(one for one in classes if one.x.shape[1:] == (8, 8, 1))]
    tables = [data.table(table) for table in TABLES]

    def vectors(features, outputs):
        return [*tables, *_teachers(features, outputs), *classes]

    regressions = [data.table("diabetes"), *_teachers(8, None), *numbers]
    noisy, squares = {"label_noise": 0.6, "name": name}, {"loss": "squared_error", "name": name}
    makers = {
        "dense": lambda: DenseNetworks(vectors(32, 10), (32,), 32, 10, batch_size=32, name=name),
        "dense_deep": lambda: DenseNetworks(
            vectors(16, 5), (24, 24), 16, 5, "tanh", batch_size=16, examples=256, label_noise=0.2, name=name
        ),
        "dense_wide": lambda: DenseNetworks(vectors(64, 10), (128,), 64, 10, batch_size=64, examples=1024, name=name),
        "dense_noisy": lambda: DenseNetworks(vectors(32, 10), (64,), 32, 10, batch_size=32, **noisy),
        "normalized": lambda: NormalizedNetworks(
            vectors(16, 5), (24, 24), 16, 5, batch_size=32, examples=256, label_noise=0.3, name=name
        ),
        "regression": lambda: DenseNetworks(regressions, (32,), 8, 1, batch_size=16, examples=256, **squares),
        "regression_noisy": lambda: DenseNetworks(
            regressions, (32, 32), 8, 1, batch_size=32, examples=256, label_noise=0.9, **squares
        ),
        "convolutional": lambda: ConvolutionalNetworks(images, batch_size=32, label_noise=0.1, name=name),
        "convolutional_noisy": lambda: ConvolutionalNetworks(images, filters=(12,), batch_size=32, **noisy),
        "transformer": lambda: TransformerNetworks(
            vectors(32, 10), outputs=10, batch_size=32, label_noise=0.2, name=name
        ),
        # Small initial weights in deep networks: training begins on a plateau.
        "dense_slow": lambda: DenseNetworks(
            vectors(16, 10), (32, 32, 32), 16, 10, batch_size=32, examples=256, scale=4.0, name=name
        ),
        "convolutional_slow": lambda: ConvolutionalNetworks(
            images, filters=(8, 16, 16), batch_size=32, examples=256, scale=4.0, label_noise=0.1, name=name
        ),
        # Few examples, easy but for wrong labels, also among those that it is judged by.
        "dense_outliers": lambda: DenseNetworks(
            tables + vectors(16, 3)[2:], (48,), 16, 3, batch_size=16, examples=128, label_noise=0.1,
            noisy_validation=True, name=name,
        ),
    }  # fmt: skip
    return makers[name]()


def mixture(texts, added=()):
    """The `Mixture` of families that texts "NAME" or "NAME:WEIGHT" name.

    Args:
        texts: sequence of str.
        added: as of `by_name`.

    Raises:
        InvalidArgumentError: for unknown names, a name twice, or weights that are no numbers > 0.
    """
    return Mixture.of_texts(texts, functools.partial(by_name, added=added))


def _teachers(features, classes):
    """Two sources of random teachers, so that they are drawn about as often as tables."""
    widths = (4, 32)
    return [functools.partial(data.random_teacher, features=features, classes=classes, width=w) for w in widths]
