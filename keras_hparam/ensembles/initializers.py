"""Initial values of the members' factors."""

import random

import keras
from keras import ops

from keras_hparam import errors


@keras.saving.register_keras_serializable(package="keras_hparam")
class RandomSigns(keras.initializers.Initializer):
    """+1 or −1 with equal probability, times 1 + ε with normal ε.

    Members whose factors differ in sign begin as nearly independent networks, which makes an ensemble more diverse than
    factors around 1 do (Wen et al. 2020, BatchEnsemble, arXiv 2002.06715, section 4).

    Args:
        stddev: number >= 0, the standard deviation of ε.
        seed: int, the same values at each call; None draws one, as Keras' initializers do.

    Raises:
        InvalidArgumentError: for a negative `stddev`.

    Example:
        >>> RandomSigns()((2, 3)).shape
        (2, 3)
    """

    def __init__(self, stddev=0.1, seed=None):
        if not isinstance(stddev, int | float) or not stddev >= 0:
            raise errors.InvalidArgumentError(f"Expected `stddev` to be a number >= 0. Received: {stddev!r}.")
        self.stddev, self._given_seed = stddev, seed
        self.seed = random.randrange(2**30) if seed is None else seed

    def __call__(self, shape, dtype=None):
        dtype = dtype or keras.config.floatx()
        signs = ops.where(keras.random.uniform(shape, seed=self.seed) < 0.5, -1.0, 1.0)
        noise = keras.random.normal(shape, stddev=self.stddev, seed=self.seed + 1)
        return ops.cast(signs * (1.0 + noise), dtype)

    def get_config(self):
        return {"stddev": self.stddev, "seed": self._given_seed}
