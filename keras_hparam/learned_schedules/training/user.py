"""Training of a controller on the user's own models and data.

Axes: n examples, O numbers of a regression.
"""

import keras
import numpy as np

from keras_hparam import errors
from keras_hparam.configuration import is_integer, require
from keras_hparam.learned_schedules.config import FEATURES, ControllerConfig
from keras_hparam.learned_schedules.controller import Controller
from keras_hparam.learned_schedules.training.settings import ControllerTrainingSettings
from keras_hparam.learned_schedules.training.training import train
from keras_hparam.tasks.data import DataSet
from keras_hparam.tasks.keras_networks import KerasNetworks

TRAINING, VALIDATION = 512, 128  # the most examples of a trainee
SHARE = 0.25  # of a data set, for validation


def train_controller(
    build_model, data, *, loss="crossentropy", from_logits=False, batch_size=32, label_noise=0.0, controller=None,
    settings=None, workdir=None, resume=True, strategy=None, progress=None,
):  # fmt: skip
    """Trains a controller for `LearnedSchedule` on trainings of the user's models on the user's data.

    Every trainee is a model that begins anew and learns from a random part of a data set: at most 512 examples; at most
    128 others, a quarter of the data, are for validation. The numbers of x and y stay as they are, so the controller
    learns from inputs in the user's units.

    Args:
        build_model: callable without arguments that gives a `keras.Model`, see `KerasNetworks`; or a list of callables,
            several architectures, each of which has to fit all data.
        data: (x, y) of arrays, or a list of such pairs. x: finite numbers [n, …] of the model's input shape, n >= 2.
            y: for "crossentropy" int [n] or [n, 1], classes from 0; for "squared_error" numbers [n] or [n, O].
        loss: "crossentropy" or "squared_error" (half the mean of the squares).
        from_logits: bool, whether the outputs for "crossentropy" are logits, not probabilities.
        batch_size: int >= 1, of the trainings; with fewer training examples, all of them.
        label_noise: float in [0, 1), the largest share of replaced labels, or standard deviation of noise that is added
            to a regression's targets.
        controller: `Controller`, whose weights change; None for a new one with the base "cosine" that sees all features
            but the inputs', which say nothing where there are few data sets.
        settings: `ControllerTrainingSettings`; None for the default ones.
        workdir, resume, strategy, progress: as of `keras_hparam.learned_schedules.training.train`.

    Returns:
        `ControllerTrained`: the controller, its score and the validations.

    Raises:
        InvalidArgumentError: for arguments out of range, models or data that do not fit each other, or a checkpoint of
            another training.

    Source: US20210034973A1; Xu et al. 2019, arXiv 1909.09712.

    Example:

    ```python
    def build_model():
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])

    trained = train_controller(build_model, (x, y), settings=ControllerTrainingSettings(updates=100))
    schedule = LearnedSchedule(0.01, controller=trained.controller)
    ```
    """
    settings = ControllerTrainingSettings() if settings is None else settings
    require("settings", settings, isinstance(settings, ControllerTrainingSettings), "`ControllerTrainingSettings`")
    require("batch_size", batch_size, is_integer(batch_size, 1), "an int >= 1")
    builders = list(build_model) if isinstance(build_model, list | tuple) else [build_model]
    require("build_model", build_model, builders, "a callable or a list of callables")
    sources = _sources(data, loss)
    number = max(len(source.x) for source in sources)
    validation = max(1, min(VALIDATION, round(SHARE * number)))
    examples = min(TRAINING, number - validation)
    arguments = {
        "loss": loss, "from_logits": from_logits, "label_noise": label_noise, "examples": examples,
        "validation_examples": validation, "batch_size": min(batch_size, examples),
    }  # fmt: skip
    families = [KerasNetworks(builder, sources, **arguments) for builder in builders]
    if len(families) > 1:
        for index, family in enumerate(families):
            family.name = f"{index}-{family.name}"
    if controller is None:
        keras.utils.set_random_seed(settings.seed)
        seen = tuple(name for name in FEATURES if name != "inputs")
        controller = Controller(ControllerConfig(base="cosine", features=seen))
    return train(
        controller, families, settings, workdir=workdir, resume=resume, strategy=strategy, progress=progress
    )  # fmt: skip


def _sources(data, loss):
    """`DataSet`s of (x, y) or of a list of such pairs, their numbers as they are."""
    pairs = data if isinstance(data, list) else [data]
    if not pairs or not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        found = [type(pair).__name__ for pair in pairs]
        raise errors.InvalidArgumentError(
            f"Expected `data` to be (x, y), or a list of such pairs, at least one. Received: {found or data!r}."
        )
    return [_source(*pair, loss) for pair in pairs]


def _source(x, y, loss):
    try:
        x, y = np.asarray(x), np.asarray(y)
    except ValueError as error:
        raise errors.InvalidArgumentError(f"Expected `data` (x, y) of arrays. Received: {error}.") from error
    fits = x.dtype.kind in "biuf" and y.dtype.kind in "biuf" and x.ndim >= 2 and y.ndim in (1, 2)
    if not fits or len(x) != len(y) or len(x) < 2:
        raise errors.InvalidArgumentError(
            "Expected `data` with x [n, …] and y [n] or [n, O] of numbers, n >= 2. "
            f"Received: {x.dtype} {x.shape} and {y.dtype} {y.shape}."
        )
    is_classes = loss == "crossentropy" and y.dtype.kind in "biu"
    with np.errstate(over="ignore"):
        x, y = x.astype("float32"), y.astype("int32" if is_classes else "float32")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise errors.InvalidArgumentError("Expected `data` of finite float32 numbers. Received: infinite ones or NaN.")
    if not is_classes:
        return DataSet(x, y.reshape(len(y), -1))
    if y.size != len(y) or y.min() < 0:
        raise errors.InvalidArgumentError(
            f"Expected `data` with y of int [n], classes from 0. Received: shape {y.shape}, least {y.min()}."
        )
    return DataSet(x, y.reshape(-1))
