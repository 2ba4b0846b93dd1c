"""Policies that change good trials a little: hill climbing, regularised evolution, annealing, and their mixture.

A policy is a function of a `Run` that makes all of its trials. Trials are made in small rounds of B, as parallel
workers would. Axes: B trials of a round, D parameters.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.policies.uninformed import random_search


def _round_size(run):
    return draws.pick(run.rng, (1, 2, 4, 6), (0.5, 1.5, 5, 3))


class _Steps:
    """Mutations from fine to coarse, of one or of all parameters at once, as drawn for a run."""

    def __init__(self, run):
        self._run = run
        self._finest, self._coarsest = draws.log_between(run.rng, 0.01, 0.08), draws.log_between(run.rng, 0.12, 0.5)
        self._rate = draws.pick(run.rng, (None, 0.5, 1.0))

    def __call__(self, tokens):
        """Mutations of tokens [B, D], each with its own scale."""
        scales = np.exp(self._run.rng.uniform(np.log(self._finest), np.log(self._coarsest), len(tokens)))
        return self._run.mutate(tokens, scales, self._rate)


def hill_climbing(run, start=None, elite=None):
    """Mutations, at several scales, of the best few trials so far.

    Args:
        run: `Run`.
        start: number of random trials to begin with, at least 1; 1 to 10 where it is None.
        elite: how many of the best trials are mutated; 1 to 5 where it is None.
    """
    start = start or draws.whole_between(run.rng, 1, 10)
    elite = elite or draws.pick(run.rng, (1, 2, 3, 5), (4, 3, 2, 1))
    size, steps = _round_size(run), _Steps(run)
    run.make(run.random(start))
    while run.left:
        best = run.best(elite)
        parents = best[run.rng.integers(len(best), size=size)]
        run.make(steps(run.tokens[parents]))


def random_then_local(run):
    """Random search for a part of the trials, then hill climbing from the best."""
    hill_climbing(run, start=max(1, round(run.num_trials * draws.between(run.rng, 0.2, 0.7))))


def regularized_evolution(run):
    """Mutations of the winners of tournaments among the youngest trials (Real et al. 2019, arXiv 1802.01548)."""
    population = draws.whole_between(run.rng, 5, 16)
    tournament = draws.whole_between(run.rng, 3, 8)
    size, steps = _round_size(run), _Steps(run)
    run.make(run.random(population))
    while run.left:
        oldest = max(0, run.count - population)
        entrants = run.rng.integers(oldest, run.count, (size, tournament))  # [B, entrants]
        winners = entrants[np.arange(size), run.scores[entrants].argmax(axis=1)]
        run.make(steps(run.tokens[winners]))


def annealing(run):
    """Chains of mutations that also accept worse ones while their temperature is high (Kirkpatrick et al. 1983)."""
    chains = draws.pick(run.rng, (1, 2, 4, 6), (0.3, 2, 4, 3))
    current = run.make(run.random(chains))
    first, last = draws.between(run.rng, 0.15, 0.4), draws.log_between(run.rng, 0.01, 0.1)
    warmth = draws.log_between(run.rng, 0.02, 0.2)
    rate = draws.pick(run.rng, (None, 0.5, 1.0))
    while run.left:
        progress = run.count / run.num_trials
        made = run.make(run.mutate(run.tokens[current], first * (last / first) ** progress, rate))
        current = current[: len(made)]  # a chain ends whose proposal was made before
        scores = run.scores[: run.count]
        finite = scores[np.isfinite(scores)]
        heat = warmth * (1.0 - progress) * (finite.std() if len(finite) else 0.0)
        accepted = scores[made] >= scores[current] - heat * run.rng.exponential(size=len(made))
        current = np.where(accepted, made, current)


def best_of_random(run):
    """Trials as of an optimizer that knows the function: the best of k random ones, or a mutation of such a one.

    k grows or stays from trial to trial; the choice is by the noiseless values. It is no real optimizer, but it makes
    studies rich in good trials, as strong ones do.
    """
    most = draws.log_between(run.rng, 6.0, 64.0)
    growth = draws.pick(run.rng, (0.0, 1.0, 2.0)) * np.linspace(-1.0, 0.0, run.num_trials)
    counts = np.maximum(1, most ** (run.rng.random(run.num_trials) + growth)).astype(int)
    pool = run.random(int(counts.sum()))
    chosen = pool[_best_of(run, pool, counts)]
    if draws.chance(run.rng, 0.6):
        near = _Steps(run)(chosen)
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
