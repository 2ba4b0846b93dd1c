"""The final value of a learning curve from its beginning. Pure functions.

Values lie in the unit interval, larger is better, and a curve's value is the best so far: what remains is a gain >= 0.

Axes: G gains of finished curves, N bins that divide the unit interval into equal parts.
"""

import numpy as np
from scipy import special

MIN_GAINS = 4


def gain_distribution(gains, edges, smallest_deviation=0.01):
    """Probabilities [N] of the next curve's remaining gain between successive edges, given the gains of others.

    A Gaussian with unknown mean and variance predicts a Student t (Gelman et al. 2013, Bayesian Data Analysis, section
    3.2), here restricted to the edges' range. As one of G + 1 exchangeable gains, the next is the largest with
    probability 1 / (G + 1), however alike the others are (Hill 1968): that much is spread evenly over the range.

    Args:
        gains: float [G], G >= 2.
        edges: float [N + 1], not decreasing, the first at least 0.
        smallest_deviation: float > 0, floor of the gains' standard deviation.
    """
    count = len(gains)
    deviation = max(np.std(gains, ddof=1), smallest_deviation) * np.sqrt(1.0 + 1.0 / count)
    standard = (np.asarray(edges) - np.mean(gains)) / deviation
    upper = standard[:-1] > 0  # the mass of an upper tail is the mirrored lower one's: no difference of ones
    low = np.where(upper, -standard[1:], standard[:-1])
    high = np.where(upper, -standard[:-1], standard[1:])
    mass = special.stdtr(count - 1, high) - special.stdtr(count - 1, low)  # [N]
    mass = np.maximum(mass, 0.0)  # where an interval is empty, rounding may leave less
    return (count * mass / np.sum(mass) + np.diff(edges) / (edges[-1] - edges[0])) / (count + 1)


def final_distribution(prior, reached, gains, smallest_deviation=0.01):
    """Probabilities [N] of a curve's final value, given the value it has reached.

    Bayes' rule: the prior of the final value, times the likelihood of having come as far as `reached`, which is the
    density of the remaining gain; finished curves at the same epoch show how much remains. Predicting final values from
    partial curves and other trials: Domhan et al. 2015 (IJCAI, parametric curves); Swersky et al. 2014, freeze-thaw,
    arXiv 1406.3896 (a Gaussian process over both).

    Args:
        prior: float [N], probabilities of the final value before training.
        reached: float in [0, 1), best value so far.
        gains: float [G], G >= 2: final value minus the value at this epoch, of finished curves.
        smallest_deviation: float > 0, floor of the gains' standard deviation.
    """
    edges = np.maximum(np.linspace(0.0, 1.0, len(prior) + 1), reached) - reached  # [N + 1] of the gain
    posterior = np.asarray(prior, float) * gain_distribution(gains, edges, smallest_deviation)
    return posterior / np.sum(posterior)
