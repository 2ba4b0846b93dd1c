"""Random small multilayer perceptrons as objectives.

Axes: N points, F features, H units of a layer.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.features import relevance

_ACTIVATIONS = {"tanh": np.tanh, "relu": lambda h: np.maximum(h, 0.0), "sine": np.sin}


class Network:
    """A perceptron with 1 to 3 hidden layers of random weights on the unit cube.

    Args:
        rng: `np.random.Generator`.
        num_features: F.
    """

    def __init__(self, rng, num_features):
        self._activation = _ACTIVATIONS[draws.pick(rng, ("tanh", "relu", "sine"), (5, 4, 1))]
        gain = draws.log_between(rng, 0.8, 3.0)
        self._layers = []
        fan_in = num_features
        for depth in range(draws.whole_between(rng, 1, 3)):
            width = draws.whole_between(rng, 4, 32)
            kernel = rng.standard_normal((fan_in, width)) * gain / np.sqrt(fan_in)
            if depth == 0:
                kernel *= 3.5 * relevance(rng, num_features)[:, None]  # 3.5 brings [-.5, .5] to unit variance
            self._layers.append((kernel, rng.standard_normal(width) * 0.7 * gain))
            fan_in = width
        self._output = rng.standard_normal(fan_in) / np.sqrt(fan_in)

    def __call__(self, x):
        """Values [N] at points x [N, F]."""
        hidden = x - 0.5
        for kernel, bias in self._layers:
            hidden = self._activation(hidden @ kernel + bias)
        return hidden @ self._output
