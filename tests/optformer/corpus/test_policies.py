"""Policies: every one makes legal trials, and each does what it says."""

import numpy as np
import pytest

from keras_hparam.optformer.corpus import policies
from keras_hparam.optformer.corpus.policies import local, model_based, uninformed
from keras_hparam.optformer.corpus.policies.run import Run
from keras_hparam.spaces import Condition, Parameter, SearchSpace

MIXED = SearchSpace(
    (
        Parameter("lr", "float", low=1e-4, high=1.0, scale="log"),
        Parameter("use", "boolean"),
        Parameter("rate", "float", low=0.0, high=1.0, conditions=(Condition("use", (True,)),)),
        Parameter("kind", "choice", values=("a", "b", "c")),
        Parameter("count", "int", low=1, high=9),
    )
)
CUBE = SearchSpace(tuple(Parameter(f"x{i}", "float", low=0.0, high=1.0) for i in range(4)))


class Sphere:
    """Minus the squared distance from a place, noiseless, on spaces of numeric parameters."""

    num_bins, sign, goal = 1000, 1.0, "max"

    def __init__(self, space, failing=False):
        self.space, self._failing = space, failing

    def latent(self, tokens):
        values = -np.sum((tokens / 1000.0 - 0.37) ** 2, axis=1)
        return np.where(tokens[:, 0] % 3 == 0, np.nan, values) if self._failing else values

    def observe(self, rng, tokens):
        return self.latent(tokens)


def regret(policy, seed, trials=80):
    run = Run(np.random.default_rng(seed), Sphere(CUBE), trials)
    policy(run)
    return -run.scores.max()


@pytest.mark.parametrize("name", sorted(policies.POLICIES))
@pytest.mark.parametrize("failing", [False, True])
def test_every_policy_makes_all_trials_and_only_legal_ones(name, failing):
    for trials in (1, 2, 30):
        run = Run(np.random.default_rng(trials), Sphere(MIXED, failing), trials)
        policies.POLICIES[name](run)
        assert run.count == trials and run.tokens.shape == (trials, 5)
        for tokens in run.tokens:
            np.testing.assert_array_equal(MIXED.to_tokens(MIXED.from_tokens(tokens)), tokens)
        np.testing.assert_array_equal(run.tokens[:, 2] >= 0, run.tokens[:, 1] == 1)
        assert len(np.unique(run.tokens, axis=0)) == trials
        np.testing.assert_array_equal(np.isnan(run.objectives), np.isneginf(run.scores))


@pytest.mark.parametrize("name", sorted(policies.POLICIES))
def test_every_policy_exhausts_a_small_space_without_repeating(name):
    space = SearchSpace((Parameter("a", "choice", values=("x", "y")), Parameter("b", "int", low=1, high=3)))
    run = Run(np.random.default_rng(0), Sphere(space), 20)
    policies.POLICIES[name](run)
    assert run.count == 6 and len(np.unique(run.tokens, axis=0)) == 6


@pytest.mark.parametrize("name", sorted(policies.POLICIES))
def test_every_policy_copes_with_failures_alone(name):
    problem = Sphere(MIXED)
    problem.observe = lambda rng, tokens: np.full(len(tokens), np.nan)
    run = Run(np.random.default_rng(0), problem, 15)
    policies.POLICIES[name](run)
    assert run.count == 15


@pytest.mark.parametrize(
    "name", ["hill_climbing", "random_then_local", "regularized_evolution", "annealing", "parzen", "gaussian_process",
             "best_of_random"]
)  # fmt: skip
def test_informed_policies_beat_random_search_on_a_sphere(name):
    informed = [regret(policies.POLICIES[name], seed) for seed in range(40)]
    random = [regret(uninformed.random_search, seed) for seed in range(100, 140)]
    assert np.mean(informed) < 0.7 * np.mean(random)


def test_a_grid_visits_products_in_order_and_a_shuffled_one_the_same_points():
    space = SearchSpace((Parameter("a", "choice", values=("x", "y")), Parameter("b", "choice", values=(1, 2, 3))))
    rows = {}
    for policy in (uninformed.grid_search, uninformed.shuffled_grid_search):
        run = Run(np.random.default_rng(1), Sphere(space), 6)
        policy(run)
        rows[policy] = run.tokens.tolist()
    expected = [[a, b] for a in range(2) for b in range(3)]
    assert rows[uninformed.grid_search] == expected
    assert sorted(rows[uninformed.shuffled_grid_search]) == expected


def test_grid_tokens_are_the_product_of_the_levels():
    levels = [np.array([0, 5]), np.array([1, 2, 3]), np.array([7])]
    rows = uninformed.grid_tokens(levels, np.arange(6))
    np.testing.assert_array_equal(rows, [[a, b, 7] for a in (0, 5) for b in (1, 2, 3)])


def test_best_of_finds_the_best_of_each_group():
    run = Run(np.random.default_rng(0), Sphere(CUBE), 5)
    pool, counts = run.random(12), np.array([3, 1, 8])
    values = run.problem.latent(pool)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    expected = [start + int(np.argmax(values[start : start + n])) for start, n in zip(starts, counts, strict=True)]
    np.testing.assert_array_equal(local._best_of(run, pool, counts), expected)


def test_the_best_trials_come_first_and_failures_last():
    run = Run(np.random.default_rng(0), Sphere(CUBE, failing=True), 40)
    run.make(run.random(40))
    ordered = run.scores[run.best(40)]
    assert (np.diff(ordered[np.isfinite(ordered)]) <= 0).all() and np.isneginf(ordered[-1])


def test_proposals_already_made_are_replaced_unless_repeats_are_allowed():
    for repeats in (False, True):
        run = Run(np.random.default_rng(0), Sphere(CUBE), 10, repeats)
        row = run.random(1)
        run.make(row)
        run.make(row)
        assert (run.tokens[0] == run.tokens[1]).all() == repeats


def test_the_posterior_is_that_of_the_joint_gaussian():
    rng = np.random.default_rng(0)
    x, candidates, y = rng.random((6, 2)), rng.random((3, 2)), rng.standard_normal(6)
    everything = np.concatenate([x, candidates])
    r = np.sqrt(5) * np.linalg.norm(everything[:, None] - everything[None], axis=2) / 0.5
    kernel = (1 + r + r**2 / 3) * np.exp(-r)
    inverse = np.linalg.inv(kernel[:6, :6] + 0.01 * np.eye(6))
    mean, deviation = model_based.posterior(x, y, candidates, 0.5, 0.01)
    np.testing.assert_allclose(mean, kernel[6:, :6] @ inverse @ y, atol=1e-6)
    covariance = kernel[6:, 6:] - kernel[6:, :6] @ inverse @ kernel[:6, 6:]
    np.testing.assert_allclose(deviation**2, np.diag(covariance), atol=1e-6)


def test_expected_improvement_agrees_with_integration():
    z = np.linspace(-8, 8, 40_001)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    for mean, deviation, best in ((0.0, 1.0, 0.5), (1.0, 0.3, 0.9), (-1.0, 2.0, 1.0)):
        expected = np.sum(np.maximum(mean + deviation * z - best, 0.0) * density) * (z[1] - z[0])
        got = model_based.expected_improvement(np.array([mean]), np.array([deviation]), best)[0]
        assert got == pytest.approx(expected, abs=1e-3)


def test_parzen_density_integrates_to_one():
    grid = ((np.arange(4000) + 0.5) / 1000.0 - 1.5)[:, None]  # far beyond the interval on both sides
    inside = (grid[:, 0] > 0) & (grid[:, 0] < 1)
    log_density = model_based.parzen_log_density(grid, np.array([[0.3], [0.6]]), np.array([False]), 0.1, np.ones(1))
    uniform = np.where(inside, 0.0, 1.0 / 3.0)  # the uniform part exists inside only
    assert np.sum(np.exp(log_density) - uniform) / 1000.0 == pytest.approx(1.0, abs=1e-3)
    codes = np.arange(3.0)[:, None]
    log_density = model_based.parzen_log_density(codes, codes[[0, 0, 2]], np.array([True]), 0.1, np.full(1, 3.0))
    np.testing.assert_allclose(np.exp(log_density), np.array([2 + 1 / 3, 1 / 3, 1 + 1 / 3]) / 4.0)
