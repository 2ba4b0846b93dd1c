"""Gaussian processes against scikit-learn, finite differences, and conditioning by brute force."""

import doctest

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from keras_hparam.ops import gaussian_processes as gp

NUMERIC = np.zeros(3, bool)
MIXED = np.array([False, True, False, True])
HYPERPARAMETERS = {3: np.log([0.3, 0.8, 2.0, 1.7, 0.05]), 4: np.log([0.3, 0.8, 2.0, 1.2, 1.7, 0.05])}


def points(rng, count, is_categorical):
    """Random points [count, D]; a fifth of the values is inactive if some coordinates are categorical."""
    x = np.where(is_categorical, rng.integers(0, 3, (count, len(is_categorical))), rng.random((count, 1)))
    x = np.where(is_categorical, x, rng.random(x.shape))
    return np.where((rng.random(x.shape) < 0.2) & is_categorical.any(), -1.0, x)


def data(rng, count, is_categorical):
    """(x, y, distance, hyperparameters) of `count` observations."""
    x = points(rng, count, is_categorical)
    return x, rng.standard_normal(count), gp.distances(x, x, is_categorical), HYPERPARAMETERS[len(is_categorical)]


def observed_covariance(distance, is_categorical, hyperparameters):
    kernel = gp.covariance(distance, is_categorical, hyperparameters)
    return kernel + np.exp(hyperparameters[-1]) * np.eye(len(kernel))


def conditional(covariance, y, target, given):
    """(mean, variance) of y[target] given y[given], by the formula for joint normal variables."""
    weights = np.linalg.solve(covariance[np.ix_(given, given)], covariance[given, target])
    return weights @ y[given], covariance[target, target] - weights @ covariance[given, target]


def sklearn_regressor(hyperparameters):
    *scales, signal, noise = np.exp(hyperparameters)
    kernel = ConstantKernel(signal) * Matern(scales, nu=2.5) + WhiteKernel(noise)
    return GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None)


def test_distances_are_those_of_a_plain_loop(rng):
    a, b = points(rng, 12, MIXED), points(rng, 7, MIXED)
    place = lambda x: np.array([0.5, 1.0]) if x < 0 else np.array([x, 0.0])  # noqa: E731
    expected = [[[float(p[d] != q[d]) if MIXED[d] else np.sum((place(p[d]) - place(q[d])) ** 2) for q in b] for p in a]
                for d in range(4)]  # fmt: skip
    np.testing.assert_allclose(gp.distances(a, b, MIXED), expected, atol=1e-15)


def test_inactive_values_are_equal_to_each_other_and_far_from_active_ones():
    distance = gp.distances([[-1.0, -1.0]], [[-1.0, -1.0], [0.5, 0.0], [1.0, 2.0]], np.array([False, True]))
    np.testing.assert_allclose(distance[:, 0], [[0.0, 1.0, 1.25], [0.0, 1.0, 1.0]])


def test_the_covariance_is_the_product_of_both_kernels(rng):
    a, b, hyperparameters = points(rng, 9, MIXED), points(rng, 5, MIXED), HYPERPARAMETERS[4]
    a, b = (np.where(MIXED, x, np.abs(x)) for x in (a, b))  # numeric ones active
    *scales, signal, _ = np.exp(hyperparameters)
    matern = Matern([scales[0], scales[2]], nu=2.5)(a[:, ~MIXED], b[:, ~MIXED])
    differ = a[:, None, MIXED] != b[None, :, MIXED]
    expected = signal * matern * np.exp(-(differ @ (1.0 / np.array(scales)[MIXED])))
    np.testing.assert_allclose(gp.covariance(gp.distances(a, b, MIXED), MIXED, hyperparameters), expected)


def test_covariances_with_inactive_values_are_positive_definite(rng):
    x = points(rng, 80, MIXED)
    kernel = gp.covariance(gp.distances(x, x, MIXED), MIXED, HYPERPARAMETERS[4])
    assert np.linalg.eigvalsh(kernel).min() > -1e-12 and np.linalg.eigvalsh(kernel).max() > 1.0


def test_the_likelihood_and_its_gradient_are_those_of_scikit_learn(rng):
    x, y, distance, hyperparameters = data(rng, 30, NUMERIC)
    value, gradient, _ = gp.log_marginal_likelihood(y, distance, NUMERIC, hyperparameters)
    regressor = sklearn_regressor(hyperparameters).fit(x, y)
    theirs, their_gradient = regressor.log_marginal_likelihood(regressor.kernel_.theta, eval_gradient=True)
    np.testing.assert_allclose(value, theirs)
    np.testing.assert_allclose(gradient[[3, 0, 1, 2, 4]], their_gradient, rtol=1e-6)


@pytest.mark.parametrize("is_categorical", [NUMERIC, MIXED, ~NUMERIC])
def test_gradients_are_finite_differences(rng, is_categorical):
    _, y, distance, hyperparameters = data(rng, 25, is_categorical)

    def value(y, hyperparameters):
        return gp.log_marginal_likelihood(y, distance, is_categorical, hyperparameters)[0]

    _, gradient, by_y = gp.log_marginal_likelihood(y, distance, is_categorical, hyperparameters)
    np.testing.assert_allclose(
        gradient, approx_fprime(hyperparameters, lambda h: value(y, h), 1e-7), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(by_y, approx_fprime(y, lambda y: value(y, hyperparameters), 1e-7), rtol=1e-4, atol=1e-5)


def test_the_likelihood_of_mixed_points_is_that_of_a_normal_vector(rng):
    _, y, distance, hyperparameters = data(rng, 25, MIXED)
    expected = stats.multivariate_normal(np.zeros(25), observed_covariance(distance, MIXED, hyperparameters)).logpdf(y)
    np.testing.assert_allclose(gp.log_marginal_likelihood(y, distance, MIXED, hyperparameters)[0], expected)


def test_the_posterior_is_that_of_scikit_learn(rng):
    x, y, distance, hyperparameters = data(rng, 30, NUMERIC)
    new = rng.random((11, 3))
    factor, alpha = gp.factorize(y, distance, NUMERIC, hyperparameters)
    mean, variance = gp.posterior(factor, alpha, gp.distances(x, new, NUMERIC), NUMERIC, hyperparameters)
    their_mean, deviation = sklearn_regressor(hyperparameters).fit(x, y).predict(new, return_std=True)
    np.testing.assert_allclose(mean, their_mean)
    np.testing.assert_allclose(variance + np.exp(hyperparameters[-1]), deviation**2)  # theirs is of an observation


def test_without_observations_the_posterior_is_the_prior(rng):
    new, none = rng.random((4, 3)), np.empty((0, 3))
    factor, alpha = gp.factorize(np.empty(0), gp.distances(none, none, NUMERIC), NUMERIC, HYPERPARAMETERS[3])
    mean, variance = gp.posterior(factor, alpha, gp.distances(none, new, NUMERIC), NUMERIC, HYPERPARAMETERS[3])
    np.testing.assert_allclose(mean, np.zeros(4))
    np.testing.assert_allclose(variance, np.full(4, 1.7))


def test_sequential_moments_are_those_of_refits(rng):
    _, y, distance, hyperparameters = data(rng, 15, MIXED)
    factor, _ = gp.factorize(y, distance, MIXED, hyperparameters)
    covariance = observed_covariance(distance, MIXED, hyperparameters)
    expected = [conditional(covariance, y, t, np.arange(t)) for t in range(15)]
    mean, variance = gp.sequential_moments(factor, y)
    np.testing.assert_allclose(np.stack([mean, variance], axis=1), expected, atol=1e-12)
    value, _, _ = gp.log_marginal_likelihood(y, distance, MIXED, hyperparameters)
    np.testing.assert_allclose(stats.norm(mean, np.sqrt(variance)).logpdf(y).sum(), value)


def test_leave_one_out_moments_are_those_of_refits(rng):
    _, y, distance, hyperparameters = data(rng, 15, MIXED)
    covariance = observed_covariance(distance, MIXED, hyperparameters)
    expected = [conditional(covariance, y, t, np.delete(np.arange(15), t)) for t in range(15)]
    moments = gp.leave_one_out_moments(*gp.factorize(y, distance, MIXED, hyperparameters), y)
    np.testing.assert_allclose(np.stack(moments, axis=1), expected, atol=1e-12)


def test_the_prior_is_normal(rng):
    hyperparameters, mean, deviation = rng.standard_normal((3, 5))
    deviation = np.exp(deviation)
    value, gradient = gp.log_prior(hyperparameters, mean, deviation)
    at_mean, _ = gp.log_prior(mean, mean, deviation)
    law = stats.norm(mean, deviation)
    np.testing.assert_allclose(value - at_mean, (law.logpdf(hyperparameters) - law.logpdf(mean)).sum())
    difference = approx_fprime(hyperparameters, lambda h: gp.log_prior(h, mean, deviation)[0], 1e-7)
    np.testing.assert_allclose(gradient, difference, rtol=1e-4, atol=1e-5)


def test_a_singular_covariance_is_an_error():
    same = gp.distances([[0.5], [0.5]], [[0.5], [0.5]], np.array([False]))
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        gp.factorize(np.zeros(2), same, np.array([False]), np.array([0.0, 0.0, -100.0]))


def test_the_example_of_the_module_is_true():
    assert doctest.testmod(gp).failed == 0 < doctest.testmod(gp).attempted
