"""Scores of candidates from their predicted objective.

Axes: N candidates, B bins of the normalised objective.
"""

import numpy as np

from keras_hparam import errors
from keras_hparam.networks.values import bin_centres
from keras_hparam.ops import acquisitions


def score(settings, probabilities, best, rng):
    """Scores [N] of candidates, larger is better.

    Args:
        settings: `PlanningSettings`, which name the acquisition.
        probabilities: float [N, B + 1] of the bins of the normalised objective, and of failure.
        best: the best normalised objective so far, or None before there is one: then what asks for an improvement gives
            the mean.
        rng: `numpy.random.Generator`, which seeds Thompson sampling.

    Raises:
        InvalidArgumentError: if a user's acquisition does not return N numbers.
    """
    bins, values = probabilities[:, :-1], bin_centres(probabilities.shape[1] - 1)
    name = settings.acquisition
    if callable(name):
        return _checked(name(bins, values, 0.0 if best is None else best), len(bins))
    if name == "ucb":
        scores = acquisitions.upper_confidence_bound(bins, values, settings.beta)
    elif name == "thompson":
        scores = acquisitions.thompson_sample(bins, values, int(rng.integers(2**31 - 1)))
    elif best is None:
        scores = acquisitions.expected_improvement(bins, values, 0.0)
    elif name == "ei":
        scores = acquisitions.expected_improvement(bins, values, best, settings.largest_gain)
    else:
        scores = acquisitions.probability_of_improvement(bins, values, best)
    return np.asarray(scores)


def _checked(scores, count):
    scores = np.asarray(scores)
    if scores.shape != (count,) or not np.isrealobj(scores) or not np.isfinite(scores.astype(float)).all():
        raise errors.InvalidArgumentError(
            f"Expected `acquisition` to return finite scores of shape ({count},). "
            f"Received: shape {scores.shape}, {scores}."
        )
    return scores.astype(float)
