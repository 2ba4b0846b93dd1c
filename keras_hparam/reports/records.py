"""Plain records of trials, all that this room knows about a search.

Axes: T records in the order in which their trials began.
"""

import dataclasses
import math

import numpy as np

from keras_hparam import errors

STATUSES = ("completed", "failed", "pending")
GOALS = ("max", "min")
SCALES = ("linear", "log", "reverse_log", "categorical")


@dataclasses.dataclass(frozen=True)
class TrialRecord:
    """One trial of a search.

    Example:

    ```python
    TrialRecord(number=1, status="completed", objective=0.93, values={"units": 32, "optimizer": "adam"}, seconds=4.2)
    ```

    Args:
        number: int >= 1, the trial's place in the order in which trials began.
        status: "completed", "failed" (crashed, or its objective is not finite) or "pending" (still running).
        objective: float, finite where the status is "completed". Elsewhere a value that is not finite becomes None.
        values: dict from the name of each active parameter to a str, bool, int or finite float.
        seconds: float >= 0, wall-clock time of the trial, or None where it is unknown.

    Raises:
        InvalidArgumentError: if an argument is outside what is said above.
    """

    number: int
    status: str
    objective: float | None
    values: dict
    seconds: float | None = None

    def __post_init__(self):
        if isinstance(self.number, bool) or not isinstance(self.number, int) or self.number < 1:
            raise errors.InvalidArgumentError(
                f"Expected `number` to be an int of at least 1. Received: {self.number!r}."
            )
        check_choice("status", self.status, STATUSES)
        if not _is_finite(self.objective):
            if self.status == "completed":
                raise errors.InvalidArgumentError(
                    f"Expected `objective` of a completed trial to be a finite number. Received: {self.objective!r}."
                )
            object.__setattr__(self, "objective", None)
        if self.seconds is not None and not (_is_finite(self.seconds) and self.seconds >= 0):
            raise errors.InvalidArgumentError(
                f"Expected `seconds` to be None or a finite number >= 0. Received: {self.seconds!r}."
            )
        if not isinstance(self.values, dict):
            raise errors.InvalidArgumentError(f"Expected `values` to be a dict. Received: {self.values!r}.")
        for name, value in self.values.items():
            if not isinstance(name, str) or not (isinstance(value, (str, bool)) or _is_finite(value)):
                raise errors.InvalidArgumentError(
                    "Expected `values` to map str to str, bool, int or finite float (plain Python scalars). "
                    f"Received: {name!r}: {value!r}."
                )


@dataclasses.dataclass(frozen=True)
class ParameterScale:
    """How a parameter is drawn and described.

    Args:
        name: str, the parameter's name.
        scale: "linear", "log" or "reverse_log" for numbers, "categorical" for choices and booleans.
        low, high: the range of a number, ends included; None for a choice, or where the range is unknown.
        choices: tuple of the values of a choice in the order in which they are drawn; empty for a number.

    Raises:
        InvalidArgumentError: if the scale is unknown, or a logarithmic range does not begin above zero.
    """

    name: str
    scale: str = "linear"
    low: float | None = None
    high: float | None = None
    choices: tuple = ()

    def __post_init__(self):
        check_choice("scale", self.scale, SCALES)
        if self.scale in ("log", "reverse_log") and self.low is not None and self.low <= 0:
            raise errors.InvalidArgumentError(
                f"Expected `low` of {self.name!r} to be above 0 on the {self.scale} scale. Received: {self.low!r}."
            )


def check_choice(argument, value, allowed):
    """Raises InvalidArgumentError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise errors.InvalidArgumentError(f"Expected `{argument}` to be one of {list(allowed)}. Received: {value!r}.")


def objectives(records):
    """Objectives of the records, float [T]; NaN where a trial is not completed."""
    return np.array([r.objective if r.status == "completed" else np.nan for r in records], float)


def best_record(records, goal):
    """The completed record with the best objective, the earliest of equals; None while no trial is completed.

    Args:
        records: T `TrialRecord`s.
        goal: "max" or "min".

    Raises:
        InvalidArgumentError: if the goal is unknown.
    """
    check_choice("goal", goal, GOALS)
    completed = [record for record in records if record.status == "completed"]
    sign = 1 if goal == "max" else -1
    return max(completed, key=lambda record: sign * record.objective, default=None)


def best_so_far(records, goal):
    """Best objective among the records up to each one, float [T]; NaN before the first completed trial.

    Args:
        records: T `TrialRecord`s, in the order in which the curve runs.
        goal: "max" or "min".

    Raises:
        InvalidArgumentError: if the goal is unknown.
    """
    check_choice("goal", goal, GOALS)
    accumulate = np.fmax.accumulate if goal == "max" else np.fmin.accumulate
    return accumulate(objectives(records)) if len(records) else np.empty(0)


def _is_finite(value):
    """Whether `value` is a plain Python number, finite and not a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
