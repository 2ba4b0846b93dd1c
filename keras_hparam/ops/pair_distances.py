"""Displacements and squared distances between the atoms of a cluster, and what potentials check and cap alike.

Coordinates come before pairs, so that a compiled sum over pairs runs along memory.

Axes: … clusters, N atoms, 3 coordinates.
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors

SELF = 1e9  # squared distance of an atom from itself: beyond what any potential feels, with a finite inverse cube


def check(positions):
    """`positions` as a tensor.

    Args:
        positions: float [..., N, 3]; N and 3 are known sizes.

    Raises:
        InvalidArgumentError: if they are not float [..., N, 3].
    """
    positions = ops.convert_to_tensor(positions)
    shape = tuple(positions.shape)
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(positions.dtype))
    if not is_float or len(shape) < 2 or shape[-1] != 3 or not shape[-2]:
        raise errors.InvalidArgumentError(
            f"Expected `positions` as float [..., N, 3]. Received: {positions.dtype} of shape {shape}."
        )
    return positions


def check_positive(**numbers):
    """Checks that each number, given by the name of its argument, is finite and above 0.

    Raises:
        InvalidArgumentError: that names the first argument that is not.
    """
    for name, number in numbers.items():
        if not 0.0 < number < float("inf"):
            raise errors.InvalidArgumentError(f"Expected a finite `{name}` > 0. Received: {number!r}.")


def displacements(positions, box=None):
    """x_i − x_j [..., 3, N, N] of positions [..., N, 3]; with `box`, to the nearest of the periodic images.

    Args:
        positions: float tensor [..., N, 3].
        box: lengths [3] of the edges of a periodic box, or None.
    """
    columns = ops.swapaxes(positions, -1, -2)  # [..., 3, N]
    found = columns[..., :, None] - columns[..., None, :]
    if box is None:
        return found
    lengths = ops.reshape(ops.convert_to_tensor(box, found.dtype), (3, 1, 1))
    return found - lengths * ops.stop_gradient(ops.round(found / lengths))


def squares(displacements, scale=1.0):
    """Squared distances [..., N, N] of displacements [..., 3, N, N], times `scale`; `SELF` on the diagonal."""
    x, y, z = (displacements[..., axis, :, :] for axis in range(3))
    diagonal = np.eye(displacements.shape[-1]) * SELF
    return scale * (x * x + y * y + z * z) + ops.convert_to_tensor(diagonal, displacements.dtype)
