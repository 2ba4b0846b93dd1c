"""Tokens of one parameter's values: categories by index, anything else by bins of the unit interval.

A finite numeric parameter with n <= num_bins values gives the i-th the bin of (i + 1/2) / n, so that every value has
a bin of its own; other numeric values, integers on a log scale among them, fall into the bin of their place in the
unit interval.
"""

import dataclasses
import functools

import numpy as np

from keras_hparam import errors
from keras_hparam.spaces import scales, validation


def to_token(parameter, value, num_bins):
    """The token of `value`; see `Parameter.to_token`."""
    if not _is_indexed(parameter, num_bins):
        return scales.unit_to_bin(parameter.to_unit(value), num_bins)
    index = parameter.to_index(value)
    return index if parameter.is_categorical else scales.index_to_bin(index, parameter.num_values, num_bins)


def from_token(parameter, token, num_bins):
    """The value of `token`, or None if the token is not legal."""
    if not 0 <= token < num_bins:
        return None
    if _is_indexed(parameter, num_bins):
        size = parameter.num_values
        index = token if parameter.is_categorical else scales.bin_to_index(token, size, num_bins)
        is_spread = not parameter.is_categorical and size <= num_bins  # one bin per value, the others are empty
        is_empty = index >= size or (is_spread and scales.index_to_bin(index, size, num_bins) != token)
        return None if is_empty else parameter.from_index(index)
    value = parameter.from_unit((token + 0.5) / num_bins)
    if parameter.kind == "float":
        return value
    near = (v for v in (value, value - 1, value + 1) if parameter.low <= v <= parameter.high)
    return next((v for v in near if to_token(parameter, v, num_bins) == token), None)  # low integers skip bins


def legal_tokens(parameter, num_bins):
    """The sorted int array of the tokens that decode to a value."""
    size = parameter.num_values
    if not _is_indexed(parameter, num_bins):
        return np.arange(num_bins) if parameter.kind == "float" else np.unique(_cached_tokens(parameter, num_bins)[0])
    if parameter.is_categorical:
        return np.arange(size)
    return scales.index_to_bin(np.arange(size), size, num_bins) if size <= num_bins else np.arange(num_bins)


def _is_indexed(parameter, num_bins):
    """Whether tokens come from indices of values; otherwise they come from places in the unit interval."""
    if not validation.is_integer(num_bins) or num_bins < 1:
        raise errors.InvalidArgumentError(f"Expected `num_bins` to be a positive int. Received: {num_bins!r}.")
    if parameter.is_categorical and parameter.num_values > num_bins:
        validation.fail(parameter.name, f"have at most num_bins={num_bins} categories", parameter.num_values)
    if not parameter.has_smooth_scale:
        return True
    return parameter.kind == "int" and parameter.scale == "linear" and parameter.num_values <= num_bins


def uniform_draws(parameter, num_bins):
    """An int array of legal tokens from which a uniform draw is uniform over the parameter.

    That is uniform over categories and over the values of a grid, and over the unit interval on a smooth scale: an
    integer on a log scale then occurs as often as its share of the interval.
    """
    legal = parameter.legal_tokens(num_bins)
    if _is_indexed(parameter, num_bins) or parameter.kind == "float":
        return legal
    return _cached_tokens(parameter, num_bins)[1]


def _cached_tokens(parameter, num_bins):
    """Of an int on a smooth scale: the tokens of all its values, and those of the values at the bins' centres."""
    return _tokens_of_range(dataclasses.replace(parameter, name="any", default=None, conditions=()), num_bins)


@functools.lru_cache(maxsize=4096)
def _tokens_of_range(parameter, num_bins):
    values = range(parameter.low, parameter.high + 1)
    if len(values) > 4 * num_bins:  # a bin without a value near its centre has none
        values = [v for v in (from_token(parameter, b, num_bins) for b in range(num_bins)) if v is not None]
    centres = (np.arange(num_bins) + 0.5) / num_bins
    drawn = [to_token(parameter, parameter.from_unit(unit), num_bins) for unit in centres]
    return np.asarray([to_token(parameter, value, num_bins) for value in values]), np.asarray(drawn)
