"""What an optimizer network for particles sees: numbers that rotations and the exchange of particles do not change.

Axes: M candidates, B clusters, N particles, 3 coordinates; reduced units. Leading axes [...] are [B], [M, B] or none.
"""

import numpy as np
from keras import ops

from keras_hparam.ops import pair_distances, symmetry_functions

NUM_CLUSTER_FEATURES = 6
USUAL_SIZE = 19  # particles: where the feature of their number is 0
COORDINATION = 12.0  # neighbours in a dense packing: the scale of the symmetry functions


def num_particle_features(config):
    """The number of `particle_features`."""
    return 7 + len(config.cutoffs)


def particle_features(config, positions, gradients, clipped, unit_momentum, clip, pull):
    """List of tensors [..., N], each about in [−2, 2].

    How long the gradient is against the clip, how far from the centre the particle is, the angles between gradient,
    position and momentum, how gradient and pull compare, the momentum's length, and the radial symmetry functions.

    Args:
        config: `ParticleConfig`.
        positions: [..., N, 3], from the centre of mass.
        gradients, clipped: [..., N, 3], as they are and with their lengths limited.
        unit_momentum: [..., N, 3], of root mean square 1.
        clip, pull: tensors that broadcast to [..., N, 3], the limit and the pull per length.
    """
    clip, pull = clip[..., 0], pull[..., 0]
    radius, length, speed = (_norm(vectors) for vectors in (positions, gradients, unit_momentum))
    ratio, balance = length / clip, pull * radius / clip
    found = [
        ratio / (1.0 + ratio),
        radius / positions.shape[-2] ** (1.0 / 3.0),
        balance / (1.0 + balance),
        speed / (1.0 + speed),
        _dot(gradients, positions) / (length * radius),
        _dot(gradients, unit_momentum) / (length * speed),
        _dot(positions, unit_momentum) / (radius * speed),
    ]
    if not config.cutoffs:
        return found
    squares = pair_distances.squares(pair_distances.displacements(positions))
    radial = symmetry_functions.radial_of_squares(squares, config.cutoffs, config.etas) / COORDINATION
    return [*found, *(radial[..., index] for index in range(len(config.cutoffs)))]


def cluster_features(positions, clipped, clip, progress, total_steps):
    """[..., 6]: the share of the steps made, its square, the number of particles, the steps per particle, the mean
    gradient against the clip, the radius of gyration."""
    num_particles, batch = positions.shape[-2], tuple(positions.shape[:-2])
    size = float(np.log(num_particles / USUAL_SIZE))
    gradient = ops.mean(_norm(clipped) / clip[..., 0], axis=-1)
    gyration = ops.sqrt(ops.mean(ops.sum(positions * positions, axis=-1), axis=-1)) / num_particles ** (1.0 / 3.0)
    per_particle = ops.log(total_steps / num_particles / 3.0)
    shared = [2.0 * progress - 1.0, (2.0 * progress - 1.0) ** 2, size, 0.5 * per_particle]
    spread = [ops.broadcast_to(ops.cast(value, positions.dtype), batch) for value in shared]
    return ops.stack([*spread, gradient, gyration], axis=-1)


def _dot(one, two):
    return ops.sum(one * two, axis=-1)


def _norm(vectors):
    return ops.sqrt(_dot(vectors, vectors) + 1e-12)
