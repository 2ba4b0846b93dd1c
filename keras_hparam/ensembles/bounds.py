"""The distribution of each member's hyperparameters: log-uniform, between bounds that the tuning steps move.

Axes: K members, n examples, P columns of hyperparameters.
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.ops import log_uniform

ENCODINGS = ("centered", "unit")
_GAP = 1e-3  # least width of a distribution, as a share of its range


@keras.saving.register_keras_serializable(package="keras_hparam")
class WithinLimits(keras.constraints.Constraint):
    """Projects bounds [2, K, P] (log lower, log upper) into the limits; the optimizer applies it after each update."""

    def __init__(self, log_min, log_max):
        self.log_min, self.log_max = tuple(log_min), tuple(log_max)

    def __call__(self, bounds):
        log_min, log_max = ops.convert_to_tensor(self.log_min), ops.convert_to_tensor(self.log_max)
        gap = _GAP * (log_max - log_min)
        return ops.stack(log_uniform.project(bounds[0], bounds[1], log_min, log_max, gap))

    def get_config(self):
        return {"log_min": self.log_min, "log_max": self.log_max}


@keras.saving.register_keras_serializable(package="keras_hparam")
class Bounds(keras.layers.Layer):
    """The bounds of K members' P log-uniform distributions, one variable [2, K, P] of (log lower, log upper).

    Called with uniform numbers [K, n, P] it gives samples λ of that shape.

    Args:
        ensemble_size: int, K.
        low, high: P numbers, the limits of the values.
        encoding: "centered" or "unit", see `encode`.

    Attributes:
        log_bounds: the variable; a tuning step's optimizer updates it, a training step's does not.
    """

    def __init__(self, ensemble_size, low, high, encoding="centered", **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if encoding not in ENCODINGS:
            raise errors.InvalidArgumentError(f"Expected `encoding` to be one of {ENCODINGS}. Received: {encoding!r}.")
        self.encoding = encoding
        self.ensemble_size, self.low, self.high = ensemble_size, list(map(float, low)), list(map(float, high))
        self.log_min, self.log_max = np.log(self.low), np.log(self.high)
        shape = (2, ensemble_size, len(self.low))
        initial = np.broadcast_to(np.stack([self.log_min, self.log_max])[:, None], shape)
        self.log_bounds = self.add_weight(
            name="log_bounds",
            shape=shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(initial, dtype),
            constraint=WithinLimits(self.log_min.tolist(), self.log_max.tolist()),
            trainable=False,
            aggregation="mean",
            autocast=False,
        )
        self.built = True

    def call(self, uniform):
        lower, upper = ops.unstack(ops.convert_to_tensor(self.log_bounds), 2)
        return log_uniform.sample(uniform, lower[:, None], upper[:, None])  # [K, n, P]

    def compute_output_shape(self, input_shape):
        return input_shape

    def encode(self, values):
        """What the layers embed: x = (log λ − log low) / (log high − log low) in [0, 1], or 2x − 1 in [−1, 1].

        "unit" is the encoding of Wenzel et al. 2020. With it, what all λ have in common drives every column of the
        embedding, and the tuning steps at first mistake that for the effect of each hyperparameter and move all bounds
        one way; "centered" leaves the differences alone.
        """
        log_min = ops.convert_to_tensor(self.log_min, "float32")
        unit = (ops.log(values) - log_min) / ops.convert_to_tensor(self.log_max - self.log_min, "float32")
        return 2 * unit - 1 if self.encoding == "centered" else unit

    def mean(self):
        """[K, P], the mean of each distribution: the values that are used after training."""
        lower, upper = ops.unstack(ops.convert_to_tensor(self.log_bounds), 2)
        return ops.exp(log_uniform.log_mean(lower, upper))

    def entropy(self, of="log_values"):
        """The joint entropy of a member's distributions in nats, its mean over the members.

        Args:
            of: "log_values" for the entropy of log λ, the logarithm of the width: it widens distributions wherever they
                lie. "values" for that of λ: it also moves them towards large values.
        """
        lower, upper = ops.unstack(ops.convert_to_tensor(self.log_bounds), 2)
        entropies = ops.log(upper - lower) if of == "log_values" else log_uniform.entropy(lower, upper)
        return ops.mean(ops.sum(entropies, axis=-1))

    def values(self):
        """(lower, upper), NumPy arrays [K, P]."""
        return tuple(np.exp(ops.convert_to_numpy(self.log_bounds).astype("float64")))

    def get_config(self):
        config = {"ensemble_size": self.ensemble_size, "low": self.low, "high": self.high, "encoding": self.encoding}
        return {**super().get_config(), **config}
