"""Nested inputs and outputs of a layer as lists of arrays, and their comparison.

Inputs: a tuple is the positional arguments of a call, anything else its only argument. An argument is an array, a
nested list, tuple or dict of arrays, or None where an optional one is left out.
"""

import keras
import numpy as np


def require(condition, message):
    """Raises an AssertionError with the message unless the condition holds (also under `python -O`)."""
    if not condition:
        raise AssertionError(message)


def arguments(inputs):
    """The positional arguments that `inputs` stands for, as a tuple."""
    return inputs if isinstance(inputs, tuple) else (inputs,)


def leaves(structure):
    """The leaves of a nested structure other than None, in order."""
    return [leaf for leaf in keras.tree.flatten(structure) if leaf is not None]


def filled(structure, values):
    """The structure with its leaves other than None replaced by the values, in order."""
    values = iter(values)
    return keras.tree.map_structure(lambda leaf: None if leaf is None else next(values), structure)


def arrays(outputs):
    """Tensors, nested in any way, as a list of NumPy arrays; floats in float64."""
    numpy = [np.asarray(keras.ops.convert_to_numpy(leaf)) for leaf in leaves(outputs)]
    return [array if array.dtype.kind in "biu" else array.astype("float64") for array in numpy]


def assert_close(expected, received, tolerance, what):
    """Raises an AssertionError unless |received − expected| ≤ tolerance · (1 + |expected|) everywhere.

    Args:
        expected, received: lists of arrays.
        tolerance: float ≥ 0. NaN is close to nothing.
        what: start of the message.
    """
    require(
        len(expected) == len(received),
        f"{what}: expected {len(expected)} arrays. Received: {len(received)}.",
    )
    for place, (one, two) in enumerate(zip(expected, received, strict=True)):
        require(
            one.shape == two.shape, f"{what}: expected array {place} of shape {one.shape}. Received: {two.shape}."
        )
        one, two = np.asarray(one, "float64"), np.asarray(two, "float64")
        error = np.max(np.abs(two - one) / (1.0 + np.abs(one)), initial=0.0)
        require(
            error <= tolerance,
            f"{what}: expected array {place} within {tolerance:g} · (1 + |value|). Received: {error:.3g} off.",
        )
