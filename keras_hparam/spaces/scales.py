"""Pure functions between a value's range, the unit interval, a grid of steps and bins of the unit interval.

The three scales and their grids are those of KerasTuner's `Float` and `Int` (`low`, `high` and `step` are its
`min_value`, `max_value` and `step`), with two differences: a grid is always numbered in ascending order of its values,
and its ends are the bounds exactly where KerasTuner's are within rounding of them.
"""

import math

SCALES = ("linear", "log", "reverse_log")
_ROUNDING = 1e-8  # of a step: KerasTuner's own allowance when it counts the steps of a log scale


def value_at(unit, low, high, scale):
    """The value in [low, high] at `unit` in [0, 1]: increasing, `low` at 0 and `high` at 1 exactly.

    Args:
        unit: float in [0, 1].
        low, high: floats, low < high; 0 < low unless the scale is "linear".
        scale: "linear": low + unit (high - low). "log": low (high / low)^unit.
            "reverse_log": high + low - low (high / low)^(1 - unit), dense near `high`.

    Returns:
        A float.
    """
    if unit <= 0.0 or unit >= 1.0:
        return float(low if unit <= 0.0 else high)
    if scale == "linear":
        value = low + unit * (high - low)
    elif scale == "log":
        value = _log_interpolation(unit, low, high)
    else:
        value = high + low - _log_interpolation(1.0 - unit, low, high)
    return float(min(max(value, low), high))


def unit_of(value, low, high, scale):
    """The inverse of `value_at`: a float in [0, 1] for a value in [low, high]."""
    if scale == "linear":
        unit = (value - low) / (high - low)
    else:
        distance = value if scale == "log" else high + low - value
        span = math.log(high) - math.log(low)
        unit = (math.log(min(max(distance, low), high)) - math.log(low)) / span
        unit = unit if scale == "log" else 1.0 - unit
    return float(min(max(unit, 0.0), 1.0))


def _log_interpolation(unit, low, high):
    return math.exp((1.0 - unit) * math.log(low) + unit * math.log(high))


def grid_size(low, high, step, scale):
    """The number of values of the grid of `step` in [low, high], at least 1.

    On the linear scale `step` is the distance of neighbours, on both log scales it is their ratio (> 1).
    """
    if scale != "linear":
        return int(math.log(high / low, step) + _ROUNDING) + 1
    if all(isinstance(number, int) for number in (low, high, step)):
        return (high - low) // step + 1
    return math.floor((high - low) / step + _ROUNDING) + 1


def grid_value(index, low, high, step, scale):
    """The `index`-th value, ascending, of the grid: KerasTuner's own arithmetic, and the bounds exactly."""
    if scale == "linear":
        value = low + index * step
    elif scale == "log":
        value = low * math.pow(step, index)
    else:
        value = high + low - low * math.pow(step, grid_size(low, high, step, scale) - 1 - index)
    for bound in (low, high):
        if same_on_grid(value, bound, low, high, step, scale):
            return bound
    return value


def grid_index(value, low, high, step, scale):
    """The index of the grid's value nearest to `value` (nearest in the logarithm on the log scales)."""
    size = grid_size(low, high, step, scale)
    if scale == "linear":
        position = (value - low) / step
    else:
        distance = value if scale == "log" else high + low - value
        position = math.log(min(max(distance, low), high) / low, step)
        position = position if scale == "log" else size - 1 - position
    return min(max(round(position), 0), size - 1)


def same_on_grid(a, b, low, high, step, scale):
    """Whether two numbers are the same value of the grid but for rounding, which integers do not have."""
    if isinstance(step, int):
        return a == b
    if scale == "linear":
        return math.isclose(a, b, rel_tol=1e-15, abs_tol=2 * _ROUNDING * step)
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-14 * high if scale == "reverse_log" else 0.0)


def index_to_bin(index, size, num_bins):
    """The bin of the centre (index + 1/2) / size of one of `size` equal cells; integers or integer arrays.

    With size <= num_bins every cell has a bin of its own.
    """
    return (2 * index + 1) * num_bins // (2 * size)


def bin_to_index(token, size, num_bins):
    """The cell that holds the centre (token + 1/2) / num_bins of a bin: the inverse of `index_to_bin`."""
    return (2 * token + 1) * size // (2 * num_bins)


def unit_to_bin(unit, num_bins):
    """The bin of `unit` in [0, 1] among `num_bins` equal ones; 1 belongs to the last."""
    return min(int(unit * num_bins), num_bins - 1)
