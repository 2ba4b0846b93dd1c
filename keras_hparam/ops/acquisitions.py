"""Acquisition functions of a predicted objective, larger is better. Pure functions.

Axes: … any leading axes, N bins of a distribution.
"""

from keras import ops


def expected_improvement(probabilities, values, best):
    """E[max(0, y − best)] [...] of a binned distribution.

    Args:
        probabilities: float [..., N]; they may sum to less than 1, the rest (a failure) then improves nothing.
        values: float [N], the value that each bin stands for.
        best: float, the best value so far.

    Source: Močkus 1975; Jones, Schonlau & Welch 1998, Efficient Global Optimization, equation 14; on bins: Chen et al.
    2022, arXiv 2205.13320, section 4.3.
    """
    gain = ops.maximum(values - best, 0.0)
    return ops.sum(probabilities * gain, axis=-1)


def expected_value(probabilities, values):
    """Σ p y [...] of a binned distribution [..., N] with values [N]."""
    return ops.sum(probabilities * values, axis=-1)
