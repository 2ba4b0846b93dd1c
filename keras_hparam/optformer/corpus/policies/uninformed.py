"""Policies that do not look at results: random search and grids.

A policy is a function of a `Run` that makes all of its trials. Axes: D parameters, L levels of a grid.
"""

import math

import numpy as np

from keras_hparam.optformer.corpus import draws


def random_search(run):
    """Independent random trials (Bergstra and Bengio 2012, JMLR 13)."""
    while run.left:
        run.make(run.random(run.left))


def grid_levels(run):
    """Tokens of each parameter on a grid: all of a categorical one, evenly spaced ones of the others."""
    count = len(run.space.parameters)
    most = max(2, round(run.num_trials ** (1.0 / count)), draws.whole_between(run.rng, 2, 8))
    levels = []
    for parameter in run.space.parameters:
        legal = parameter.legal_tokens(run.problem.num_bins)
        if not parameter.is_categorical and len(legal) > most:
            legal = legal[np.linspace(0, len(legal) - 1, most).round().astype(int)]
        levels.append(legal)
    return levels


def grid_tokens(levels, indices):
    """Rows [N, D] of the grid at flat `indices`, the last parameter varying fastest."""
    rows = np.empty((len(indices), len(levels)), np.int32)
    for column in range(len(levels) - 1, -1, -1):
        indices, place = np.divmod(indices, len(levels[column]))
        rows[:, column] = levels[column][place]
    return rows


def grid_search(run):
    """A grid from its first corner on, in the order in which loops over the parameters would visit it."""
    levels = grid_levels(run)
    size = math.prod(len(level) for level in levels)
    start = 0
    while run.left and start < min(size, 40 * run.num_trials):  # inactive parameters make rows repeat
        indices = np.arange(start, min(size, start + 2 * run.left))
        _make_new(run, grid_tokens(levels, indices))
        start = indices[-1] + 1
    random_search(run)


def shuffled_grid_search(run):
    """The points of a grid in random order."""
    levels = grid_levels(run)
    size = math.prod(len(level) for level in levels)
    if size <= 20_000:
        indices = run.rng.permutation(size)[: 3 * run.num_trials]
    else:
        indices = run.rng.integers(size, size=run.num_trials) if size < 2**62 else np.empty(0, int)
    if len(indices):
        _make_new(run, grid_tokens(levels, indices))
    random_search(run)


def _make_new(run, tokens):
    tokens = run.space.mask_inactive(tokens, run.problem.num_bins)
    _, first = np.unique(tokens, axis=0, return_index=True)
    run.make(tokens[np.sort(first)])
