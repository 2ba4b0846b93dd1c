"""Acquisition functions in value and gradient against sums, sampling and numerical integration."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, special, stats

from keras_hparam.ops import acquisitions

VALUES = (np.arange(20) + 0.5) / 20
BEST = 0.6


def outcomes(probabilities):
    """All outcomes of a distribution with their masses, what is missing at the lowest value."""
    return [*zip(VALUES, probabilities, strict=True), (VALUES[0], 1.0 - sum(probabilities))]


def brute_bound(probabilities, beta):
    mean = sum(mass * value for value, mass in outcomes(probabilities))
    return mean + beta * math.sqrt(sum(mass * (value - mean) ** 2 for value, mass in outcomes(probabilities)))


def brute_quantile(probabilities, level):
    below = np.cumsum([1.0 - sum(probabilities), *probabilities])
    return np.interp(level, below, np.append(VALUES - 0.025, 1.0))


BINNED = {
    "ei": (
        lambda p: acquisitions.expected_improvement(p, VALUES, BEST),
        lambda p: sum(mass * max(value - BEST, 0.0) for value, mass in zip(VALUES, p, strict=True)),
    ),
    "bounded ei": (
        lambda p: acquisitions.expected_improvement(p, VALUES, BEST, 0.1),
        lambda p: sum(mass * min(max(value - BEST, 0.0), 0.1) for value, mass in zip(VALUES, p, strict=True)),
    ),
    "pi": (
        lambda p: acquisitions.probability_of_improvement(p, VALUES, BEST),
        lambda p: sum(mass for value, mass in zip(VALUES, p, strict=True) if value > BEST),
    ),
    "ucb": (lambda p: acquisitions.upper_confidence_bound(p, VALUES, 1.5), lambda p: brute_bound(p, 1.5)),
    "median": (lambda p: acquisitions.quantile(p, VALUES, 0.5), lambda p: brute_quantile(p, 0.5)),
    "upper quantile": (lambda p: acquisitions.quantile(p, VALUES, 0.93), lambda p: brute_quantile(p, 0.93)),
}


def gradient(function, *inputs):
    """(value, gradients) of the sum of a function's results."""
    inputs = [tf.constant(array, tf.float64) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(*inputs)
    return result.numpy(), [part.numpy() for part in tape.gradient(result, inputs)]


def softmax(logits):
    return tf.nn.softmax(logits)[..., 1:]  # the first is a failure


@pytest.mark.parametrize("name", BINNED)
def test_binned_acquisitions_equal_the_sum_over_outcomes_in_value_and_gradient(rng, name):
    function, reference = BINNED[name]
    logits = rng.standard_normal((4, 21))
    values, (slopes,) = gradient(lambda x: function(softmax(x)), logits)
    step = 1e-6 * np.eye(21)
    for row in range(4):
        np.testing.assert_allclose(values[row], reference(softmax(logits[row]).numpy()), rtol=1e-9)
        ahead = [reference(softmax(logits[row] + shift).numpy()) for shift in step]
        behind = [reference(softmax(logits[row] - shift).numpy()) for shift in step]
        np.testing.assert_allclose(slopes[row], np.subtract(ahead, behind) / 2e-6, atol=1e-8)


def test_expected_improvement_is_the_mean_gain_of_samples(rng):
    probabilities = rng.dirichlet(np.ones(20), size=3)
    exact = np.asarray(acquisitions.expected_improvement(probabilities, VALUES, BEST))
    for row in range(3):
        samples = rng.choice(VALUES, p=probabilities[row], size=200_000)
        np.testing.assert_allclose(exact[row], np.maximum(samples - BEST, 0).mean(), atol=1e-3)


def test_mass_that_is_missing_improves_nothing_and_lies_lowest():
    values, probabilities = np.array([0.2, 0.9]), np.array([0.1, 0.4])
    np.testing.assert_allclose(np.asarray(acquisitions.expected_improvement(probabilities, values, 0.5)), 0.16)
    mean, deviation = 0.6 * 0.2 + 0.4 * 0.9, 0.7 * math.sqrt(0.4 * 0.6)
    bound = acquisitions.upper_confidence_bound(probabilities, values, 2.0)
    np.testing.assert_allclose(np.asarray(bound), mean + 2 * deviation, rtol=1e-6)
    assert float(acquisitions.quantile(probabilities, values, 0.4)) == pytest.approx(0.2 - 0.35)


def test_a_bounded_gain_tends_to_the_probability_of_improvement(rng):
    probabilities = rng.dirichlet(np.ones(20), size=3)
    plain, loose, tight = (
        np.asarray(acquisitions.expected_improvement(probabilities, VALUES, BEST, g)) for g in (None, 1.0, 1e-3)
    )
    np.testing.assert_allclose(loose, plain)
    improving = np.asarray(acquisitions.probability_of_improvement(probabilities, VALUES, BEST))
    np.testing.assert_allclose(tight / 1e-3, improving, rtol=1e-5)


def test_a_certain_prediction_has_finite_gradients():
    certain = np.eye(20)[[12]]
    for function, _ in BINNED.values():
        value, (slope,) = gradient(function, certain)
        assert np.isfinite(value).all() and np.isfinite(slope).all()
    np.testing.assert_allclose(np.asarray(acquisitions.upper_confidence_bound(certain, VALUES)), VALUES[12])


def test_thompson_draws_follow_the_distribution_and_the_seed(rng):
    probabilities = np.broadcast_to(0.8 * rng.dirichlet(np.ones(20)), (20_000, 20))
    draws, again, other = (np.asarray(acquisitions.thompson_sample(probabilities, VALUES, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(draws, again)
    assert (draws != other).mean() > 0.7
    np.testing.assert_allclose((draws < 1e-9).mean(), 0.2, atol=0.015)
    shares = np.histogram(draws[draws >= 1e-9], 20, (0.0, 1.0))[0] / len(draws)
    np.testing.assert_allclose(shares, probabilities[0], atol=0.015)


def test_the_gradient_of_thompson_draws_is_right_on_average(rng):
    """The gradient of the mean draw is unbiased: its mean is the gradient of the mean, p (v − mean) of the logits."""
    logits = rng.standard_normal(20)

    def mean_draw(x):
        rows = tf.broadcast_to(tf.nn.softmax(x), (50_000, 20))
        return tf.reduce_mean(acquisitions.thompson_sample(rows, VALUES, 3))

    value, (slope,) = gradient(mean_draw, logits)
    probabilities = tf.nn.softmax(logits).numpy()
    mean = probabilities @ VALUES
    np.testing.assert_allclose(value, mean, atol=0.01)
    np.testing.assert_allclose(slope, probabilities * (VALUES - mean), atol=3e-3)


@pytest.mark.parametrize("gain", [None, 0.3])
@pytest.mark.parametrize("best", [-1.0, 0.2, 0.9, 3.0, 9.0])
def test_gaussian_expected_improvement_is_the_integral_in_value_and_gradient(best, gain):
    mean, deviation = 0.3, 0.7
    kinks = [best + step * deviation for step in (0, 1, 3, 8)] + ([] if gain is None else [best + gain])

    def integral(weight):
        def integrand(y):
            density = stats.norm.pdf(y, mean, deviation)
            return min(y - best, gain or math.inf) * density * weight((y - mean) / deviation)

        return sum(
            integrate.quad(integrand, low, high, epsabs=0, epsrel=1e-10)[0]
            for low, high in zip(sorted(kinks), [*sorted(kinks)[1:], best + 40 * deviation], strict=True)
        )

    value, slopes = gradient(lambda m, s: acquisitions.gaussian_expected_improvement(m, s, best, gain), mean, deviation)
    np.testing.assert_allclose(value, integral(lambda z: 1.0), rtol=1e-6)
    np.testing.assert_allclose(slopes[0], integral(lambda z: z / deviation), rtol=1e-5)
    np.testing.assert_allclose(slopes[1], integral(lambda z: (z * z - 1) / deviation), rtol=1e-5)


@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-9), ("float32", 1e-4)])
def test_gaussian_tails_keep_their_precision(dtype, rtol):
    z = np.array([-12.0, -7.0, -4.0, -2.01, -1.99, -1.0, 0.0, 3.0, 8.0])
    probability = acquisitions.gaussian_probability_of_improvement(z.astype(dtype), np.ones(9, dtype), 0.0)
    np.testing.assert_allclose(np.asarray(probability), np.exp(special.log_ndtr(z)), rtol=rtol)
    value, slopes = gradient(lambda m, s: acquisitions.gaussian_probability_of_improvement(m, s, 0.0), z, np.ones(9))
    np.testing.assert_allclose(slopes[0], stats.norm.pdf(z), rtol=1e-8)
    np.testing.assert_allclose(slopes[1], -z * stats.norm.pdf(z), rtol=1e-8)


def test_gaussian_bounds_and_draws():
    mean, deviation = np.full(40_000, 0.4), np.full(40_000, 0.2)
    value, slopes = gradient(lambda m, s: acquisitions.gaussian_upper_confidence_bound(m, s, 3.0), 0.4, 0.2)
    assert value == pytest.approx(1.0) and slopes == pytest.approx([1.0, 3.0])
    draws, slopes = gradient(lambda m, s: acquisitions.gaussian_thompson_sample(m, s, 5), mean, deviation)
    assert stats.kstest(draws, "norm", (0.4, 0.2)).pvalue > 0.01
    np.testing.assert_allclose(slopes[0], 1.0)
    np.testing.assert_allclose(slopes[1], (draws - mean) / deviation)


def test_a_finely_binned_gaussian_agrees_with_the_closed_form():
    mean, deviation, edges = np.array([0.5, 0.3]), np.array([0.1, 0.05]), np.linspace(0, 1, 4001)
    values = (edges[1:] + edges[:-1]) / 2
    binned = np.diff(stats.norm.cdf(edges, mean[:, None], deviation[:, None]))
    for name, options in [
        ("expected_improvement", (0.55,)),
        ("expected_improvement", (0.55, 0.05)),
        ("probability_of_improvement", (0.55,)),
        ("upper_confidence_bound", (1.5,)),
    ]:
        closed = getattr(acquisitions, f"gaussian_{name}")(mean, deviation, *options)
        exact = getattr(acquisitions, name)(binned, values, *options)
        np.testing.assert_allclose(np.asarray(exact), np.asarray(closed), atol=2e-4, err_msg=name)
    np.testing.assert_allclose(
        np.asarray(acquisitions.quantile(binned, values, 0.8413447)), mean + deviation, atol=1e-4
    )
