"""Numbers as features: how networks see a value in the unit interval, and how they give a distribution over it.

A number's token is embedded by its value, not looked up in a table of unrelated vectors: neighbouring bins then share
what is learned about them. The same holds at the output: a distribution's logit is a smooth function of the bin.
"""

import keras
import numpy as np
from keras import ops

FREQUENCIES = (*range(1, 17), 20, 24, 32, 48, 64, 96)
NUM_FEATURES = 2 + len(FREQUENCIES)


def cosine_features(unit, frequencies=FREQUENCIES):
    """Features [..., 2 + len(frequencies)] of numbers in [0, 1]: 1, the number centred, and cos(π k u).

    Args:
        unit: float [...], in [0, 1].
        frequencies: the k, in half periods per unit interval.
    """
    unit = ops.expand_dims(unit, -1)
    waves = ops.cos(np.pi * unit * ops.convert_to_tensor(np.asarray(frequencies, "float32")))
    return ops.concatenate([ops.ones_like(unit), 2.0 * unit - 1.0, waves], axis=-1)


def bin_centres(num_bins):
    """Centres [num_bins] of equal bins of the unit interval, as a NumPy array."""
    return (np.arange(num_bins, dtype="float32") + 0.5) / num_bins


@keras.saving.register_keras_serializable(package="keras_hparam")
class BinLogits(keras.layers.Layer):
    """Logits over the bins of the unit interval as a smooth function of the bin.

    The layer gives coefficients of a cosine series of `num_frequencies` terms, damped towards high frequencies, which
    is evaluated at the bins' centres.

    Args:
        num_bins: number of bins.
        num_frequencies: terms of the series; width of the sharpest feature about 1 / num_frequencies.
    """

    def __init__(self, num_bins, num_frequencies=128, **kwargs):
        super().__init__(**kwargs)
        self.num_bins, self.num_frequencies = num_bins, num_frequencies

    def build(self, input_shape):
        index = np.arange(1, self.num_frequencies + 1, dtype="float32")
        waves = np.cos(np.pi * index[:, None] * bin_centres(self.num_bins)[None, :])
        self.basis = waves / np.sqrt(1.0 + index / 4.0)[:, None]  # [frequencies, bins]
        self.coefficients = keras.layers.Dense(self.num_frequencies, name="coefficients", dtype=self.dtype_policy)
        self.coefficients.build(input_shape)
        self.built = True

    def call(self, x):
        """Logits [..., num_bins] of x [..., width]."""
        coefficients = self.coefficients(x)
        return ops.matmul(coefficients, ops.cast(self.basis, coefficients.dtype))

    def get_config(self):
        return {**super().get_config(), "num_bins": self.num_bins, "num_frequencies": self.num_frequencies}
