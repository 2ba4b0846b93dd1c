"""Checks of the arguments that the Oracle and the tuner take: what was expected, and what was received."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer.history import plain
from keras_hparam.optformer.study import Metadata


def as_integer(name, value, minimum):
    """`value` as an int of at least `minimum`.

    Raises:
        InvalidArgumentError: if it is no integer (a bool is none) or too small.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= minimum:
        return int(value)
    raise errors.InvalidArgumentError(f"Expected `{name}` to be an integer >= {minimum}. Received: {value!r}.")


def as_metadata(metadata):
    """`Metadata` from None, a text (the task), a mapping of the fields, or a `Metadata`.

    Raises:
        InvalidArgumentError: if it is something else, or has an unknown field or a value that is no text.
    """
    if metadata is None:
        return Metadata()
    if isinstance(metadata, Metadata):
        return metadata
    if isinstance(metadata, str):
        return Metadata(task=metadata)
    fields = [field.name for field in dataclasses.fields(Metadata)]
    if (
        isinstance(metadata, Mapping)
        and set(metadata) <= set(fields)
        and all(isinstance(text, str) for text in metadata.values())
    ):
        return Metadata(**metadata)
    raise errors.InvalidArgumentError(
        f"Expected `metadata` to be a text, a Metadata, or a mapping of {fields} to texts. Received: {metadata!r}."
    )


def as_initial_trials(initial_trials):
    """The user's trials as a list of dicts of plain Python scalars, not yet checked against a space.

    Raises:
        InvalidArgumentError: if it is not a list of mappings from names to str, int, float or bool.
    """
    trials = [] if initial_trials is None else initial_trials
    if not isinstance(trials, (list, tuple)) or not all(isinstance(trial, Mapping) for trial in trials):
        raise errors.InvalidArgumentError(
            f"Expected `initial_trials` to be a list of mappings of names to values. Received: {initial_trials!r}."
        )
    trials = [{name: plain(value) for name, value in trial.items()} for trial in trials]
    for index, trial in enumerate(trials):
        for name, value in trial.items():
            if not isinstance(name, str) or not isinstance(value, (str, int, float, bool)):
                raise errors.InvalidArgumentError(
                    f"Expected `initial_trials[{index}]` to map names to str, int, float or bool. "
                    f"Received: {name!r}: {value!r}."
                )
    return trials


def check_hyperparameters(hyperparameters, may_grow):
    """Raises InvalidArgumentError unless it is a KerasTuner HyperParameters, with parameters if it may not grow."""
    if hyperparameters is not None and not hasattr(hyperparameters, "space"):
        raise errors.InvalidArgumentError(
            f"Expected `hyperparameters` to be a keras_tuner.HyperParameters. Received: {hyperparameters!r}."
        )
    if not may_grow and not (hyperparameters and hyperparameters.space):
        raise errors.InvalidArgumentError(
            "Expected `hyperparameters` with at least one parameter, as `allow_new_entries` or `tune_new_entries` "
            f"is False. Received: hyperparameters={hyperparameters!r}."
        )


def check_directions(objective, received):
    """Raises InvalidArgumentError unless a KerasTuner objective, or each one of several, is 'min' or 'max'."""
    parts = getattr(objective, "objectives", [objective])
    if not parts or any(part.direction not in ("min", "max") for part in parts):
        raise unknown_objective(received)


def unknown_objective(received):
    """The error for an objective whose name or direction KerasTuner does not know."""
    shown = str(received) if hasattr(received, "direction") else repr(received)
    return errors.InvalidArgumentError(
        "Expected `objective` to be the name of a Keras metric or loss such as 'val_accuracy', a "
        f"keras_tuner.Objective(name, 'min' or 'max'), or a list of these. Received: {shown}."
    )
