"""Policies that change good trials a little: hill climbing, regularised evolution, annealing, and their mixture.

A policy is a function of a `Run` that makes all of its trials. Trials are made in small rounds of B, as parallel
workers would. Axes: B trials of a round, D parameters.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.policies.uninformed import random_search


def _round_size(run):
    return draws.pick(run.rng, (1, 2, 4, 8), (1, 2, 4, 3))


def _scales(run, count):
    """Standard deviations [count] of steps in the unit interval, from fine to coarse."""
    return np.exp(run.rng.uniform(np.log(0.005), np.log(0.3), count))


def hill_climbing(run, start=None, elite=None):
    """Mutations, at several scales, of the best few trials so far.

    Args:
        run: `Run`.
        start: number of random trials to begin with, at least 1; 1 to 12 where it is None.
        elite: how many of the best trials are mutated; 1 to 5 where it is None.
    """
    start = start or draws.whole_between(run.rng, 1, 12)
    elite = elite or draws.whole_between(run.rng, 1, 5)
    size = _round_size(run)
    run.make(run.random(start))
    while run.left:
        best = run.best(elite)
        parents = best[run.rng.integers(len(best), size=size)]
        run.make(run.mutate(run.tokens[parents], _scales(run, size)))


def random_then_local(run):
    """Random search for a part of the trials, then hill climbing from the best."""
    hill_climbing(run, start=max(1, round(run.num_trials * draws.between(run.rng, 0.2, 0.7))))


def regularized_evolution(run):
    """Mutations of the winners of tournaments among the youngest trials (Real et al. 2019, arXiv 1802.01548)."""
    population = draws.whole_between(run.rng, 5, 25)
    tournament = draws.whole_between(run.rng, 2, 6)
    size = _round_size(run)
    scale = draws.log_between(run.rng, 0.02, 0.3)
    run.make(run.random(population))
    while run.left:
        oldest = max(0, run.count - population)
        entrants = run.rng.integers(oldest, run.count, (size, tournament))  # [B, entrants]
        winners = entrants[np.arange(size), run.scores[entrants].argmax(axis=1)]
        run.make(run.mutate(run.tokens[winners], scale))


def annealing(run):
    """Chains of mutations that also accept worse ones while their temperature is high (Kirkpatrick et al. 1983)."""
    chains = draws.whole_between(run.rng, 2, 8)
    made = run.make(run.random(chains))
    current = made
    first, last = draws.between(run.rng, 0.2, 0.5), draws.log_between(run.rng, 0.005, 0.1)
    while run.left:
        progress = run.count / run.num_trials
        heat = 1.0 - progress
        made = run.make(run.mutate(run.tokens[current], first * (last / first) ** progress))
        current = current[: len(made)] if len(made) < len(current) else current
        finite = run.scores[: run.count][np.isfinite(run.scores[: run.count])]
        spread = finite.std() if len(finite) else 0.0
        threshold = run.scores[current] + heat * spread * np.log(run.rng.random(len(current)))
        accepted = ~(run.scores[made] < threshold)
        current = np.where(accepted, made, current)
    return None


def best_of_random(run):
    """Trials as of an optimizer that knows the function: the best of k random ones, or a mutation of such a one.

    k grows or stays from trial to trial; the choice is by the noiseless values. It is no real optimizer, but it makes
    studies rich in good trials, as strong ones do.
    """
    most = draws.log_between(run.rng, 2.0, 64.0)
    growth = draws.pick(run.rng, (0.0, 1.0, 2.0)) * np.linspace(-1.0, 0.0, run.num_trials)
    counts = np.maximum(1, most ** (run.rng.random(run.num_trials) + growth)).astype(int)
    pool = run.random(int(counts.sum()))
    chosen = pool[_best_of(run, pool, counts)]
    if draws.chance(run.rng, 0.6):
        near = run.mutate(chosen, _scales(run, len(chosen)))
        share = np.linspace(0.0, draws.between(run.rng, 0.3, 1.0), len(chosen))
        chosen = np.where((run.rng.random(len(chosen)) < share)[:, None], near, chosen)
    run.make(chosen)
    random_search(run)


def _best_of(run, pool, counts):
    """The row of the best of each of the consecutive groups, of `counts` [T] rows, of the pool: [T]."""
    values = run.problem.latent(pool)
    values = np.where(np.isfinite(values), values, -np.inf)
    group = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((values, group))
    return order[np.cumsum(counts) - 1]
