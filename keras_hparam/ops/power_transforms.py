"""The Yeo-Johnson power transform: monotone, of one parameter, the identity where that is 1. Pure functions, NumPy.

With k = p where x >= 0 and k = 2 - p where x < 0, it is sign(x) ((1 + |x|)^k - 1) / k, with the limit sign(x)
log(1 + |x|) at k = 0. It compresses large values where p < 1 and small ones where p > 1.

Source: Yeo & Johnson 2000, "A new family of power transformations to improve normality or symmetry", Biometrika 87.
"""

import numpy as np
from scipy.special import boxcox1p, inv_boxcox1p


def _exponent(x, power):
    exponent = np.where(x < 0, 2.0 - power, power)
    return np.where(np.abs(exponent) < 1e-12, 0.0, exponent)  # SciPy's inverse fails on denormal ones


def yeo_johnson(x, power):
    """The transform [...] of x [...].

    Args:
        x: float array.
        power: float; the result is unbounded in both directions for a power in [0, 2].
    """
    return np.copysign(boxcox1p(np.abs(x), _exponent(x, power)), x)


def inverse_yeo_johnson(y, power):
    """The x [...] whose transform is y [...]; NaN or infinite where there is none (a power outside [0, 2])."""
    return np.copysign(inv_boxcox1p(np.abs(y), _exponent(y, power)), y)


def log_slope(x, power):
    """(log of the transform's derivative [...] at x [...], the derivative of that by the power)."""
    logarithm = np.log1p(np.abs(x))
    return (_exponent(x, power) - 1.0) * logarithm, np.copysign(logarithm, x)


def power_derivative(x, power):
    """The derivative [...] of the transform by its power, at x [...]: u^2 (t e^t - e^t + 1) / t^2.

    Here u = log(1 + |x|) and t = k u; near t = 0 a series takes over, where the difference would lose its digits.
    """
    logarithm = np.log1p(np.abs(x))
    t = _exponent(x, power) * logarithm
    small = np.abs(t) < 1e-3
    safe = np.where(small, 1.0, t)
    ratio = np.where(small, 0.5 + t / 3.0 + t * t / 8.0, (safe * np.exp(safe) - np.expm1(safe)) / safe**2)
    return logarithm**2 * ratio
