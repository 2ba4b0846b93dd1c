"""One parameter of a search space: its values, their place in the unit interval, and their tokens.

A token of a categorical parameter is the index of its category; any other is the index of one of `num_bins` equal
bins of the unit interval.
"""

import dataclasses
import functools

from keras_hparam import errors
from keras_hparam.spaces import scales, tokens, validation


@dataclasses.dataclass(frozen=True)
class Condition:
    """A parameter is active only while its parent `name` is active and has one of `values`."""

    name: str
    values: tuple

    def __post_init__(self):
        if isinstance(self.values, str) or not len(self.values):
            raise errors.InvalidArgumentError(
                f"Expected the condition on {self.name!r} to have a non-empty sequence of `values`. "
                f"Received: {self.values!r}."
            )
        object.__setattr__(self, "values", tuple(self.values))


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: what values it may take and when it is active.

    Args:
        name: a non-empty string, with its name scopes ("block/units").
        kind: "float", "int", "choice", "boolean" or "fixed".
        low, high: inclusive bounds of a "float" or "int".
        step: distance of neighbouring values; on the log scales their ratio, > 1. None leaves a "float" continuous
            and an "int" every integer. The values are those counted from `low` ("reverse_log": from `high`), so that
            the other bound belongs to them only where a whole number of steps reaches it.
        scale: "linear", "log" or "reverse_log" (dense near `high`).
        values: values of a "choice", or the one of a "fixed": str, int, float or bool.
        ordered: whether a "choice" is a scale in the order of its values rather than a set of categories.
        default: the value where none is given; None means `low`, the first of `values`, or False. One between the
            steps is allowed, as in KerasTuner, and stands for the nearest value.
        conditions: `Condition`s that all hold when the parameter is active.

    Raises:
        InvalidArgumentError: if a field does not fit the kind, bounds are not finite or out of order, a log scale has
            low <= 0, a step is not positive (log scales: not above 1), values repeat (1, 1.0 and True are the same) or
            are missing, or the default lies outside.

    Example:
        >>> Parameter("learning_rate", "float", low=1e-4, high=1e-1, scale="log").from_unit(0.5)
        0.0031622776601683794
    """

    name: str
    kind: str
    low: float | int | None = None
    high: float | int | None = None
    step: float | int | None = None
    scale: str = "linear"
    values: tuple = ()
    ordered: bool = False
    default: object = None
    conditions: tuple = ()

    def __post_init__(self):
        for field, value in validation.normalized_fields(self).items():
            object.__setattr__(self, field, value)

    @functools.cached_property
    def num_values(self):
        """The number of values, an int; None of a continuous one."""
        if self.values:
            return len(self.values)
        if self.low == self.high:
            return 1
        if self.step is not None:
            return scales.grid_size(*self._grid)
        return self.high - self.low + 1 if self.kind == "int" else None

    @property
    def is_categorical(self):
        """Whether a token is a category's index: "boolean", "fixed" and an unordered "choice"."""
        return self.kind in ("boolean", "fixed") or (self.kind == "choice" and not self.ordered)

    @property
    def has_smooth_scale(self):
        """Whether the unit interval maps onto the range as a whole rather than onto the cells of n values."""
        return self.step is None and not self.values and self.low != self.high

    @property
    def range_text(self):
        """The range in words, for messages."""
        return validation.range_text(self)

    def contains(self, value):
        """Whether `value` is one of the parameter's values (on a grid of steps: but for rounding)."""
        if not validation.is_in_range(self, value):
            return False
        if self.values or self.step is None:
            return True
        return scales.same_on_grid(value, self.from_index(self.to_index(value)), *self._grid)

    def to_index(self, value):
        """The index, ascending from 0, of a finite parameter's `value`; one between two steps counts as the nearest.

        Raises:
            InvalidArgumentError: if the value lies outside the range or the parameter is continuous.
        """
        self._check_in_range(value)
        if self.values:
            return self.indices[value]
        if self.num_values is None:
            validation.fail(self.name, "have a finite number of values", self.range_text)
        if self.num_values == 1:
            return 0
        return int(value) - self.low if self.step is None else scales.grid_index(value, *self._grid)

    def from_index(self, index):
        """The value, a plain Python scalar, at `index` in [0, num_values) of a finite parameter."""
        if self.num_values is None or not 0 <= index < self.num_values:
            validation.fail(self.name, f"have an index in [0, {self.num_values})", f"index={index!r}")
        if self.values:
            return self.values[index]
        cast = int if self.kind == "int" else float
        return cast(self.low + int(index) if self.step is None else scales.grid_value(int(index), *self._grid))

    def to_unit(self, value):
        """The place in [0, 1] of `value`; that of the i-th of n values on a grid of steps is (i + 1/2) / n.

        An "int" on a log scale without steps is placed as KerasTuner does: the centre of [value, value + 1).
        """
        if not self.has_smooth_scale:
            return (self.to_index(value) + 0.5) / self.num_values
        self._check_in_range(value)
        if self.kind == "int":
            return scales.unit_of(int(value) + 0.5, self.low, self.high + 1, self.scale)
        return scales.unit_of(float(value), self.low, self.high, self.scale)

    def from_unit(self, unit):
        """The value at `unit` in [0, 1], a plain Python scalar: the smallest at 0, the largest at 1."""
        if not 0.0 <= unit <= 1.0:
            validation.fail(self.name, "have a `unit` in [0, 1]", f"unit={unit!r}")
        if not self.has_smooth_scale:
            return self.from_index(scales.unit_to_bin(float(unit), self.num_values))
        if self.kind == "int":
            return min(int(scales.value_at(float(unit), self.low, self.high + 1, self.scale)), self.high)
        return scales.value_at(float(unit), self.low, self.high, self.scale)

    def to_token(self, value, num_bins):
        """The token, an int in [0, num_bins), of `value`.

        Raises:
            InvalidArgumentError: if the value lies outside the range or there are more categories than bins.
        """
        return tokens.to_token(self, value, num_bins)

    def from_token(self, token, num_bins):
        """The value of a legal `token`, a plain Python scalar.

        It is exact where a finite parameter has at most `num_bins` values on a linear scale, on a grid of steps or in a
        list; a continuous one takes the bin's centre, and other integers one from within the bin.

        Raises:
            InvalidArgumentError: if the token is not among `legal_tokens(num_bins)`.
        """
        value = tokens.from_token(self, int(token), num_bins)
        if value is None:
            validation.fail(self.name, f"have a token that is legal among {num_bins} bins", f"token={token!r}")
        return value

    def legal_tokens(self, num_bins):
        """The tokens that decode to a value, a sorted int array (read-only)."""
        if num_bins not in self._legal_tokens:
            legal = tokens.legal_tokens(self, num_bins)
            legal.setflags(write=False)
            self._legal_tokens[num_bins] = legal
        return self._legal_tokens[num_bins]

    def uniform_draws(self, num_bins):
        """Legal tokens, an int array from which uniform draws are uniform over the parameter's scale or categories."""
        if num_bins not in self._uniform_draws:
            self._uniform_draws[num_bins] = tokens.uniform_draws(self, num_bins)
        return self._uniform_draws[num_bins]

    @property
    def _grid(self):
        return self.low, self.high, self.step, self.scale

    @functools.cached_property
    def indices(self):
        """A dict from each listed value to its index; empty where values are not listed."""
        return {value: index for index, value in enumerate(self.values)}

    @functools.cached_property
    def _legal_tokens(self):
        return {}

    @functools.cached_property
    def _uniform_draws(self):
        return {}

    def _check_in_range(self, value):
        if not validation.is_in_range(self, value):
            validation.fail(self.name, f"be {self.range_text}", f"{value!r}")
