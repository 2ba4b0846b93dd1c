"""Hyperparameters that went through KerasTuner's messages, which carry float32."""

import numpy as np


def restore_exact(values, exact):
    """Replaces, in place, floats of `values` that are float32 roundings of the `exact` ones of the same name."""
    for name, value in values.items():
        known = exact.get(name)
        if isinstance(value, float) and isinstance(known, float) and np.float32(value) == np.float32(known):
            values[name] = known
