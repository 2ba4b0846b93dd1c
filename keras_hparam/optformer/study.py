"""A study: one search space, its metadata and the trials so far, in tokens and raw objective values.

Axes: T trials in the order in which they began, D parameters of the space in its own order.
"""

import dataclasses
import enum

import numpy as np

from keras_hparam import errors
from keras_hparam.spaces import SearchSpace


class Status(enum.IntEnum):
    """What became of a trial."""

    COMPLETED = 0
    FAILED = 1  # crashed, invalid, or a non-finite objective
    PENDING = 2  # still running: its objective is a masked-out value


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What a user says about a study; any text, Unicode included; every field may be empty.

    Args:
        task: the machine learning task, such as "image classification".
        model: the model that is trained, such as "convnet".
        dataset: the data set, such as "digits".
        metric: the objective's name, such as "val_accuracy".
    """

    task: str = ""
    model: str = ""
    dataset: str = ""
    metric: str = ""


@dataclasses.dataclass(frozen=True)
class Study:
    """Trials of one search space.

    Args:
        space: the `SearchSpace` with D parameters.
        metadata: `Metadata` of the study.
        goal: "max" or "min", the direction in which the objective improves.
        tokens: int array [T, D], `space.to_tokens` of every trial (-1 where a parameter is inactive).
        objectives: float array [T], raw objective values; ignored where the status is not COMPLETED.
        statuses: int array [T] of `Status`.

    Raises:
        InvalidArgumentError: if shapes disagree or the goal is unknown.
    """

    space: SearchSpace
    metadata: Metadata
    goal: str
    tokens: np.ndarray
    objectives: np.ndarray
    statuses: np.ndarray

    def __post_init__(self):
        num_trials = len(self.objectives)
        expected = (num_trials, len(self.space.parameters))
        if np.shape(self.tokens) != expected or len(self.statuses) != num_trials:
            raise errors.InvalidArgumentError(
                f"Expected `tokens` of shape {expected} and {num_trials} statuses. "
                f"Received: tokens {np.shape(self.tokens)}, {len(self.statuses)} statuses."
            )
        if self.goal not in ("max", "min"):
            raise errors.InvalidArgumentError(f"Expected `goal` to be 'max' or 'min'. Received: {self.goal!r}.")

    def __len__(self):
        return len(self.objectives)

    @property
    def scores(self):
        """Objectives [T] with the sign that makes larger better, NaN where a trial is not COMPLETED."""
        sign = 1.0 if self.goal == "max" else -1.0
        completed = (np.asarray(self.statuses) == Status.COMPLETED) & np.isfinite(self.objectives)
        return np.where(completed, sign * np.asarray(self.objectives, float), np.nan)

    def take(self, rows):
        """The study with the trials at `rows` (int or bool array) only, in that order."""
        return dataclasses.replace(
            self, tokens=self.tokens[rows], objectives=self.objectives[rows], statuses=self.statuses[rows]
        )
