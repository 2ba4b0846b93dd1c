"""The Yeo-Johnson transform against SciPy's, its inverse, and finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from keras_hparam.ops import power_transforms as transforms

POWERS = [-1.0, 0.0, 0.3, 1.0, 1.7, 2.0, 3.0]
X = np.array([-6.0, -1.5, -0.2, -1e-5, 0.0, 1e-5, 0.3, 2.0, 7.0])


@pytest.mark.parametrize("power", POWERS)
def test_it_is_that_of_scipy(power):
    np.testing.assert_allclose(transforms.yeo_johnson(X, power), stats.yeojohnson(X, power), atol=1e-15)


def test_a_power_of_one_is_the_identity():
    np.testing.assert_allclose(transforms.yeo_johnson(X, 1.0), X)


@given(st.floats(-50.0, 50.0), st.floats(0.0, 2.0))
def test_the_inverse_inverts(x, power):
    back = transforms.inverse_yeo_johnson(transforms.yeo_johnson(x, power), power)
    np.testing.assert_allclose(back, x, rtol=1e-9, atol=1e-12)


@given(st.floats(-5.0, 5.0), st.floats(1e-3, 5.0), st.floats(-1.0, 3.0))
def test_it_increases(x, step, power):
    assert transforms.yeo_johnson(x + step, power) > transforms.yeo_johnson(x, power)


@pytest.mark.parametrize("power", POWERS)
def test_slopes_are_finite_differences(power):
    step, x = 1e-6, X[X != 0.0]  # the second derivative jumps at 0
    slope, by_power = transforms.log_slope(x, power)
    rise = transforms.yeo_johnson(x + step, power) - transforms.yeo_johnson(x - step, power)
    np.testing.assert_allclose(np.exp(slope), rise / (2 * step), rtol=1e-5)
    change = transforms.log_slope(x, power + step)[0] - transforms.log_slope(x, power - step)[0]
    np.testing.assert_allclose(by_power, change / (2 * step), rtol=1e-6)


@pytest.mark.parametrize("power", [*POWERS, 1e-4, 2.0 - 1e-4])
def test_the_derivative_by_the_power_is_a_finite_difference(power):
    step = 1e-5
    change = transforms.yeo_johnson(X, power + step) - transforms.yeo_johnson(X, power - step)
    np.testing.assert_allclose(transforms.power_derivative(X, power), change / (2 * step), rtol=1e-5, atol=1e-10)
