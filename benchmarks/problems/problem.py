"""A search problem: a space, what a user would say about it, and an objective that costs next to nothing."""

import collections.abc
import dataclasses

from keras_hparam import errors
from keras_hparam.optformer.study import Metadata


@dataclasses.dataclass(frozen=True)
class Problem:
    """One objective over one search space.

    Args:
        name: unique name, usable as a file name.
        suite: the group of problems that are averaged together, such as "lcbench".
        build: callable without arguments that returns a fresh `kt.HyperParameters`.
        metadata: `Metadata` that goes with the space; `metadata.metric` names the objective.
        goal: "max" or "min".
        evaluate: callable from a dict of active values to a finite float, deterministic.
        best_values: values of a known global optimum, or `None` if it must be searched for.

    Raises:
        InvalidArgumentError: if the goal is unknown.
    """

    name: str
    suite: str
    build: collections.abc.Callable
    metadata: Metadata
    goal: str
    evaluate: collections.abc.Callable
    best_values: dict | None = None

    def __post_init__(self):
        if self.goal not in ("max", "min"):
            raise errors.InvalidArgumentError(f"Expected `goal` to be 'max' or 'min'. Received: {self.goal!r}.")

    @property
    def sign(self):
        """1.0 where larger is better, -1.0 where smaller is."""
        return 1.0 if self.goal == "max" else -1.0
