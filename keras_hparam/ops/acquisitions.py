"""Acquisition functions of a predicted objective, larger is better. Pure functions.

Axes: … any leading axes, N bins of a distribution.
"""

from keras import ops


def expected_improvement(probabilities, values, best, largest_gain=None):
    """E[min(max(0, y − best), g)] [...] of a binned distribution; without g, the plain expected improvement.

    A bound g keeps a thin, badly predicted upper tail from outweighing candidates that are likely to be better. As g
    falls to 0, the order of candidates becomes that of the probability of improvement.

    Args:
        probabilities: float [..., N]; they may sum to less than 1, the rest (a failure) then improves nothing.
        values: float [N], the value that each bin stands for.
        best: float, the best value so far.
        largest_gain: g > 0, or None for no bound.

    Source: Močkus 1975; Jones, Schonlau & Welch 1998, Efficient Global Optimization, equation 14; on bins: Chen et al.
    2022, arXiv 2205.13320, section 4.3.
    """
    gain = ops.maximum(values - best, 0.0)
    if largest_gain is not None:
        gain = ops.minimum(gain, largest_gain)
    return ops.sum(probabilities * gain, axis=-1)
