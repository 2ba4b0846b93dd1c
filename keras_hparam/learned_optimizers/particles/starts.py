"""Where clusters begin.

Axes: B clusters, N particles, 3 coordinates.
"""

import numpy as np

from keras_hparam import errors


def random_ball(num_clusters, num_particles, seed=None, length=1.0):
    """Particles at random in a ball of radius N^(1/3)·length, uniform in volume; their centre of mass at the origin.

    Args:
        num_clusters: int ≥ 1, B.
        num_particles: int ≥ 1, N.
        seed: int ≥ 0, or anything that `numpy.random.default_rng` takes; None for another start each time.
        length: the unit of length, > 0, such as `Potential.length`.

    Returns:
        float32 array [B, N, 3].

    Raises:
        InvalidArgumentError: for numbers out of range.

    Example:
        >>> random_ball(2, 13, seed=0).shape
        (2, 13, 3)
    """
    for name, value in (("num_clusters", num_clusters), ("num_particles", num_particles)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise errors.InvalidArgumentError(f"Expected `{name}` to be an int ≥ 1. Received: {value!r}.")
    if not 0.0 < length < np.inf:
        raise errors.InvalidArgumentError(f"Expected a finite `length` > 0. Received: {length!r}.")
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((num_clusters, num_particles, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    radii = np.cbrt(rng.random((num_clusters, num_particles, 1))) * num_particles ** (1.0 / 3.0)
    positions = length * radii * directions
    return (positions - positions.mean(axis=-2, keepdims=True)).astype("float32")
