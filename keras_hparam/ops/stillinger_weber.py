"""The Stillinger–Weber potential of silicon: pairs, and triplets that prefer the tetrahedral angle.

With distances in units of σ, w(d) = exp(γ / (d − a)) below the cutoff a and unit vectors u,

    E = ε Σ_{i<j} A (B d⁻⁴ − 1) exp(1 / (d − a)) + ε λ Σ_i Σ_{j<k} w_ij w_ik (u_ij · u_ik + 1/3)².

The square under the second sum is a product of moments of each atom's neighbours, so that the cost grows with the
number of pairs, not of triplets. Below `cap` what depends on a distance goes on as a straight line in d², with the
value and slope that it has there: energies and forces are finite for any positions.

Axes: … clusters, N atoms, 3 coordinates.
"""

import math

from keras import ops

from keras_hparam import errors
from keras_hparam.ops import pair_distances

_A, _B = 7.049556277, 0.6022245584
_CUTOFF, _GAMMA = 1.8, 1.2
_COSINE = -1.0 / 3.0  # of the tetrahedral angle


def energy(positions, box=None, epsilon=2.1683, sigma=2.0951, strength=21.0, cap=0.65):
    """Energies [...] of clusters or periodic boxes of silicon, in units of `epsilon` (eV); of one atom, 0.

    Args:
        positions: float [..., N, 3], in units of length of `sigma` (Å).
        box: lengths [3] of the edges of a periodic box, each at least twice the cutoff of 1.8 `sigma`; None for open
            clusters.
        epsilon: the depth of a pair's well, > 0.
        sigma: the unit of distances, > 0.
        strength: λ, what the triplets weigh, > 0.
        cap: the distance below which the lines run, in units of `sigma`, between 0 and 1.8.

    Raises:
        InvalidArgumentError: for positions that are not float [..., N, 3], a box that is too short, and numbers out
            of range.

    Source: Stillinger & Weber 1985, "Computer simulation of local order in condensed phases of silicon", Physical
    Review B 31, 5262.

    Example:
        >>> float(energy([[0.0, 0.0, 0.0], [2.3516, 0.0, 0.0]]))  # two atoms at rest: −ε
        -2.1683
    """
    pair_distances.check_positive(epsilon=epsilon, sigma=sigma, strength=strength, cap=cap)
    if cap >= _CUTOFF:
        raise errors.InvalidArgumentError(f"Expected `cap` below the cutoff of {_CUTOFF}. Received: {cap!r}.")
    _check_box(box, sigma)
    apart = pair_distances.displacements(pair_distances.check(positions), box) / sigma  # [..., 3, N, N]
    squares = pair_distances.squares(apart)
    bend = 1.0 / (cap - _CUTOFF)
    slope = _A * math.exp(bend) * (-4.0 * _B / cap**5 - (_B / cap**4 - 1.0) * bend**2)
    pairs = _capped(lambda d: _A * (_B / (d * d * d * d) - 1.0) * _screening(d, 1.0), slope, squares, cap)
    return epsilon * ops.sum(0.5 * ops.sum(pairs, axis=-1) + strength * _triplets(apart, squares, cap), axis=-1)


def _check_box(box, sigma):
    shortest = 2.0 * _CUTOFF * sigma
    if box is not None and (len(box) != 3 or not all(shortest <= length < float("inf") for length in box)):
        raise errors.InvalidArgumentError(f"Expected `box` of 3 lengths >= {shortest:.4g}. Received: {box!r}.")


def _triplets(apart, squares, cap):
    """Σ_{j<k} w_j w_k (u_j · u_k − cos θ₀)² [..., N], as half of what all j and k give, without those of j = k.

    Of all j and k, Σ w_j w_k (u_j · u_k)² is the squared norm of the tensor Σ w u uᵀ, and so on.
    """
    bend = _GAMMA / (cap - _CUTOFF)
    slope = -bend / (cap - _CUTOFF) * math.exp(bend)
    weights = _capped(lambda d: _screening(d, _GAMMA), slope, squares, cap)
    inverses = _capped(lambda d: 1.0 / d, -1.0 / cap**2, squares, cap)
    units = apart * inverses[..., None, :, :]  # [..., 3, N, N], of length 1 beyond `cap`
    weighted = weights[..., None, :, :] * units
    tensor = ops.sum(weighted[..., :, None, :, :] * units[..., None, :, :, :], axis=-1)  # [..., 3, 3, N]
    vector, scalar = ops.sum(weighted, axis=-1), ops.sum(weights, axis=-1)  # [..., 3, N], [..., N]
    every = (
        ops.sum(tensor * tensor, axis=(-2, -3))
        - 2.0 * _COSINE * ops.sum(vector * vector, axis=-2)
        + _COSINE**2 * scalar * scalar
    )
    same = weights * (ops.sum(units * units, axis=-3) - _COSINE)
    return 0.5 * (every - ops.sum(same * same, axis=-1))


def _screening(distances, gamma):
    """exp(gamma / (d − a)) below the cutoff a, 0 beyond: all of its derivatives are 0 there."""
    inside = distances < _CUTOFF
    return ops.where(inside, ops.exp(gamma / (ops.where(inside, distances, 0.0) - _CUTOFF)), 0.0)


def _capped(function, slope, squares, cap):
    """A function of d = √squares; below `cap` the straight line in d² that leaves `cap` with its `slope` by d."""
    distances = ops.sqrt(ops.maximum(squares, cap**2))
    return function(distances) + slope / (2.0 * cap) * ops.minimum(squares - cap**2, 0.0)
