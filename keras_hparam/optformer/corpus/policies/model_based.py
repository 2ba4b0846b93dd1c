"""Policies with a model: a tree-structured Parzen estimator and Gaussian processes with EI or UCB, small and plain.

A policy is a function of a `Run` that makes all of its trials. Axes: T trials so far, C candidates, B trials of a
round, D parameters, F features.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.features import Features

LONGEST_GAUSSIAN_PROCESS = 40  # trials; then the run goes on from the best by mutation in place of a model


def parzen_log_density(candidates, centres, categorical, bandwidth, num_categories):
    """Log density [C], up to a constant, of a product of mixtures, one mixture for each parameter.

    Args:
        candidates, centres: tokens [C, D] and [T, D]; numeric ones divided by the number of bins.
        categorical: bool [D].
        bandwidth: of the numeric mixtures' Gaussians, in the unit interval.
        num_categories: float [D], the weight of the uniform part of a categorical mixture.

    Bergstra et al. 2011, NeurIPS 24, section 4; every mixture has one more, uniform, component.
    """
    difference = candidates[:, None, :] - centres[None, :, :]  # [C, T, D]
    kernels = np.exp(-0.5 * (difference / bandwidth) ** 2) / (bandwidth * np.sqrt(2.0 * np.pi))
    kernels = np.where(categorical, difference == 0.0, kernels)
    uniform = np.where(categorical, 1.0 / num_categories, 1.0)
    density = (kernels.sum(axis=1) + uniform) / (len(centres) + 1.0)  # [C, D]
    return np.log(density).sum(axis=1)


def parzen_estimator(run):
    """Candidates that are likely under the good trials and unlikely under the others."""
    share = draws.between(run.rng, 0.1, 0.3)
    bandwidth = draws.log_between(run.rng, 0.05, 0.25)
    size = draws.pick(run.rng, (1, 2, 4, 6), (0.5, 2, 5, 3))
    rate = draws.pick(run.rng, (None, 0.5, 1.0))
    parameters = run.space.parameters
    categorical = np.array([parameter.is_categorical for parameter in parameters])
    units = np.where(categorical, 1.0, 1.0 / run.problem.num_bins)
    num_categories = np.array([p.num_values if p.is_categorical else 1.0 for p in parameters])
    run.make(run.random(draws.whole_between(run.rng, 4, 12)))
    pool = run.random(8 * max(1, run.left))
    while run.left:
        order = run.best(run.count)
        good = max(1, int(share * run.count))
        near = run.mutate(run.tokens[order[run.rng.integers(good, size=24)]], bandwidth, rate)
        candidates = np.concatenate([near, _some(run, pool, 8)])
        densities = [
            parzen_log_density(candidates * units, run.tokens[rows] * units, categorical, bandwidth, num_categories)
            for rows in (order[:good], order[good:])
        ]
        run.make(candidates[np.argsort(densities[1] - densities[0])[:size]])


def _some(run, pool, count):
    return pool[run.rng.integers(len(pool), size=count)]


def posterior(x, y, candidates, lengthscale, noise):
    """Mean and standard deviation, each [C], of a Gaussian process with a Matern 5/2 kernel and unit variance.

    Args:
        x, y: points [T, F] and standardised values [T] that were observed.
        candidates: points [C, F].
        lengthscale: one for all features.
        noise: variance of the observations.

    Rasmussen and Williams 2006, algorithm 2.1.
    """
    factor = np.linalg.cholesky(_matern52(x, x, lengthscale) + noise * np.eye(len(x)))
    half = np.linalg.solve(factor, np.column_stack([_matern52(x, candidates, lengthscale), y]))  # [T, C + 1]
    mean = half[:, :-1].T @ half[:, -1]
    variance = 1.0 - np.sum(half[:, :-1] ** 2, axis=0)
    return mean, np.sqrt(np.maximum(variance, 1e-9))


def _matern52(a, b, lengthscale):
    squares = np.sum(a * a, axis=1)[:, None] + np.sum(b * b, axis=1) - 2.0 * a @ b.T
    r = np.sqrt(5.0 * np.maximum(squares, 0.0)) / lengthscale
    return (1.0 + r + r * r / 3.0) * np.exp(-r)


def expected_improvement(mean, deviation, best):
    """E[max(f - best, 0)] of Gaussians (Jones et al. 1998), with the logistic approximation of the normal law.

    The approximation is that of Page 1977, Applied Statistics 26: Phi(z) = 1 / (1 + exp(-1.5976 z - 0.070566 z^3)).
    """
    z = (mean - best) / deviation
    below = 1.0 / (1.0 + np.exp(-np.clip(1.5976 * z + 0.070566 * z**3, -50.0, 50.0)))
    return (mean - best) * below + deviation * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


def gaussian_process(run):
    """The candidates of the highest expected improvement or upper confidence bound, then hill climbing."""
    features = Features(run.rng, run.space, run.problem.num_bins, embedding_size=3)
    lengthscale = draws.log_between(run.rng, 0.2, 0.8) * features.size**0.5
    noise = draws.log_between(run.rng, 1e-4, 0.1)
    bound = draws.between(run.rng, 1.0, 3.0) if draws.chance(run.rng, 0.5) else None
    size = draws.pick(run.rng, (1, 2, 4, 6), (0.5, 2, 5, 3))
    run.make(run.random(draws.whole_between(run.rng, 2, 8)))
    pool = run.random(512)
    while run.left:
        parents = run.best(3)
        near = run.mutate(run.tokens[np.repeat(parents, 8)], 0.1)
        candidates = np.concatenate([near, _some(run, pool, 32)])
        if run.count <= LONGEST_GAUSSIAN_PROCESS:
            observed = run.scores[: run.count]
            finite = observed[np.isfinite(observed)]
            worst, spread = (finite.min(), finite.std()) if len(finite) else (0.0, 0.0)
            y = np.where(np.isfinite(observed), observed, worst)  # a failure counts as the worst
            y = np.clip((y - y.mean()) / (spread or 1.0), -3.0, 3.0)
            x = features(run.tokens[: run.count])
            mean, deviation = posterior(x, y, features(candidates), lengthscale, noise)
            value = expected_improvement(mean, deviation, y.max()) if bound is None else mean + bound * deviation
            candidates = candidates[np.argsort(-value)]
        run.make(candidates[:size])
