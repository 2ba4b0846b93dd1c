"""The network that sets a learning rate.

Axes: B trainings, F features, U units of the recurrent layer.
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_schedules import observation
from keras_hparam.learned_schedules.config import ControllerConfig

KIND = "schedule_controller"
_CELLS = {"gru": keras.layers.GRUCell, "lstm": keras.layers.LSTMCell}
_TINY = 1e-8


@keras.saving.register_keras_serializable(package="keras_hparam")
class Controller(keras.Model):
    """Features of a training's dynamics to the mean of an action, one decision at a time.

    Features are normalised with the mean and variance of those of its own training, which are part of its weights. The
    last layer begins at zero: an untrained controller leaves the rate as it is.

    Args:
        config: `ControllerConfig`, or a dict of its values.
        **kwargs: as of any Keras model. Whatever the global policy, it computes in float32 without a `dtype`.

    Attributes:
        config: `ControllerConfig`.
        num_features: F.

    Raises:
        InvalidArgumentError: for values out of range.

    Source: US20210034973A1; Xu et al. 2019, arXiv 1909.09712.

    Example:

    ```python
    controller = Controller(ControllerConfig(network="gru"))
    action, states = controller(features, controller.initial_states(8))  # features [8, F]
    ```
    """

    def __init__(self, config=None, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if isinstance(config, dict):
            config = ControllerConfig.from_dict(config)
        self.config = ControllerConfig() if config is None else config
        if not isinstance(self.config, ControllerConfig):
            raise errors.InvalidArgumentError(f"Expected `config` to be a ControllerConfig. Received: {config!r}.")
        self.num_features, widths = observation.num_features(self.config), self.config.widths
        dense = widths if self.config.network == "mlp" else widths[:-1]
        layer, policy, cell = keras.layers.Dense, self.dtype_policy, _CELLS.get(self.config.network)
        self.hidden = [layer(width, "tanh", dtype=policy, name=f"hidden_{i}") for i, width in enumerate(dense)]
        self.cell = cell and cell(widths[-1], dtype=policy, name="cell")
        self.head = layer(1, kernel_initializer="zeros", dtype=policy, name="head")
        fixed = {"trainable": False, "dtype": "float32"}
        self.seen = self.add_weight(shape=(), initializer="zeros", name="seen", **fixed)
        self.mean = self.add_weight(shape=(self.num_features,), initializer="zeros", name="mean", **fixed)
        self.variance = self.add_weight(shape=(self.num_features,), initializer="ones", name="variance", **fixed)
        self.build((None, self.num_features))

    def build(self, shape):
        for layer in [*self.hidden, *([self.cell] if self.cell else []), self.head]:
            layer.build(shape)
            shape = (None, layer.units)
        self.built = True

    def initial_states(self, batch_size):
        """What a recurrent controller remembers before the first decision: a list of zeros [B, U], empty for an MLP."""
        if self.cell is None:
            return []
        number = 1 if self.config.network == "gru" else 2
        return [ops.zeros((batch_size, self.cell.units), "float32") for _ in range(number)]

    def normalize(self, features):
        """Features of mean 0 and variance 1 over the controller's training, limited to ± `config.clip`."""
        clip = self.config.clip
        return ops.clip((features - self.mean) * ops.rsqrt(self.variance + _TINY), -clip, clip)

    def call(self, features, states=()):
        """(action [B], states) of features [B, F]."""
        x, states = self.normalize(features), list(states)
        for layer in self.hidden:
            x = layer(x)
        if self.cell is not None:
            x, states = self.cell(x, states)
        return self.head(x)[:, 0], list(states)

    def absorb(self, features):
        """Adds features [..., F] to the running mean and variance (Chan, Golub & LeVeque 1983)."""
        rows = np.asarray(ops.convert_to_numpy(features), "float64").reshape(-1, self.num_features)
        so_far = (self.seen, self.mean, self.variance)
        seen, mean, variance = (np.asarray(ops.convert_to_numpy(weight), "float64") for weight in so_far)
        total = seen + len(rows)
        difference = rows.mean(axis=0) - mean
        squares = seen * variance + len(rows) * rows.var(axis=0) + difference**2 * seen * len(rows) / total
        self.seen.assign(total)
        self.mean.assign(mean + difference * len(rows) / total)
        self.variance.assign(squares / total)

    def get_config(self):
        return {**super().get_config(), "config": self.config.to_dict()}
