"""Candidates for the next trial, in tokens: enumerated, random, around the best trials, or from a user's function.

Axes: N candidates, T trials, D parameters of the space.
"""

import functools
from collections.abc import Mapping

import numpy as np

from keras_hparam import errors

_LOCAL_STEPS = (0.01, 0.3)  # standard deviations in the unit interval
_REFINED_STEPS = (0.005, 0.1)
_CLIMB_STARTS, _CLIMB_ROUNDS, _CLIMB_WIDTH, _CLIMB_SHRINKAGE = 256, 8, 64, 0.6


def draw(settings, study, reader, rng):
    """Candidates [N, D] for a study, from the priors of `PlanningSettings`; rows may repeat and may have been tried.

    The first trial's default is `inner`: of all candidates, a model that has observed nothing predicts the best for
    ends of ranges, which on tasks of a kind it has not read are worse than chance.

    Args:
        settings: `PlanningSettings`.
        study: `Study` with T trials.
        reader: `StudyReader`, which samples from the model.
        rng: `numpy.random.Generator`.

    Raises:
        InvalidArgumentError: if a user's prior returns something else than candidates.
    """
    space, num_bins = study.space, reader.num_bins
    best = elites(study, settings.num_elites)
    if settings.prior is None and not len(study):
        return inner(space, rng, settings.num_candidates, num_bins)
    sources = {
        "model": lambda count: reader.sample(count, settings.temperature),
        "random": lambda count: space.random_tokens(rng, count, num_bins),
        "local": lambda count: mutated(space, rng, best, count, _LOCAL_STEPS, num_bins),
        "border": lambda count: at_borders(space, rng, best, count, num_bins),
        "gaussian_process": lambda count: reader.promising(rng, best, count),
    }
    pools = []
    for prior, count in settings.prior_counts():
        pools.append(checked(space, prior(study, rng, count), num_bins) if callable(prior) else sources[prior](count))
    return np.concatenate(pools)


@functools.lru_cache(maxsize=4)
def enumerated(space, num_bins):
    """All configurations [N, D] of a finite space; configurations that share a bin are one."""
    rows = {row.tobytes(): row for row in (space.to_tokens(values, num_bins) for values in space.enumerate())}
    return np.array([*rows.values()], np.int32).reshape(-1, len(space))


def elites(study, count):
    """Tokens [at most count, D] of the best completed trials, best first."""
    scores = np.nan_to_num(study.scores, nan=-np.inf)
    best = np.argsort(-scores, kind="stable")[:count]
    return study.tokens[best[np.isfinite(scores[best])]]


def inner(space, rng, count, num_bins):
    """`count` random candidates [count, D] whose numbers lie in the inner half of their values."""
    rows = space.random_tokens(rng, count, num_bins)
    for column, parameter in enumerate(space.parameters):
        if not parameter.is_categorical:
            legal = parameter.legal_tokens(num_bins)
            middle = legal[len(legal) // 4 : len(legal) - len(legal) // 4]
            rows[:, column] = np.where(rows[:, column] < 0, -1, rng.choice(middle, size=count))
    return _completed(space, rng, rows, num_bins)


def mutated(space, rng, parents, count, steps, num_bins):
    """`count` mutations of random `parents` [n, D], with step sizes log-uniform between two; none without parents."""
    if not len(parents):
        return np.empty((0, len(space)), np.int32)
    scale = np.exp(rng.uniform(*np.log(steps), size=count))
    return space.mutate_tokens(rng, parents[rng.integers(len(parents), size=count)], scale, num_bins)


def refined(space, rng, parents, count, num_bins):
    """`count` mutations of random `parents` [n, D], smaller ones than those of the prior "local"."""
    return mutated(space, rng, parents, count, _REFINED_STEPS, num_bins)


def climb(space, rng, score, parents, count, num_bins):
    """The `count` best candidates [at most count, D] of a local search from random ones and mutations of `parents`.

    Args:
        space: `SearchSpace`.
        rng: `numpy.random.Generator`.
        score: callable, tokens [N, D] -> [N], larger is better; cheap.
        parents: tokens [n, D]; n may be 0.
        count: int >= 1.
        num_bins: of the tokens.
    """
    starts = [space.random_tokens(rng, _CLIMB_STARTS, num_bins), parents]
    starts.append(mutated(space, rng, parents, _CLIMB_STARTS // 2, _LOCAL_STEPS, num_bins))
    tokens = np.unique(np.concatenate(starts), axis=0)
    scores = score(tokens)
    for number in range(_CLIMB_ROUNDS):
        best = tokens[np.argsort(-scores, kind="stable")[:5]]
        steps = np.multiply(_REFINED_STEPS, _CLIMB_SHRINKAGE**number)
        fresh = mutated(space, rng, best, _CLIMB_WIDTH, steps, num_bins)
        tokens, first = np.unique(np.concatenate([tokens, fresh]), axis=0, return_index=True)
        scores = np.concatenate([scores, score(fresh)])[first]
    return tokens[np.argsort(-scores, kind="stable")[:count]]


def at_borders(space, rng, parents, count, num_bins):
    """`count` random `parents` [n, D] with one to three of their numbers moved to an end of its range."""
    if not len(parents):
        return np.empty((0, len(space)), np.int32)
    rows = parents[rng.integers(len(parents), size=count)]
    ends = [parameter.legal_tokens(num_bins)[[0, -1]] for parameter in space.parameters]
    numeric = np.asarray([not parameter.is_categorical for parameter in space.parameters])
    keys = np.where((rows >= 0) & numeric, rng.random(rows.shape), np.inf)
    rank = np.argsort(np.argsort(keys, axis=1), axis=1)
    moved = (rank < rng.integers(1, 4, size=(len(rows), 1))) & np.isfinite(keys)
    end = np.asarray(ends).T[rng.integers(2, size=rows.shape), np.arange(rows.shape[1])]
    return _completed(space, rng, np.where(moved, end, rows), num_bins)


def _completed(space, rng, rows, num_bins):
    """The rows [n, D] with random values where a parameter has become active, and none where it no longer is."""
    for _ in range(len(space)):  # a value that was missing may in turn make others active
        missing = space.activity(rows, num_bins) & (rows < 0)
        if not missing.any():
            break
        columns = [rng.choice(parameter.legal_tokens(num_bins), size=len(rows)) for parameter in space.parameters]
        rows = np.where(missing, np.array(columns, np.int32).T, rows)
    return space.mask_inactive(rows, num_bins)


def checked(space, rows, num_bins):
    """Tokens [N, D] of what a user's prior returned: tokens, or a list of dicts of values.

    Raises:
        InvalidArgumentError: if it is neither, or something in it is not legal.
    """
    try:
        if isinstance(rows, (list, tuple)) and all(isinstance(values, Mapping) for values in rows):
            for values in rows:
                space.validate(values)
            rows = np.array([space.to_tokens(values, num_bins) for values in rows], np.int32).reshape(-1, len(space))
        tokens = space.mask_inactive(rows, num_bins)
    except errors.InvalidArgumentError as error:
        raise errors.InvalidArgumentError(
            f"Expected `prior` to return int tokens [n, {len(space)}] or a list of dicts of values. Received: {error}"
        ) from error
    active = space.activity(tokens, num_bins)
    for column, parameter in enumerate(space.parameters):
        given = tokens[active[:, column], column]
        if not np.isin(given, parameter.legal_tokens(num_bins)).all():
            raise errors.InvalidArgumentError(
                f"Expected `prior` to return tokens of values of {parameter.name!r}. Received: {given.tolist()}."
            )
    return tokens


def untried(tokens, exclude):
    """The distinct rows [n, D] of tokens that are not excluded (a set of `row.tobytes()`), in order."""
    rows = {row.tobytes(): index for index, row in reversed(list(enumerate(tokens)))}
    return tokens[sorted(index for key, index in rows.items() if key not in exclude)]
