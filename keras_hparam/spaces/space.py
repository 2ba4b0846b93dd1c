"""A search space: an ordered tuple of parameters with conditions, its values and its rows of tokens.

Axes: N configurations, D parameters in the order of the space. Tokens are int32; -1 stands for an inactive parameter.
"""

import dataclasses
import functools
import math

import numpy as np

from keras_hparam import errors
from keras_hparam.spaces import conditions, enumeration, sampling, validation
from keras_hparam.spaces.parameter import Parameter


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """An ordered, immutable search space with conditions.

    The same name may occur several times under different conditions; of those whose conditions hold, the first counts.
    A condition on a value that its parent can only take within rounding, or within a bin of tokens, makes the parent
    decode to that very value.

    Args:
        parameters: sequence of D `Parameter`s, every parent before its children.

    Raises:
        InvalidArgumentError: if an entry is no `Parameter`, a parent is missing or late, or a parameter is declared
            twice under the same conditions.

    Example:
        >>> space = SearchSpace((Parameter("units", "int", 1, 3), Parameter("bias", "boolean")))
        >>> space.size
        6
        >>> space.from_tokens(space.to_tokens({"units": 2}))
        {'units': 2, 'bias': False}
    """

    parameters: tuple

    def __post_init__(self):
        object.__setattr__(self, "parameters", tuple(self.parameters))
        for parameter in self.parameters:
            if not isinstance(parameter, Parameter):
                message = f"Expected `parameters` to be a sequence of Parameter. Received: {parameter!r}."
                raise errors.InvalidArgumentError(message)
        conditions.check_order(self.parameters)

    def __len__(self):
        return len(self.parameters)

    @functools.cached_property
    def size(self):
        """The number of distinct configurations: an int, or math.inf if a continuous parameter can be active."""
        return enumeration.count_configurations(self.parameters, self._canonical)

    def enumerate(self):
        """An iterator over all dicts of active values, the last parameters varying fastest.

        Raises:
            InvalidArgumentError: if the space is infinite.
        """
        if self.size == math.inf:
            continuous = [p.name for p in self.parameters if p.num_values is None]
            raise errors.InvalidArgumentError(
                f"Expected a finite space to enumerate. Received: one with continuous parameters {continuous}."
            )
        return enumeration.iterate(self.parameters, self._value_at)

    def complete(self, values):
        """The dict of all active values, in canonical form, that the mapping `values` stands for.

        Inactive entries are dropped and missing active ones take their defaults.

        Raises:
            InvalidArgumentError: if an active value lies outside its range.
        """
        return {self.parameters[d].name: value for d, value in self._walk(values)}

    def validate(self, values):
        """Checks a mapping that may leave active parameters out (defaults) and may hold inactive ones (ignored).

        Raises:
            InvalidArgumentError: if a name is unknown or an active value is not one of its parameter's.
        """
        known = {p.name for p in self.parameters}
        for name in values:
            if name not in known:
                raise errors.InvalidArgumentError(f"Expected parameters among {sorted(known)}. Received: {name!r}.")
        for d, _ in self._walk(values):
            parameter = self.parameters[d]
            if parameter.name in values and not parameter.contains(values[parameter.name]):
                validation.fail(parameter.name, f"be {parameter.range_text}", repr(values[parameter.name]))

    def key(self, values):
        """A hashable key, equal for two mappings exactly if they stand for the same active values."""
        return tuple(self.complete(values).items())

    def grows_from(self, earlier):
        """Whether this space has all parameters of `earlier`, unchanged, and perhaps more."""
        return set(earlier.parameters) <= set(self.parameters)

    def to_tokens(self, values, num_bins=1000):
        """Tokens, int32 [D] with -1 where inactive, of a mapping from names to values.

        A value between the steps of its parameter counts as the nearest one; a missing active value takes its
        default; values of inactive parameters are ignored.

        Raises:
            InvalidArgumentError: if an active value lies outside its range.
        """
        tokens = np.full(len(self), -1, np.int32)
        tables = self._tables(num_bins)

        def value_of(d):
            tokens[d] = self.parameters[d].to_token(self._given(values, d), num_bins)
            return tables.decode(d, int(tokens[d]))

        for _ in conditions.walk(self.parameters, value_of):
            pass
        return tokens

    def from_tokens(self, tokens, num_bins=1000):
        """The dict of active values (plain Python scalars) of `tokens` [D]; tokens of inactive parameters are ignored.

        Raises:
            InvalidArgumentError: if the shape is not [D] or the token of an active parameter is not legal.
        """
        if np.shape(tokens) != (len(self),):
            message = f"Expected `tokens` of shape ({len(self)},). Received: shape {np.shape(tokens)}."
            raise errors.InvalidArgumentError(message)
        tables = self._tables(num_bins)
        walked = conditions.walk(self.parameters, lambda d: tables.decode(d, int(tokens[d])))
        return {self.parameters[d].name: value for d, value in walked}

    def activity(self, tokens, num_bins=1000):
        """Which parameters are active, bool [N, D], given `tokens` [N, D]; those of inactive ones do not matter."""
        return self._tables(num_bins).activity(validation.checked_rows(tokens, len(self), num_bins))

    def mask_inactive(self, tokens, num_bins=1000):
        """A copy, int32 [N, D], of `tokens` [N, D] with -1 where a parameter is inactive."""
        rows = validation.checked_rows(tokens, len(self), num_bins)
        return np.where(self._tables(num_bins).activity(rows), rows, -1).astype(np.int32)

    def random_tokens(self, rng, n, num_bins=1000):
        """`n` random rows, int32 [n, D]: uniform over each parameter's scale or categories, -1 where inactive."""
        draws = [p.uniform_draws(num_bins) for p in self.parameters]
        return self.mask_inactive(sampling.random_rows(rng, n, draws), num_bins)

    def mutate_tokens(self, rng, tokens, scale, num_bins=1000, rate=None):
        """A local mutation of each row; at least one parameter changes unless all active ones have a single value.

        A numeric parameter moves by a Gaussian step in the unit interval, reflected at the borders, to the nearest
        other legal token; a categorical one takes another category; one that becomes active is drawn at random.

        Args:
            rng: np.random.Generator.
            tokens: int array [N, D], -1 where inactive; so is the result, int32.
            scale: float or array [N], standard deviation of the steps, in the unit interval.
            num_bins: int, bins of the unit interval.
            rate: probability that a parameter changes; None means max(1 / D, 0.2).
        """
        rows = self.mask_inactive(tokens, num_bins)
        rate = max(1.0 / max(len(self), 1), 0.2) if rate is None else rate
        scales = validation.checked_scales(scale, rate, len(rows))
        legal = [p.legal_tokens(num_bins) for p in self.parameters]
        draws = [p.uniform_draws(num_bins) for p in self.parameters]
        categorical = [p.is_categorical for p in self.parameters]
        mutated = sampling.mutate_rows(rng, rows, scales, rate, legal, draws, categorical, num_bins)
        return self.mask_inactive(mutated, num_bins)

    def _walk(self, values):
        return conditions.walk(self.parameters, lambda d: self._canonical(d, self._given(values, d)))

    def _given(self, values, d):
        return values.get(self.parameters[d].name, self.parameters[d].default)

    def _canonical(self, d, value):
        """The value as the space itself writes it: on its grid, and as conditions name it."""
        parameter = self.parameters[d]
        if parameter.num_values is not None:
            return self._value_at(d, parameter.to_index(value))
        parameter.to_unit(value)  # checks the range
        return min(max(float(value), parameter.low), parameter.high)

    def _value_at(self, d, index):
        return self._named_values[d].get(index, self.parameters[d].from_index(index))

    @functools.cached_property
    def _named_values(self):
        return conditions.named_by_index(self.parameters)

    @functools.cached_property
    def _tables_by_bins(self):
        return {}

    def _tables(self, num_bins):
        if num_bins not in self._tables_by_bins:
            self._tables_by_bins[num_bins] = conditions.TokenTables(self.parameters, num_bins)
        return self._tables_by_bins[num_bins]
