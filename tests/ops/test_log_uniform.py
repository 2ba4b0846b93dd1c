"""Log-uniform distributions against closed forms in high precision, numerical integration and scipy."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from keras_hparam.ops import log_uniform

LOGS = st.floats(-20, 5)


def numbers(*values):
    return [keras.ops.convert_to_tensor(value, "float64") for value in values]


@given(LOGS, st.floats(1e-3, 20))
def test_mean_and_entropy_are_those_of_scipy(lower, width):
    reference = stats.loguniform(np.exp(lower), np.exp(lower + width))
    mean = float(log_uniform.log_mean(*numbers(lower, lower + width)))
    assert mean == pytest.approx(np.log(reference.mean()), rel=1e-7, abs=1e-9)
    log_density = lambda u: lower + u * width + np.log(width)  # noqa: E731
    integral, _ = integrate.quad(log_density, 0, 1)
    assert float(log_uniform.entropy(*numbers(lower, lower + width))) == pytest.approx(integral, abs=1e-8)


@pytest.mark.parametrize("width", [0.0, 1e-12, 1e-6, 1e-3, 0.5, 0.999, 1.0, 1.001, 5.0, 50.0, 1500.0])
def test_the_mean_is_exact_for_every_width(width):
    """log(sinh(h)/h) in the extended precision of NumPy, where the difference of exponentials does not cancel."""
    h = np.longdouble(width) / 2
    expected = 0.0 if h == 0 else float(h + np.log1p(-np.exp(-2 * h)) - np.log(2 * h)) if h > 0.01 else float(h**2 / 6)
    found = float(log_uniform.log_mean(*numbers(-3.0 - width / 2, -3.0 + width / 2)))
    assert found == pytest.approx(-3.0 + expected, abs=2e-9 if width < 0.02 else 1e-13 * max(width, 1))


@pytest.mark.parametrize("width", [0.0, 1e-4, 0.9, 1.1, 30.0])
def test_the_gradient_of_the_mean_is_that_of_a_finite_difference(width):
    import tensorflow as tf

    lower, upper = tf.Variable(-2.0, dtype="float64"), tf.Variable(-2.0 + width, dtype="float64")
    with tf.GradientTape() as tape:
        mean = log_uniform.log_mean(lower, upper)
    found = tape.gradient(mean, [lower, upper])
    step = 1e-5
    if width > 2 * step:
        values = [
            (log_uniform.log_mean(lower + a, upper + b) - log_uniform.log_mean(lower - a, upper - b)) / (2 * step)
            for a, b in ((step, 0.0), (0.0, step))
        ]
        np.testing.assert_allclose(found, values, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(sum(found), 1.0, rtol=1e-12)  # both bounds times c: the mean times c


def test_samples_have_the_distribution():
    uniform = np.random.default_rng(0).random(4000)
    found = keras.ops.convert_to_numpy(log_uniform.sample(*numbers(uniform, -5.0, 2.0)))
    assert stats.kstest(found, stats.loguniform(np.exp(-5.0), np.exp(2.0)).cdf).pvalue > 0.01
    assert float(log_uniform.sample(*numbers(0.0, -5.0, 2.0))) == pytest.approx(np.exp(-5.0))


@given(LOGS, LOGS)
def test_projected_bounds_are_within_the_limits_and_apart(lower, upper):
    log_min, log_max, gap = -10.0, 1.0, 0.01
    found = [float(x) for x in log_uniform.project(*numbers(lower, upper, log_min, log_max, gap))]
    assert log_min <= found[0] and found[1] <= log_max and found[1] - found[0] >= gap - 1e-9
    if log_min <= lower and lower + gap <= upper <= log_max:
        assert found == pytest.approx([lower, upper], abs=1e-12)
    again = [float(x) for x in log_uniform.project(*numbers(*found, log_min, log_max, gap - 1e-9))]
    assert again == pytest.approx(found, abs=1e-8)
