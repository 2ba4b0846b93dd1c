"""Controllers: the posterior by hand, the policy gradient in expectation, the best of an additive objective."""

import itertools

import numpy as np
import pytest

from keras_hparam.autohas import controllers, encodings
from keras_hparam.autohas.settings import SearchSettings

SIZES = [3, 1, 2, 4]


def made(name, sizes=SIZES, **settings):
    return controllers.make(name, sizes, SearchSettings(controller=name, **settings))


def one_hot(indices, sizes=SIZES):
    return np.concatenate([np.eye(n, dtype="float32")[i] for n, i in zip(sizes, indices, strict=True)])


def test_the_posterior_is_bayesian_linear_regression(rng):
    one = made("thompson")
    samples = np.stack([one_hot([rng.integers(n) for n in SIZES]) for _ in range(7)])
    losses = rng.normal(size=7)
    one.learn(samples[:3], losses[:3])
    one.learn(samples[3:], losses[3:])
    rewards = 0.5 - np.argsort(np.argsort(losses)) / 6
    # Conditioning the joint normal distribution of effects and rewards, instead of the precision.
    prior, noise = 0.3**2, 0.15**2
    gain = prior * samples.T @ np.linalg.inv(prior * samples @ samples.T + noise * np.eye(7))
    mean, covariance = one.posterior()
    np.testing.assert_allclose(mean, gain @ rewards, atol=1e-8)
    np.testing.assert_allclose(covariance, prior * (np.eye(10) - gain @ samples), atol=1e-8)


def test_without_observations_the_posterior_is_the_prior_and_all_candidates_are_alike():
    one = made("thompson")
    mean, covariance = one.posterior()
    np.testing.assert_allclose(mean, 0.0)
    np.testing.assert_allclose(covariance, 0.09 * np.eye(10))
    rng = np.random.default_rng(0)
    found = np.mean([one.sample(rng, 1)[0] for _ in range(3000)], axis=0)
    np.testing.assert_allclose(found, np.concatenate([np.full(n, 1 / n) for n in SIZES]), atol=0.04)


def test_the_encoding_is_the_probability_that_a_candidate_is_the_best():
    from scipy import stats

    one = made("thompson", [2], samples=2)
    one.learn(np.eye(2, dtype="float32"), np.array([1.0, 2.0]))
    mean, covariance = one.posterior()
    difference = mean[0] - mean[1]
    deviation = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    found = np.asarray(encodings.probabilities(one.logits, [2]))
    np.testing.assert_allclose(found[0], stats.norm.cdf(difference / deviation), atol=0.01)


def test_the_policy_moves_by_the_rank_rewards(rng):
    one = made("policy_gradient", sampling_rate=2.0)
    one.logits = rng.normal(size=10)
    p, before = np.asarray(encodings.probabilities(one.logits, SIZES)), one.logits.copy()
    samples = encodings.sample(rng, one.logits, SIZES, 3)
    one.learn(samples, np.array([0.3, np.nan, 0.1]))
    wanted = before + 2.0 * (0.0 * (samples[0] - p) - 0.5 * (samples[1] - p) + 0.5 * (samples[2] - p)) / 3
    np.testing.assert_allclose(one.logits, wanted, atol=1e-6)


def test_the_mean_move_of_the_policy_is_the_gradient_of_the_expected_reward(rng):
    """All pairs of samples, each with its probability: the expected rank reward against a second sample."""
    sizes, logits = [2, 3], rng.normal(size=5)
    every = [one_hot(indices, sizes) for indices in itertools.product(range(2), range(3))]
    losses = rng.normal(size=6)

    def probabilities(logits):
        return np.exp(np.asarray(encodings.log_probability(np.stack(every), logits, sizes), "float64"))

    weights, moved = probabilities(logits), 0.0
    for i, j in itertools.product(range(6), repeat=2):
        one = made("policy_gradient", sizes, sampling_rate=1.0)
        one.logits = logits.copy()
        one.learn(np.stack([every[i], every[j]]), losses[[i, j]])
        moved = moved + weights[i] * weights[j] * (one.logits - logits)
    better = np.sign(losses[None] - losses[:, None]) / 2 @ weights  # mean reward of each against the policy as it is
    steps = 1e-3 * np.eye(5)
    wanted = [(probabilities(logits + step) - probabilities(logits - step)) @ better / 2e-3 for step in steps]
    np.testing.assert_allclose(moved, wanted, atol=1e-4)
    assert np.abs(wanted).max() > 0.01


@pytest.mark.parametrize("name", controllers.NAMES)
def test_both_find_the_best_candidates_of_an_additive_objective(name):
    rng, effects = np.random.default_rng(0), np.random.default_rng(1).permutation(10) / 10
    one, best = made(name), encodings.one_hot(-effects, SIZES)
    for _ in range(12):
        samples = one.sample(rng, 8)
        one.learn(samples, samples @ effects + 0.02 * rng.normal(size=8))
    found = np.asarray(encodings.probabilities(one.logits, SIZES))
    np.testing.assert_array_equal(encodings.one_hot(found, SIZES), best)
    assert (found @ best) / len(SIZES) > 0.7
    assert np.mean(np.all(one.sample(rng, 8) == best, axis=1)) > 0


@pytest.mark.parametrize("name", controllers.NAMES)
def test_samples_of_a_round_differ_as_far_as_there_are_so_many(name, rng):
    found = made(name).sample(rng, 8)
    assert found.shape == (8, 10) and len(np.unique(found, axis=0)) == 8
    few = made(name, [1, 2]).sample(rng, 5)
    assert few.shape == (5, 3) and len(np.unique(few, axis=0)) == 2


@pytest.mark.parametrize("name", controllers.NAMES)
def test_a_restored_one_goes_on_as_if_nothing_had_happened(name, rng):
    one, other = made(name), made(name)
    one.learn(encodings.sample(rng, one.logits, SIZES, 5), np.array([1.0, np.nan, 3.0, 4.0, 0.5]))
    other.restore({key: np.array(value) for key, value in one.arrays().items()})
    for each in (one, other):
        generator = np.random.default_rng(3)
        samples = each.sample(generator, 4)
        each.learn(samples, generator.normal(size=4))
    assert one.arrays().keys() == other.arrays().keys()
    for key, value in one.arrays().items():
        np.testing.assert_array_equal(other.arrays()[key], value)
