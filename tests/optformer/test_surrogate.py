"""The surrogate: what it maximises, what it predicts, odd numbers of trials, conditional parameters, learning."""

import numpy as np
import pytest
from scipy import stats

from keras_hparam import errors
from keras_hparam.ops import gaussian_processes as gp
from keras_hparam.optformer import surrogate as surrogates
from keras_hparam.optformer.surrogate import GaussianProcessSurrogate
from keras_hparam.spaces import Condition, Parameter, SearchSpace

ADAM = (Condition("optimizer", ("adam",)),)
SPACE = SearchSpace((
    Parameter("rate", "float", 1e-5, 1e-1, scale="log"),
    Parameter("optimizer", "choice", values=("sgd", "adam", "lion")),
    Parameter("beta", "float", 0.8, 0.999, conditions=ADAM),
    Parameter("units", "int", 8, 64, step=8),
    Parameter("epochs", "fixed", values=(3,)),
))  # fmt: skip


def objective(tokens):
    """Unit values [N]: smooth in the rate, another level for each optimizer, a slope in beta where it is active."""
    rate, category = tokens[:, 0] / 1000, tokens[:, 1]
    beta = np.where(tokens[:, 2] >= 0, 0.3 * tokens[:, 2] / 1000, 0.0)
    return 0.1 + 0.3 * np.sin(3.0 * rate) + np.array([0.0, 0.1, 0.25])[category] + beta


def trials(rng, count, noise=0.0):
    tokens = SPACE.random_tokens(rng, count)
    return tokens, np.clip(objective(tokens) + noise * rng.standard_normal(count), 0.0, 1.0)


@pytest.fixture
def fitted(rng):
    """(surrogate of 30 noisy trials, their tokens, their targets)."""
    tokens, targets = trials(rng, 30, noise=0.03)
    return GaussianProcessSurrogate.fit(SPACE, tokens, targets), tokens, targets


def coordinates(tokens):
    """What the surrogate is to see of tokens, written plainly, and which of it is a category."""
    numeric = np.where(tokens < 0, -1.0, (tokens + 0.5) / 1000)
    return np.stack([numeric[:, 0], tokens[:, 1], numeric[:, 2], numeric[:, 3]], axis=1), np.arange(4) == 1


def joint_covariance(surrogate, tokens):
    """Covariance of noisy observations at the tokens, given the surrogate's hyperparameters."""
    x, is_categorical = coordinates(tokens)
    kernel = gp.covariance(gp.distances(x, x, is_categorical), is_categorical, surrogate.hyperparameters[:-1])
    return kernel + np.exp(surrogate.hyperparameters[-2]) * np.eye(len(x))


def log_posterior_density(surrogate, tokens, targets, hyperparameters):
    """Log density of the targets and of the hyperparameters, by SciPy's normal laws and a numerical slope."""
    x, is_categorical = coordinates(tokens)
    centre = (targets.sum() + 0.48) / (len(targets) + 1)
    spread = np.sqrt((((targets - centre) ** 2).sum() + 0.135**2) / (len(targets) + 1))
    standard, power = (targets - centre) / spread, hyperparameters[-1]
    y = stats.yeojohnson(standard, power)
    slope = (stats.yeojohnson(standard + 1e-6, power) - stats.yeojohnson(standard - 1e-6, power)) / 2e-6
    kernel = gp.covariance(gp.distances(x, x, is_categorical), is_categorical, hyperparameters[:-1])
    kernel += np.exp(hyperparameters[-2]) * np.eye(len(x))
    value = stats.multivariate_normal(np.zeros(len(y)), kernel).logpdf(y) + np.log(slope).sum()
    mean, deviation, *_ = surrogate._priors()
    return value + stats.norm(mean, deviation).logpdf(hyperparameters).sum()


def test_hyperparameters_are_a_maximum_of_the_posterior_density(fitted):
    surrogate, tokens, targets = fitted
    best, step = surrogate.hyperparameters, 0.02 * np.eye(7)

    def density(hyperparameters):
        return log_posterior_density(surrogate, tokens, targets, hyperparameters)

    around = np.array([density(best + sign * row) for row in step for sign in (-1, 1)])
    assert best.shape == (7,) and (around < density(best) + 1e-4).all()
    assert density(best) > density(surrogate._priors()[0]) + 5.0


def test_probabilities_are_the_normal_masses_of_the_bins(fitted, rng):
    surrogate, _, _ = fitted
    tokens = SPACE.random_tokens(rng, 20)
    mean, deviation = surrogate.gaussian(tokens)
    edges = surrogate.to_latent(np.arange(11) / 10)
    edges[[0, -1]] = -np.inf, np.inf
    noise = np.exp(surrogate.hyperparameters[-2])
    for noisy in (False, True):
        law = stats.norm(mean[:, None], np.sqrt(deviation**2 + noise * noisy)[:, None])
        probabilities = surrogate.predict(tokens, num_bins=10, noisy=noisy)
        np.testing.assert_allclose(probabilities, np.diff(law.cdf(edges)), atol=1e-12)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_predictions_are_those_of_conditioning(fitted, rng):
    surrogate, tokens, targets = fitted
    new = SPACE.random_tokens(rng, 5)
    covariance = joint_covariance(surrogate, np.concatenate([tokens, new]))
    weights = np.linalg.solve(covariance[:30, :30], covariance[:30, 30:])
    mean, deviation = surrogate.gaussian(new)
    np.testing.assert_allclose(mean, weights.T @ surrogate.to_latent(targets), rtol=1e-6, atol=1e-9)
    latent = covariance[30:, 30:] - weights.T @ covariance[:30, 30:]
    np.testing.assert_allclose(deviation**2, np.diagonal(latent) - np.exp(surrogate.hyperparameters[-2]), rtol=1e-6)


@pytest.mark.parametrize("leave_one_out", [False, True])
def test_log_densities_are_those_of_conditioning(fitted, leave_one_out):
    surrogate, tokens, targets = fitted
    covariance, y = joint_covariance(surrogate, tokens), surrogate.to_latent(targets)
    bins = np.floor(targets * 20).astype(int)
    edges = surrogate.to_latent(np.arange(21) / 20)
    edges[[0, -1]] = -np.inf, np.inf
    for t, found in enumerate(surrogate.log_densities(num_bins=20, leave_one_out=leave_one_out)):
        given = np.delete(np.arange(30), t) if leave_one_out else np.arange(t)
        weights = np.linalg.solve(covariance[np.ix_(given, given)], covariance[given, t])
        law = stats.norm(weights @ y[given], np.sqrt(covariance[t, t] - weights @ covariance[given, t]))
        np.testing.assert_allclose(found, np.log(np.diff(law.cdf(edges[bins[t] : bins[t] + 2])))[0], rtol=1e-6)


def test_it_learns_conditional_and_categorical_parameters(rng):
    tokens, targets = trials(rng, 60)
    new = SPACE.random_tokens(rng, 200)
    mean, deviation = GaussianProcessSurrogate.fit(SPACE, tokens, targets).gaussian(new)
    assert stats.spearmanr(mean, objective(new)).statistic > 0.98
    assert deviation.max() < 0.5  # of a standard deviation


def test_intervals_hold_what_they_promise(rng):
    """Held-out observations of many searches; uncertain hyperparameters, which it leaves out, take a few percent."""
    ranks = []
    for _ in range(12):
        tokens, targets = trials(rng, 80, noise=0.05)
        new, seen = trials(rng, 100, noise=0.05)
        probabilities = GaussianProcessSurrogate.fit(SPACE, tokens, targets).predict(new, num_bins=500)
        rows, bins = np.arange(100), np.minimum((seen * 500).astype(int), 499)
        ranks.append(np.cumsum(probabilities, axis=1)[rows, bins] - 0.5 * probabilities[rows, bins])
    distance = np.abs(np.concatenate(ranks) - 0.5)
    assert abs(np.mean(distance < 0.25) - 0.5) < 0.06 and abs(np.mean(distance < 0.45) - 0.9) < 0.05


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_trials_give_broad_predictions(rng, count):
    tokens, targets = trials(rng, count)
    surrogate = GaussianProcessSurrogate.fit(SPACE, tokens, targets)
    probabilities = surrogate.predict(SPACE.random_tokens(rng, 8), num_bins=100)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert (probabilities.max(axis=1) < 0.3).all()
    for leave_one_out in (False, True):
        densities = surrogate.log_densities(leave_one_out=leave_one_out)
        assert densities.shape == (count,) and (densities < 0).all()


@pytest.mark.parametrize("value", [0.0, 0.55, 1.0])
def test_equal_targets_are_predicted(rng, value):
    tokens, _ = trials(rng, 12)
    surrogate = GaussianProcessSurrogate.fit(SPACE, tokens, np.full(12, value))
    probabilities = surrogate.predict(tokens, num_bins=10)
    assert (probabilities.argmax(axis=1) == min(int(10 * value), 9)).all() and np.isfinite(probabilities).all()


def test_repeated_trials_with_different_results_are_noise(rng):
    tokens = np.repeat(SPACE.random_tokens(rng, 1), 20, axis=0)
    surrogate = GaussianProcessSurrogate.fit(SPACE, tokens, rng.uniform(0.4, 0.6, 20))
    assert np.exp(surrogate.hyperparameters[-2]) > 0.2
    assert np.isfinite(surrogate.log_densities()).all()


def test_the_fit_is_deterministic_and_ignores_the_order_of_trials(fitted, rng):
    surrogate, tokens, targets = fitted
    again = GaussianProcessSurrogate.fit(SPACE, tokens, targets)
    np.testing.assert_array_equal(again.hyperparameters, surrogate.hyperparameters)
    order, new = rng.permutation(30), SPACE.random_tokens(rng, 9)
    shuffled = GaussianProcessSurrogate.fit(SPACE, tokens[order], targets[order])
    np.testing.assert_allclose(shuffled.gaussian(new), surrogate.gaussian(new), atol=1e-2)


def test_a_warm_start_gets_where_a_cold_one_does(fitted):
    surrogate, tokens, targets = fitted
    earlier = GaussianProcessSurrogate.fit(SPACE, tokens[:-1], targets[:-1])
    warm = GaussianProcessSurrogate.fit(SPACE, tokens, targets, previous=earlier.hyperparameters)
    densities = [log_posterior_density(surrogate, tokens, targets, s.hyperparameters) for s in (warm, surrogate)]
    assert densities[0] > densities[1] - 0.1


def test_parameters_with_one_value_do_not_matter(rng):
    tokens = np.zeros((4, 1), np.int32)
    space = SearchSpace((Parameter("epochs", "fixed", values=(3,)),))
    surrogate = GaussianProcessSurrogate.fit(space, tokens, [0.4, 0.5, 0.6, 0.5])
    assert surrogate.hyperparameters.shape == (3,)
    mean, deviation = surrogate.gaussian(tokens[:1])
    assert abs(surrogate.to_unit(mean)[0] - 0.5) < 0.05 and deviation[0] < 1.0


def test_the_latent_scale_increases_and_has_an_inverse(fitted):
    surrogate, _, _ = fitted
    unit = np.linspace(0.0, 1.0, 101)
    latent = surrogate.to_latent(unit)
    assert surrogate.hyperparameters[-1] != 1.0 and (np.diff(latent) > 0).all()
    np.testing.assert_allclose(surrogate.to_unit(latent), unit, atol=1e-9)


def test_every_bound_leaves_a_covariance_that_has_a_factor(rng):
    """The least noise and the largest signal at the longest length scales, on repeated trials."""
    tokens = np.repeat(SPACE.random_tokens(rng, 40), 2, axis=0)
    x, is_categorical = coordinates(tokens)
    extreme = [surrogates.LENGTH_SCALE[3]] * 4 + [surrogates.SIGNAL[3], surrogates.NOISE[2]]
    distance = gp.distances(x, x, is_categorical)
    factor, _ = gp.factorize(rng.random(80), distance, is_categorical, np.array(extreme))
    assert (np.diagonal(factor) > 0).all()


@pytest.mark.parametrize(
    "tokens, targets, message",
    [
        (np.zeros((2, 3), int), [0.1, 0.2], r"`tokens` to be an int array \[N, 5\]"),
        (np.zeros((2, 5)), [0.1, 0.2], "int array"),
        (np.full((1, 5), 1000), [0.1], r"`tokens` in \[-1, 1000\)"),
        (np.zeros((2, 5), int), [0.1], r"`targets` of shape \(2,\)"),
        (np.zeros((2, 5), int), [0.1, np.nan], r"`targets` in \[0, 1\]"),
        (np.zeros((2, 5), int), [0.1, 1.1], r"`targets` in \[0, 1\]"),
    ],
)
def test_a_wrong_call_is_an_error(tokens, targets, message):
    with pytest.raises(errors.InvalidArgumentError, match=f"{message}.*Received: "):
        GaussianProcessSurrogate.fit(SPACE, tokens, targets)


def test_wrong_arguments_of_a_fitted_surrogate_are_errors(fitted):
    surrogate, tokens, targets = fitted
    for previous in (np.zeros(3), np.full(7, np.nan)):
        with pytest.raises(errors.InvalidArgumentError, match=r"`previous` of shape \(7,\) and finite. Received: "):
            GaussianProcessSurrogate.fit(SPACE, tokens, targets, previous=previous)
    for call in (lambda: surrogate.predict(tokens, 0), lambda: surrogate.log_densities(0)):
        with pytest.raises(errors.InvalidArgumentError, match="`num_bins` >= 1. Received: 0"):
            call()
