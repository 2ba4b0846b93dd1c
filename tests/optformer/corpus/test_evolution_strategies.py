"""CMA-ES: properties that its update has by theory, and that it solves what it is made for."""

import math

import numpy as np
import pytest

from keras_hparam.optformer.corpus.policies import POLICIES
from keras_hparam.optformer.corpus.policies import evolution_strategies as es
from keras_hparam.optformer.corpus.policies.run import Run
from keras_hparam.spaces import Parameter, SearchSpace


def _rotation(size, seed):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def _minimize(function, start, generations, noise, sigma=0.3):
    """The strategy after generations with the given standard normal `noise` [G, L, K]."""
    strategy = es.Strategy.start(start, sigma)
    for normal in noise[:generations]:
        offspring = strategy.mean + strategy.sigma * normal @ np.linalg.cholesky(strategy.covariance).T
        strategy = es.updated(strategy, offspring[np.argsort(function(offspring))])
    return strategy


def test_weights_are_those_of_the_tutorial():
    assert es.population_size(5) == 8 and es.population_size(1) == 4
    raw = [math.log(4.5) - math.log(i) for i in (1, 2, 3, 4)]
    np.testing.assert_allclose(es.recombination_weights(8), np.array(raw) / sum(raw))


def test_the_first_update_is_that_of_the_formulas():
    offspring = np.random.default_rng(0).standard_normal((8, 3)) + 1.0
    found = es.updated(es.Strategy.start(np.zeros(3), 0.5), offspring)
    weights = es.recombination_weights(8)
    mu_eff = 1.0 / np.sum(weights**2)
    step = sum(w * y for w, y in zip(weights, offspring[:4] / 0.5, strict=True))
    np.testing.assert_allclose(found.mean, 0.5 * step)
    c_sigma = (mu_eff + 2) / (3 + mu_eff + 5)
    sigma_path = math.sqrt(c_sigma * (2 - c_sigma) * mu_eff) * step
    np.testing.assert_allclose(found.sigma_path, sigma_path)
    chi = math.sqrt(3) * (1 - 1 / 12 + 1 / (21 * 9))
    d_sigma = 1 + c_sigma + 2 * max(0.0, math.sqrt((mu_eff - 1) / 4) - 1)
    growth = min(1.0, c_sigma / d_sigma * (np.linalg.norm(sigma_path) / chi - 1))
    assert found.sigma == pytest.approx(0.5 * math.exp(growth)) and found.generation == 1
    np.testing.assert_allclose(found.covariance, found.covariance.T)
    assert np.linalg.eigvalsh(found.covariance)[0] > 0.0


def test_a_rotated_problem_gives_the_rotated_run():
    """With the noise rotated along, the whole strategy is equivariant."""
    rotation, scales = _rotation(4, 0), np.array([1.0, 3.0, 10.0, 30.0])
    start = np.array([0.3, -0.2, 0.1, 0.4])

    def plain(x):
        return np.sum((x * scales) ** 2, axis=1)

    a, b = es.Strategy.start(start, 0.3), es.Strategy.start(rotation @ start, 0.3)
    for _ in range(30):
        noise = np.random.default_rng(a.generation).standard_normal((8, 4))
        offspring = a.mean + a.sigma * noise @ np.linalg.cholesky(a.covariance).T
        offspring = offspring[np.argsort(plain(offspring))]
        a, b = es.updated(a, offspring), es.updated(b, offspring @ rotation.T)
        np.testing.assert_allclose(b.mean, rotation @ a.mean, atol=1e-9)
        np.testing.assert_allclose(b.sigma, a.sigma, rtol=1e-9)
        np.testing.assert_allclose(b.covariance, rotation @ a.covariance @ rotation.T, rtol=1e-6, atol=1e-9)


def test_the_covariance_learns_the_inverse_hessian():
    rotation, scales = _rotation(5, 2), np.array([1.0, 2.0, 4.0, 8.0, 16.0])

    def function(x):
        return np.sum(((x - 0.4) @ rotation * scales) ** 2, axis=1)

    noise = np.random.default_rng(0).standard_normal((220, 8, 5))
    strategy = _minimize(function, np.full(5, 0.9), 220, noise)
    assert function(strategy.mean[None])[0] < 1e-10
    axes = np.abs(np.linalg.eigh(strategy.covariance)[1][:, -1] @ rotation)
    assert axes[0] > 0.95  # the longest axis is the flattest direction
    values = np.linalg.eigvalsh(strategy.covariance)
    assert 50.0 < values[-1] / values[0] < 1500.0  # of the inverse Hessian: 256


def test_under_random_selection_the_step_size_does_not_drift():
    logs = []
    for seed in range(20):
        noise = np.random.default_rng(seed).standard_normal((60, 8, 4))
        rng = np.random.default_rng(100 + seed)
        strategy = _minimize(lambda x, rng=rng: rng.random(len(x)), np.zeros(4), 60, noise)
        logs.append(math.log(strategy.sigma / 0.3))
    assert abs(np.mean(logs)) < 3.0 * np.std(logs) / math.sqrt(20) + 0.15


def test_offspring_stay_in_the_cube():
    strategy = es.Strategy.start(np.array([0.0, 1.0, 0.5]), 1.0)
    points = es.sample(np.random.default_rng(0), strategy, 500)
    assert points.min() >= 0.0 and points.max() <= 1.0 and np.ptp(points, axis=0).min() > 0.9


class Valley:
    """A rotated valley over unit values, and a category that matters."""

    num_bins, sign = 1000, 1.0

    def __init__(self):
        numeric = tuple(Parameter(f"x{i}", "float", low=0.0, high=1.0) for i in range(4))
        self.space = SearchSpace((*numeric, Parameter("kind", "choice", values=("a", "b", "c"))))
        self._rotation = _rotation(4, 3)

    def observe(self, rng, tokens):
        places = (tokens[:, :4] / 1000.0 - 0.6) @ self._rotation
        return -np.sum((places * [1.0, 2.0, 4.0, 8.0]) ** 2, axis=1) - (tokens[:, 4] != 1)


def test_it_beats_random_search_in_a_valley_and_finds_the_category():
    best = {}
    for name in ("random", "evolution_strategy"):
        runs = [Run(np.random.default_rng(seed), Valley(), 150) for seed in range(8)]
        for run in runs:
            POLICIES[name](run)
        best[name] = np.mean([run.scores.max() for run in runs])
    assert best["evolution_strategy"] > 0.3 * best["random"]  # both are negative: a third of the distance
