"""The steps from a finished search to the networks of a hyper-deep ensemble.

Axes: M settings of the search, N of them that are selected, K members, n held-out examples.
"""

import contextlib
import logging
import pathlib
import tempfile

import keras
import numpy as np

from keras_hparam import errors
from keras_hparam.ensembles import held_out
from keras_hparam.ensembles.network_store import digest

SECOND_CANDIDATES = ("saved", "trained")
_LOGGER = logging.getLogger(__name__)


def check_arguments(x, validation_data, seed, second_candidates="saved", combination="mean", replacement=True):
    """Raises InvalidArgumentError for arguments of `HyperDeepEnsemble.from_tuner` that fit no search."""
    for name, value in (("x", x), ("validation_data", validation_data)):
        if value is None:
            raise errors.InvalidArgumentError(
                f"Expected `x` to train on and `validation_data` to select on. Received: {name}=None."
            )
    if second_candidates not in SECOND_CANDIDATES:
        raise errors.InvalidArgumentError(
            f"Expected `second_candidates` to be one of {SECOND_CANDIDATES}. Received: {second_candidates!r}."
        )
    if combination != "mean" and replacement:
        raise errors.InvalidArgumentError(
            "Expected replacement=False with a combination other than 'mean', which has no weights. "
            f"Received: combination={combination!r}."
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise errors.InvalidArgumentError(f"Expected `seed` to be an int >= 0. Received: {seed!r}.")


def check_probe(probe, inputs, labels, kind, loss):
    """Checks with an untrained network, before any is trained, that its outputs fit the labels and that it is saved."""
    predictions = probe.predict(inputs, batch_size=256, verbose=0)
    if not isinstance(predictions, np.ndarray):
        raise errors.InvalidArgumentError(
            f"Expected `tuner` of models with one output. Received: outputs in a {type(predictions).__name__}."
        )
    if np.isfinite(predictions).all():
        held_out.select(predictions[None], labels, kind, loss, 1)
    config = keras.saving.serialize_keras_object(probe)
    config.pop("compile_config", None)  # members are loaded without
    try:
        keras.saving.deserialize_keras_object(config)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise errors.InvalidArgumentError(
            "Expected `tuner` of models that can be saved and loaded; register their classes and functions with "
            f"keras.saving.register_keras_serializable. Received: {error}"
        ) from error


@contextlib.contextmanager
def folder(directory):
    """Yields the directory as a path; for None a temporary one."""
    if directory is not None:
        yield pathlib.Path(directory)
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield pathlib.Path(folder)


def _plain(value):
    return value if value is None or isinstance(value, bool | int | float | str) else digest(value)


def compile_arguments(network):
    """Arguments of `compile`: the network's loss and fresh copies of its metrics; {} if it is not compiled.

    Metrics that cannot be copied are left out, with a warning.
    """
    if not network.compiled or network.loss is None:
        return {}
    try:
        found = keras.saving.deserialize_keras_object(network.get_compile_config())
    except (TypeError, ValueError) as error:
        _LOGGER.warning("The ensemble is compiled without metrics, which cannot be copied: %s", error)
        found = {}
    metrics = {name: found.get(name) for name in ("metrics", "weighted_metrics")}
    return {"loss": network.loss, **{name: value for name, value in metrics.items() if value is not None}}


def describe(search, data, validation, fit_arguments, second_candidates, seed):
    """What all networks of a directory have in common: a dict of plain JSON values."""
    return {
        "data": {"training": digest(data), "validation": digest(validation)},
        "fit": {name: _plain(value) for name, value in fit_arguments.items()},
        "search": search.describe(),
        "second_candidates": second_candidates,
        "seed": seed,
    }


def select(pool, search, sizes, judge, replacement, unique):
    """Selects N settings, then K networks of these.

    Args:
        pool: `NetworkPool`.
        search: `FinishedSearch`.
        sizes: `Sizes` without None.
        judge: dict with the `labels`, `kind` and `loss` of `held_out.select`.
        replacement, unique: of the second selection.

    Returns:
        (requests, `Selection`): the networks that could be selected, as `NetworkPool` knows them, and which were.
    """
    requests = [(setting, 0) for setting in search.settings[: sizes.num_top]]
    requests, predictions = pool.finite(requests, sizes.num_settings, "the selection of `num_settings` settings")
    chosen = held_out.select(predictions, size=sizes.num_settings, replacement=False, **judge)
    settings = [requests[index][0] for index in chosen.members]
    _LOGGER.info("Validation losses while %d settings are selected: %s", len(settings), chosen.losses)
    requests = [(setting, number) for setting in settings for number in range(sizes.num_initializations)]
    least = sizes.ensemble_size if unique or not replacement else 1
    requests, predictions = pool.finite(requests, least, "the selection of `ensemble_size` members")
    selection = held_out.select(
        predictions, size=sizes.ensemble_size, replacement=replacement, unique=unique, **judge
    )
    _LOGGER.info("Validation losses while members %s are selected: %s", selection.members, selection.losses)
    return requests, selection
