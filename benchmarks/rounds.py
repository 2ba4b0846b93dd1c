"""Proposals of one round that run at the same time, beside as many made one after the other.

Axes: n earlier trials, B trials of the round, D parameters.
"""

import zlib

import numpy as np

from benchmarks import statistics, tables
from benchmarks.reference import regret
from keras_hparam.optformer.pending import distances
from keras_hparam.optformer.study import Status, Study
from keras_hparam.spaces.convert import from_hyperparameters

WAYS = ("random", "parallel", "sequential")
QUANTITIES = {"distance": "mean distance", "least_distance": "least distance", "regret": "regret of the best so far"}


def _generator(problem, *numbers):
    """A generator of the problem's own: with one for all, problems that share a space share their draws."""
    return np.random.default_rng([zlib.crc32(problem.name.encode()), *numbers])


def start(problem, num_trials, seed):
    """The `Study` of n random trials of a problem."""
    space = from_hyperparameters(problem.build())
    tokens = space.random_tokens(_generator(problem, seed, num_trials), num_trials)
    objectives = np.array([problem.evaluate(space.from_tokens(row)) for row in tokens], float)
    return Study(space, problem.metadata, problem.goal, tokens, objectives, np.zeros(num_trials, np.int8))


def proposed(proposer, problem, study, count, way, seed):
    """Tokens [B, D] of a round.

    Args:
        proposer: `Proposer`.
        problem: `Problem`.
        study: `Study` of the earlier trials.
        count: B.
        way: "parallel": none has a result before the last one is proposed; "sequential": each has one before the next
            is proposed; "random": the proposer is not asked.
        seed: int >= 0.
    """
    begin, space = len(study), study.space
    if way == "random":
        return space.random_tokens(_generator(problem, seed, begin, count), count)
    for number in range(count):
        tried = {row.tobytes() for row in study.tokens}
        row = proposer.propose(study, _generator(problem, seed, begin, number, 1), tried)
        objective, status = np.nan, Status.PENDING
        if way == "sequential":
            objective, status = problem.evaluate(space.from_tokens(row)), Status.COMPLETED
        tokens = np.concatenate([study.tokens, row[None]])
        objectives, statuses = np.append(study.objectives, objective), np.append(study.statuses, status)
        study = Study(space, study.metadata, study.goal, tokens, objectives, statuses)
    return study.tokens[begin:]


def spread(space, tokens, num_bins=1000):
    """(mean, least) distance of two rows of tokens [B, D], root mean square over parameters in the unit interval."""
    apart = distances(space, tokens, tokens, num_bins)[np.triu_indices(len(tokens), 1)]
    return float(apart.mean()), float(apart.min())


def measure(proposer, problem, levels, num_trials, count, seed):
    """Figures of one round in each of the `WAYS`.

    Args:
        proposer, problem, count, seed: as of `proposed`.
        levels: dict of the problem's `best` and `median`.
        num_trials: n.

    Returns:
        Dict from each way to a dict of `distance`, `least_distance` and the `regret` of the best trial so far.
    """
    study, found = start(problem, num_trials, seed), {}
    for way in WAYS:
        tokens = proposed(proposer, problem, study, count, way, seed)
        reached = [*study.objectives, *(problem.evaluate(study.space.from_tokens(row)) for row in tokens)]
        mean, least = spread(study.space, tokens)
        final = float(regret(reached, levels, problem.sign)[-1])
        found[way] = {"distance": mean, "least_distance": least, "regret": final}
    return found


def summarise(found, horizons):
    """Summaries as `tables.block` reads them by suite, each with a "peer" for each way of making a round.

    Args:
        found: tuples (suite, problem name, seed, what `measure` returns at each of the horizons).
        horizons: numbers of earlier trials.
    """
    summaries = {}
    for suite in dict.fromkeys(suite for suite, *_ in found):
        repeats = [(problem, seed) for other, problem, seed, _ in found if other == suite]
        rows = [row for other, _, _, row in found if other == suite]
        means = statistics.Means(repeats)
        peers = {
            way: {name: means.of([[one[way][name] for one in row] for row in rows]) for name in QUANTITIES}
            for way in WAYS
        }
        summaries[suite] = {"horizons": list(horizons), "num_problems": len(dict(repeats)), "peers": peers}
    return summaries


def render(summaries, count):
    """The tables as text."""
    lines = []
    for suite, summary in summaries.items():
        lines.append(f"== {suite}: {summary['num_problems']} problems, rounds of {count} after @n random trials")
        for name, noun in QUANTITIES.items():
            lines += tables.block(noun, summary, name, 3 if name == "regret" else 2)
    return "\n".join(lines)
