"""Masses of the standard normal law between two values, exact in both tails. Pure functions, NumPy.

Axes: … any leading axes, B bins.
"""

import numpy as np
from scipy.special import log_ndtr, ndtr


def interval_masses(edges):
    """Masses [..., B] between consecutive edges [..., B + 1], which increase and may be infinite.

    Masses are differences of the tail that is nearer, so that those far right do not vanish beside 1.
    """
    right = edges > 0
    tails = ndtr(-np.abs(edges))
    np.negative(tails, out=tails, where=right)
    masses = np.diff(tails)
    masses += right[..., 1:] != right[..., :-1]
    return masses


def log_interval_mass(lower, upper):
    """log(Phi(upper) - Phi(lower)) [...] for lower < upper [...], also where the mass itself underflows."""
    right = lower > 0  # there the mirrored interval keeps its digits
    lower, upper = np.where(right, -upper, lower), np.where(right, -lower, upper)
    high, low = log_ndtr(upper), log_ndtr(lower)
    return high + np.log1p(-np.exp(low - high))


def log_expected_improvement(mean, deviation, best):
    """log E[max(y − best, 0)] [...] of y ~ N(mean, deviation²), also where the improvement itself underflows.

    Args:
        mean, deviation: float [...]; the deviation is positive.
        best: float.

    Source: Ament et al. 2023, "Unexpected improvements to expected improvement", arXiv 2310.20708, equations 8 to 10:
    E = deviation·(φ(z) + z Φ(z)), z = (mean − best) / deviation, with φ + zΦ = φ·(1 − |z|·Φ(z)/φ(z)) for z < 0, of
    which z⁻² − 3 z⁻⁴ + 15 z⁻⁶ are the first terms far left.
    """
    z = (np.asarray(mean, float) - best) / deviation
    log_density = -0.5 * z * z - 0.5 * np.log(2.0 * np.pi)
    near = np.maximum(z, -20.0)
    ratio = 1.0 + near * np.exp(log_ndtr(near) + 0.5 * near * near + 0.5 * np.log(2.0 * np.pi))  # for z <= 0
    far = np.maximum(np.abs(z), 20.0) ** -2
    tail = np.log(np.where(z < -20.0, far * (1.0 - 3.0 * far + 15.0 * far**2), np.maximum(ratio, 1e-300)))
    above = np.maximum(z, 0.0)
    inside = np.log(np.exp(-0.5 * above * above) / np.sqrt(2.0 * np.pi) + above * ndtr(above))
    return np.log(deviation) + np.where(z > 0.0, inside, log_density + tail)
