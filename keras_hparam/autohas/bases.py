"""Bases of a search space: the candidates of one choice, whose coefficients an encoding holds.

Source: US20210383223A1, Eq. 2 and 3; Dong et al. 2020, arXiv 2006.03656: a value is a linear combination of the
candidates of its basis, and for a categorical one all coefficients but one are 0 in the end.
"""

import dataclasses
import math

import numpy as np

from keras_hparam.configuration import is_number, require

KINDS = ("architecture", "categorical", "continuous")
LOGARITHMIC = ("learning_rate", "weight_decay")  # combined in log space, where all their values are above 0


@dataclasses.dataclass(frozen=True)
class Basis:
    """The candidates of one choice.

    Attributes:
        name: str, unique in a search space.
        kind: "architecture" (operations, widths), "categorical" or "continuous".
        values: tuple of n ≥ 1 distinct candidates: strings, or ints of a width, or floats of a continuous one.
        is_logarithmic: whether values are combined by their logarithms.

    Raises:
        InvalidArgumentError: for no values, values that repeat, or continuous values that are no finite numbers, or not
            above 0 where they are combined by their logarithms.

    Example:
        >>> Basis("weight_decay", "continuous", (1e-5, 1e-4, 1e-3), is_logarithmic=True).combine([0.5, 0.0, 0.5])
        1e-4
    """

    name: str
    kind: str
    values: tuple
    is_logarithmic: bool = False

    def __post_init__(self):
        require("kind", self.kind, self.kind in KINDS, f"one of {KINDS}")
        require(self.name, self.values, len(self.values) >= 1, "a list of at least one candidate")
        require(self.name, self.values, len(set(self.values)) == len(self.values), "candidates that do not repeat")
        if self.kind == "continuous":
            require(self.name, self.values, all(map(is_number, self.values)), "finite numbers")
        if self.is_logarithmic:
            require(self.name, self.values, min(self.values) > 0, "numbers > 0")

    def __len__(self):
        return len(self.values)

    def combine(self, coefficients):
        """The value of coefficients [n] that sum to 1: a weighted sum for numbers, else the most probable candidate."""
        coefficients = np.asarray(coefficients, "float64")
        if self.kind != "continuous":
            return self.values[int(np.argmax(coefficients))]
        if len(set(np.flatnonzero(coefficients))) == 1:
            return self.values[int(np.argmax(coefficients))]
        if self.is_logarithmic:
            return math.exp(coefficients @ np.log(self.values))
        return float(coefficients @ np.asarray(self.values, "float64"))

    def choose(self, hp):
        """The value that KerasTuner's `hp` gives: one candidate, or any number in the range of a continuous basis."""
        if self.kind != "continuous":
            return hp.Choice(self.name, list(self.values), ordered=isinstance(self.values[0], int))
        low, high = min(self.values), max(self.values)
        if low == high:
            return hp.Fixed(self.name, low)
        return hp.Float(
            self.name, low, high, sampling="log" if self.is_logarithmic else "linear", default=self.values[0]
        )


def continuous(name, values, low=-math.inf, high=math.inf):
    """A `Basis` of numbers in [low, high), combined by their logarithms if the name is one of `LOGARITHMIC`."""
    require(name, values, isinstance(values, list | tuple), "a list of numbers")
    numbers = all(is_number(value) and low <= value < high for value in values)
    require(name, values, numbers, f"a list of numbers in [{low}, {high})")
    values = tuple(float(value) for value in values)
    return Basis(name, "continuous", values, name in LOGARITHMIC and min(values, default=0) > 0)
