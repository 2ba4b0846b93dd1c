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
