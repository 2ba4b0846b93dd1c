"""Small random draws that the corpus makes thousands of times a second."""

import math


def chance(rng, probability):
    """True with the given probability."""
    return rng.random() < probability


def pick(rng, items, weights=None):
    """One of `items` (a sequence), uniformly or in proportion to `weights`.

    Example:
        >>> pick(np.random.default_rng(0), ("a", "b"), (0.0, 1.0))
        'b'
    """
    if weights is None:
        return items[int(rng.random() * len(items))]
    left = rng.random() * sum(weights)
    for item, weight in zip(items, weights, strict=True):
        left -= weight
        if left < 0:
            return item
    return max(zip(weights, range(len(items)), items, strict=True))[2]


def pick_from(rng, table):
    """One key of the mapping `table` from keys to weights."""
    return pick(rng, tuple(table), tuple(table.values()))


def between(rng, low, high):
    """A float, uniform in [low, high)."""
    return low + (high - low) * rng.random()


def log_between(rng, low, high):
    """A float, uniform in its logarithm, in [low, high), both positive."""
    return math.exp(between(rng, math.log(low), math.log(high)))


def whole_between(rng, low, high):
    """An int, uniform in low..high, both included."""
    return low + int(rng.random() * (high - low + 1))


def rounded(value, digits=2):
    """`value` with that many significant digits, as a person would type it."""
    return float(f"{value:.{digits}g}")
