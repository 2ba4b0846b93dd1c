"""Dropout whose rate differs from row to row.

Axes: N rows.
"""

import keras
from keras import ops

from keras_hparam import errors


@keras.saving.register_keras_serializable(package="keras_hparam")
class EnsembleDropout(keras.layers.Layer):
    """Dropout with a rate for each row, such as each member's and example's own.

    Call it with x [N, …] and `rate`, float [N] in [0, 1]. In training, each element of row i is 0 with probability
    rate_i, and divided by 1 − rate_i otherwise; else x is returned. No gradient goes to the rates.

    Args:
        noise_shape: shape of the random numbers, in which an axis of size 1 shares them; None, or None for an axis: as
            in x. The first axis is that of the rows.
        seed: int or None.

    Raises:
        InvalidArgumentError: for `rate` of another shape, or a `noise_shape` of another rank than x.

    Example:

    ```python
    layer = EnsembleDropout(seed=0)
    y = layer(keras.ops.ones((2, 5)), rate=keras.ops.array([0.0, 0.5]), training=True)  # row 0 stays
    ```
    """

    def __init__(self, noise_shape=None, seed=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed, name="seed_generator")
        self.supports_masking = True
        self.built = True

    def call(self, x, rate, training=None):
        self._check(x.shape, rate.shape)
        if not training:
            return ops.cast(x, self.compute_dtype)
        free = (None,) * len(x.shape) if self.noise_shape is None else self.noise_shape
        shape = [size if wanted is None else wanted for wanted, size in zip(free, ops.shape(x), strict=True)]
        rate = ops.stop_gradient(ops.cast(rate, self.variable_dtype))
        rate = ops.reshape(rate, (-1,) + (1,) * (len(shape) - 1))  # [N, 1, …]
        kept = keras.random.uniform(shape, dtype=self.variable_dtype, seed=self.seed_generator) >= rate
        scale = ops.where(kept, 1.0 / ops.where(rate < 1.0, 1.0 - rate, 1.0), 0.0)
        return ops.cast(x, self.compute_dtype) * ops.cast(scale, self.compute_dtype)

    def _check(self, x_shape, rate_shape):
        rows = {x_shape[0], *rate_shape[:1]} - {None}
        if len(rate_shape) != 1 or len(rows) > 1:
            raise errors.InvalidArgumentError(
                f"Expected `rate` of shape [N], N the rows of x [{x_shape[0]}, …]. Received: shape {tuple(rate_shape)}."
            )
        if self.noise_shape is not None and len(self.noise_shape) != len(x_shape):
            raise errors.InvalidArgumentError(
                f"Expected a `noise_shape` of rank {len(x_shape)}, as x has. Received: {self.noise_shape}."
            )

    def compute_output_shape(self, x_shape, rate_shape):
        self._check(x_shape, rate_shape)
        return x_shape

    def get_config(self):
        return {**super().get_config(), "noise_shape": self.noise_shape, "seed": self.seed}
