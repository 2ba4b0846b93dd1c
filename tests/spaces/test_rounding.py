"""What float32 messages took from hyperparameters comes back."""

import numpy as np

from keras_hparam.spaces.rounding import restore_exact


def test_float32_roundings_are_undone():
    values = {"a": float(np.float32(0.1)), "b": 0.25, "c": "x", "d": 2}
    restore_exact(values, {"a": 0.1, "b": 0.3, "c": "y", "d": 2})
    assert values == {"a": 0.1, "b": 0.25, "c": "x", "d": 2}
