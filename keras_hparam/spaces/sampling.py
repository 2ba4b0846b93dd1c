"""Random and mutated rows of tokens, vectorised over rows.

Axes: N rows, D parameters; tokens are int32. Activity is the caller's business.
"""

import numpy as np


def random_rows(rng, num_rows, draws):
    """Rows [N, D] in which every token is a uniform draw from its parameter's.

    Args:
        rng: np.random.Generator.
        num_rows: N.
        draws: D arrays of legal tokens, `Parameter.uniform_draws`.
    """
    rows = np.empty((num_rows, len(draws)), np.int32)
    for d, choices in enumerate(draws):
        rows[:, d] = choices[rng.integers(len(choices), size=num_rows)]
    return rows


def mutate_rows(rng, rows, scale, rate, legal, draws, is_categorical, num_bins):
    """Rows [N, D] in which every active token changes with probability `rate`, at least one of a row's.

    Args:
        rng: np.random.Generator.
        rows: int array [N, D] of legal tokens, -1 where inactive.
        scale: float array [N], standard deviation of the numeric steps in the unit interval.
        rate: float in [0, 1].
        legal: D sorted arrays of legal tokens.
        draws: D arrays of tokens, from which those that were inactive are drawn.
        is_categorical: D bools.
        num_bins: number of bins of the unit interval.

    Returns:
        An int array [N, D] with random tokens where `rows` is inactive.
    """
    mutable = (rows >= 0) & np.array([len(choices) > 1 for choices in legal], bool)
    changes = choose_changes(rng, mutable, rate)
    mutated = np.where(rows >= 0, rows, random_rows(rng, len(rows), draws))
    for d in np.flatnonzero(changes.any(0)):
        at = np.flatnonzero(changes[:, d])
        if is_categorical[d]:
            mutated[at, d] = resample_category(rng, rows[at, d], len(legal[d]))
        else:
            mutated[at, d] = step_bins(rng, rows[at, d], scale[at], legal[d], num_bins)
    return mutated


def choose_changes(rng, mutable, rate):
    """Which entries change, bool [N, D]: each of `mutable` [N, D] with probability `rate`, at least one of a row's."""
    keys = np.where(mutable, rng.random(mutable.shape), np.inf)
    changes = keys < rate
    lacking = np.flatnonzero(~changes.any(1) & mutable.any(1))
    changes[lacking, keys[lacking].argmin(1)] = True
    return changes


def resample_category(rng, tokens, num_categories):
    """Another category, uniform among the others, for each of `tokens` [n]; num_categories > 1."""
    return (tokens + rng.integers(1, num_categories, size=len(tokens))) % num_categories


def step_bins(rng, tokens, scale, legal, num_bins):
    """A Gaussian step in the unit interval, reflected at its ends, to the nearest other legal token.

    Args:
        rng: np.random.Generator.
        tokens: int array [n] of legal tokens.
        scale: float array [n], the step's standard deviation in the unit interval.
        legal: sorted array of at least two legal tokens.
        num_bins: number of bins of the unit interval.

    Returns:
        An int array [n], different from `tokens` everywhere.
    """
    noise = scale * rng.standard_normal(len(tokens))
    unit = ((tokens + 0.5) / num_bins + noise) % 2.0
    target = np.minimum(unit, 2.0 - unit) * num_bins - 0.5  # in bins
    right = np.clip(np.searchsorted(legal, target), 1, len(legal) - 1)
    nearest = np.where(target - legal[right - 1] <= legal[right] - target, right - 1, right)
    start = np.searchsorted(legal, tokens)
    neighbour = start + np.where(noise < 0, -1, 1)
    neighbour = np.where((neighbour < 0) | (neighbour >= len(legal)), 2 * start - neighbour, neighbour)
    return legal[np.where(nearest == start, neighbour, nearest)]
