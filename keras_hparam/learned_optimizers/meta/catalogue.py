"""Families by name, as the program that trains optimizers offers them: those below, and lennard_jones_N.

Their data are random teachers, random images and four tables that come with scikit-learn. Digits, Fashion-MNIST and the
UCI regressions are not among them: optimizers are judged on those.
"""

import functools

from keras_hparam import errors
from keras_hparam.learned_optimizers.meta import clusters
from keras_hparam.learned_optimizers.particles import minima
from keras_hparam.learned_optimizers.particles.config import ParticleConfig
from keras_hparam.tasks import data, functions, networks
from keras_hparam.tasks.family import Mixture

NAMES = (
    "quadratics", "rastrigin", "ackley", "dense_classes", "dense_deep", "dense_wide", "dense_inputs",
    "dense_normalized", "dense_regression", "convolutional",
)  # fmt: skip
CLUSTERS = "lennard_jones_"
LARGE, FEW_CLUSTERS = 38, 12  # particles; clusters of more are fewer in a meta-step, and
GAP_SCALE = 0.5  # grows for them, whose usual gaps to the lowest energy are much larger


def by_name(name, arrays=(), final="both", particles=None):
    """The family of a name, one of `NAMES`.

    Args:
        name: str, also "lennard_jones_13" for clusters of 13 particles.
        arrays: `DataSet`s that are added to the sources of each family of networks that can learn from them.
        final: "training", "validation" or "both": what networks are judged by at the end, see `SupervisedTasks`.
        particles: `ParticleConfig`, which says how many steps clusters get; None for the default.

    Raises:
        InvalidArgumentError: for an unknown name.

    Example:

    ```python
    family = by_name("dense_classes")
    ```
    """
    if name.startswith(CLUSTERS):
        return _clusters(name, particles or ParticleConfig())
    if name not in NAMES:
        raise errors.InvalidArgumentError(
            f"Expected the name of a family, one of {NAMES} or {CLUSTERS}N. Received: {name!r}."
        )
    classes = [one for one in arrays if one.is_classification]
    numbers = [one for one in arrays if not one.is_classification]
    tables = [data.table(table) for table in data.TABLES if table != "diabetes"]
    dense, judged = networks.DenseNetworks, {"final": final}
    small = {"batch_size": 32, "examples": 256, **judged}
    makers = {
        "quadratics": lambda: functions.Quadratics(20),
        "rastrigin": lambda: functions.Rastrigin(10),
        "ackley": lambda: functions.Ackley(10),
        "dense_classes": lambda: dense([*tables, *_teachers(32, 10), *classes], (32,), 32, 10, **judged),
        "dense_deep": lambda: dense([*tables, *_teachers(16, 5), *classes], (24, 24), 16, 5, "tanh", **small),
        "dense_wide": lambda: dense([*tables, *_teachers(64, 10), *classes], (128,), 64, 10, **judged),
        "dense_inputs": lambda: dense([*tables, *_teachers(256, 10), *classes], (24, 16), 256, 10, **judged),
        "dense_normalized": lambda: networks.NormalizedNetworks(
            [*tables, *_teachers(16, 5), *classes], (24, 24), 16, 5, **small
        ),
        "dense_regression": lambda: dense(
            [data.table("diabetes"), *_teachers(8, None), *numbers], (32,), 8, 1, loss="squared_error", **small
        ),
        "convolutional": lambda: networks.ConvolutionalNetworks(
            [data.random_images, *(one for one in classes if one.x.shape[1:] == (8, 8, 1))], batch_size=32, **judged
        ),
    }  # fmt: skip
    return makers[name]()


def mixture(texts, arrays=(), final="both", particles=None):
    """The `Mixture` of families that texts name.

    Args:
        texts: sequence of "NAME" or "NAME:WEIGHT".
        arrays, final, particles: as of `by_name`.

    Raises:
        InvalidArgumentError: for unknown names, a name twice, or weights that are no numbers > 0.

    Example:

    ```python
    tasks = mixture(["quadratics", "dense_classes:3"])
    ```
    """
    make = functools.partial(by_name, arrays=arrays, final=final, particles=particles)
    return Mixture.of_texts(texts, make)


def _teachers(features, classes):
    """Two sources of random teachers, so that they are drawn about as often as tables."""
    widths = (4, 32)
    return [functools.partial(data.random_teacher, features=features, classes=classes, width=w) for w in widths]


def _clusters(name, config):
    """Lennard-Jones clusters of a number of particles, with the steps that minimisation gives them."""
    number = name.removeprefix(CLUSTERS)
    if not number.isdecimal() or int(number) not in minima.LENNARD_JONES:
        known = f"{min(minima.LENNARD_JONES)} to {max(minima.LENNARD_JONES)}"
        raise errors.InvalidArgumentError(f"Expected {CLUSTERS}N with N from {known}. Received: {name!r}.")
    size = int(number)
    steps = config.num_steps(size)
    few = FEW_CLUSTERS if size > LARGE else None
    return clusters.Clusters(
        size, minima.LENNARD_JONES[size], lengths=(steps, steps), meta_batch_size=few,
        gap_scale=GAP_SCALE * max(1.0, size / LARGE) ** 4,
    )  # fmt: skip
