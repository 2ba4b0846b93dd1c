"""From the trials of a running search to a `Study`, and values that no trial has tried.

Axes: T trials in the order in which they began, D parameters of the space in its own order.
"""

import math

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer.study import Status, Study

_NUM_RANDOM_ROWS = 256


def plain(value):
    """A NumPy scalar as the Python scalar it stands for; anything else unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def nearest_legal(parameter, value):
    """`value` if `parameter` allows it, else the nearest value it allows, else (a category) its default.

    A search that refused an illegal value would end; values become illegal when a trial changes its own
    hyperparameters, or by a rounding when they travel as float32 between a worker and its chief.
    """
    value = plain(value)
    if parameter.kind in ("float", "int"):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        value = min(max(value if is_number else parameter.default, parameter.low), parameter.high)
        value = round(value) if parameter.kind == "int" else float(value)
    elif not parameter.contains(value):
        value = parameter.default
    return value if parameter.num_values is None else parameter.from_index(parameter.to_index(value))


def complete_values(space, values):
    """Values of the active parameters, missing ones at their default, illegal ones at the nearest legal value.

    Args:
        space: `SearchSpace` with D parameters.
        values: mapping of parameter names to values; names that the space lacks and inactive ones are ignored.

    Returns:
        dict of active values as plain Python scalars, in the order of the space.
    """
    try:
        return space.complete(values)
    except errors.InvalidArgumentError:
        return space.complete(_nearest_values(space, values))


def _nearest_values(space, values):
    active = {}
    for parameter in space.parameters:
        holds = all(parent.name in active and active[parent.name] in parent.values for parent in parameter.conditions)
        if holds and parameter.name not in active:
            active[parameter.name] = nearest_legal(parameter, values.get(parameter.name, parameter.default))
    return active


def validate_initial_trial(space, values, index):
    """Checks one of the user's `initial_trials` against the space.

    Raises:
        InvalidArgumentError: if a name is unknown, or a value lies outside the range of every parameter of that name.
    """
    names = sorted({parameter.name for parameter in space.parameters})
    for name, value in values.items():
        candidates = [parameter for parameter in space.parameters if parameter.name == name]
        if not candidates:
            raise errors.InvalidArgumentError(
                f"Expected the names in `initial_trials[{index}]` to be among the hyperparameters {names}. "
                f"Received: {name!r}."
            )
        if not any(parameter.contains(value) for parameter in candidates):
            allowed = " or ".join(parameter.range_text for parameter in candidates)
            raise errors.InvalidArgumentError(
                f"Expected `initial_trials[{index}][{name!r}]` to be {allowed}. Received: {value!r}."
            )


def _outcome(trial, ended):
    """Objective and `Status` of one KerasTuner trial."""
    if trial.trial_id not in ended:
        return math.nan, Status.PENDING
    if trial.status == "COMPLETED" and trial.score is not None and math.isfinite(trial.score):
        return float(trial.score), Status.COMPLETED
    return math.nan, Status.FAILED


class TrialEncoder:
    """Tokens and keys of KerasTuner trials in one space, computed once while a trial's values stay the same.

    Args:
        space: `SearchSpace` with D parameters.
        num_bins: number of bins of the tokens.
    """

    def __init__(self, space, num_bins):
        self.space, self.num_bins = space, num_bins
        self._known = {}  # trial id -> its values, tokens and key

    def __call__(self, trial):
        """Tokens, int32 [D] with -1 where inactive, and `space.key` of one trial."""
        values = trial.hyperparameters.values
        known = self._known.get(trial.trial_id)
        if known is None or known[0] != values:
            active = complete_values(self.space, values)
            known = dict(values), self.space.to_tokens(active, self.num_bins), self.space.key(active)
            self._known[trial.trial_id] = known
        return known[1:]


def study_from_trials(encoder, metadata, goal, trials, ended):
    """A `Study` of KerasTuner trials.

    Args:
        encoder: `TrialEncoder` of a space with D parameters.
        metadata: `Metadata`.
        goal: "max" or "min".
        trials: list of T KerasTuner trials in the order in which they began.
        ended: set of the ids of those that will not run again; the others are PENDING.

    Returns:
        tuple of the `Study` with T trials and the set of their keys, the configurations tried so far.
    """
    encoded = [encoder(trial) for trial in trials]
    tokens = np.array([row for row, _ in encoded], np.int32).reshape(len(trials), len(encoder.space))  # [T, D]
    outcomes = [_outcome(trial, ended) for trial in trials]
    objectives = np.array([objective for objective, _ in outcomes], float)
    statuses = np.array([status for _, status in outcomes], int)
    study = Study(encoder.space, metadata, goal, tokens, objectives, statuses)
    return study, {key for _, key in encoded}


def untried_values(space, tried, exclude, rng, num_bins):
    """Active values that no trial has, for when the proposer finds none.

    Random token rows first; then, in a finite space, its configurations one by one, and in a continuous one values
    between the bins' centres.

    Args:
        space: `SearchSpace` with D parameters and more configurations than `tried` holds.
        tried: set of `space.key` of the trials so far.
        exclude: set of `row.tobytes()` of their int32 token rows.
        rng: `np.random.Generator`.
        num_bins: number of bins of the tokens.
    """
    for row in space.random_tokens(rng, _NUM_RANDOM_ROWS, num_bins):  # [D]
        if np.asarray(row, np.int32).tobytes() not in exclude:
            return space.from_tokens(row, num_bins)
    if math.isfinite(space.size):
        return next(values for values in space.enumerate() if space.key(values) not in tried)
    while True:
        values = complete_values(space, {p.name: _random_value(p, rng) for p in space.parameters})
        if space.key(values) not in tried:
            return values


def _random_value(parameter, rng):
    if parameter.num_values is None:
        return parameter.from_unit(rng.random())
    return parameter.from_index(int(rng.integers(parameter.num_values)))
