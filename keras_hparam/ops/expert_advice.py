"""How much to trust each of several forecasters, from how well they have forecast so far. NumPy alone, pure.

Axes: T forecasts in their order, E experts.
"""

import numpy as np


def fixed_share(log_probabilities, prior, switching=0.0):
    """Weights [E] of the experts for the next forecast; they sum to 1.

    After each outcome an expert's weight is multiplied by the probability that it gave it; then a share `switching` of
    all weight is spread evenly, so that an expert that has become better is found again. Without switching, the
    weights are the posterior probabilities of Bayesian model averaging. The mixture's log loss exceeds that of the
    best expert by at most −log of its prior, however many forecasts there were.

    Args:
        log_probabilities: float [T, E], of the outcomes; finite. T may be 0.
        prior: float [E], positive; their sum counts as 1.
        switching: in [0, 1].

    Example:
        >>> fixed_share(np.log([[0.5, 0.25], [0.5, 0.25]]), [0.5, 0.5])
        array([0.8, 0.2])

    Source: Herbster & Warmuth 1998, "Tracking the best expert", Machine Learning 32.
    """
    weights = np.log(np.asarray(prior, float) / np.sum(prior))
    count = len(weights)
    for row in np.reshape(np.asarray(log_probabilities, float), (-1, count)):
        weights = weights + row
        weights = weights - np.logaddexp.reduce(weights)
        if switching:
            weights = np.logaddexp(weights + np.log1p(-min(switching, 1.0 - 1e-12)), np.log(switching / count))
    return np.exp(weights)
