"""Families of synthetic objectives: functions of tokens [N, D] that return values [N], larger is better, NaN: failed.

Gaussian processes, BBOB-like functions, networks and trees are functions of `Features` in the unit cube; a response
reads the names and values of the space itself.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.features import Features
from keras_hparam.optformer.corpus.objectives.black_box import BlackBox
from keras_hparam.optformer.corpus.objectives.gaussian_processes import GaussianProcess
from keras_hparam.optformer.corpus.objectives.networks import Network
from keras_hparam.optformer.corpus.objectives.responses import Response
from keras_hparam.optformer.corpus.objectives.trees import Forest

__all__ = ["FAMILIES", "BlackBox", "Forest", "GaussianProcess", "Network", "OnFeatures", "Response", "random_objective"]

FAMILIES = {"gaussian_process": 0.3, "black_box": 0.2, "response": 0.3, "network": 0.1, "trees": 0.1}
_ON_FEATURES = {"gaussian_process": GaussianProcess, "black_box": BlackBox, "network": Network, "trees": Forest}


class OnFeatures:
    """A function of features as an objective of tokens.

    Args:
        features: `Features`, tokens [N, D] to features [N, F].
        function: features [N, F] to values [N].
    """

    def __init__(self, features, function):
        self.features = features
        self.function = function

    def __call__(self, tokens):
        """Values [N] of tokens [N, D]."""
        return self.function(self.features(tokens))


class _Sum:
    """A response and a smaller deviation from it: no real response is as regular as its textbook."""

    def __init__(self, response, deviation, weight):
        self._response, self._deviation, self._weight = response, deviation, weight

    def __call__(self, tokens):
        return self._response(tokens) + self._weight * self._deviation(tokens)


def random_objective(rng, space, family, num_bins=1000):
    """An objective of that family (a key of `FAMILIES`) on a space: tokens [N, D] to values [N]."""
    size = 1 if family == "black_box" else draws.whole_between(rng, 1, 3)
    if family != "response":
        features = Features(rng, space, num_bins, size)
        return OnFeatures(features, _ON_FEATURES[family](rng, features.size))
    response = Response(rng, space, num_bins)
    if draws.chance(rng, 0.5):
        return response
    features = Features(rng, space, num_bins, size)
    deviation = (GaussianProcess if draws.chance(rng, 0.7) else Forest)(rng, features.size)
    values = response(space.random_tokens(rng, 32, num_bins))
    values = values[np.isfinite(values)]
    spread = values.std() if len(values) else 1.0
    return _Sum(response, OnFeatures(features, deviation), spread * draws.between(rng, 0.05, 0.7))
