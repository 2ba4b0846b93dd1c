"""The Lennard-Jones potential of clusters, with overlapping atoms capped.

V(d) = 4ε ((σ/d)¹² − (σ/d)⁶) for each pair of atoms; in reduced units ε = σ = 1, two atoms rest at d = 2^(1/6) with −1.
Below `cap` the energy of the pair goes on as a straight line in d², with the value and slope that it has there:
energies and forces are finite for any positions, also for atoms on the same spot, which exert no force on each other.

Axes: … clusters, N atoms, 3 coordinates.
"""

from keras import ops

from keras_hparam.ops import pair_distances


def energy(positions, epsilon=1.0, sigma=1.0, cap=0.65):
    """Energies [...] of clusters, in units of `epsilon`; of one atom, 0.

    The gradient is written out: one sum over neighbours, several times faster than what differentiation makes of it.

    Args:
        positions: float [..., N, 3], in units of length of `sigma`.
        epsilon: the depth of a pair's well, > 0.
        sigma: the distance at which a pair's energy is 0, > 0.
        cap: the distance below which the line runs, in units of `sigma`, > 0. At .65 a pair has 650 ε, at 0 4,711 ε.

    Raises:
        InvalidArgumentError: if `positions` are not float [..., N, 3], or a number is not above 0.

    Source: Jones 1924, "On the determination of molecular fields II"; clusters: Wales & Doye 1997, "Global optimization
    by basin-hopping and the lowest energy structures of Lennard-Jones clusters containing up to 110 atoms".

    Example:
        >>> float(energy([[0.0, 0.0, 0.0], [2.0 ** (1 / 6), 0.0, 0.0]]))
        -1.0
    """
    pair_distances.check_positive(epsilon=epsilon, sigma=sigma, cap=cap)

    @ops.custom_gradient
    def total(positions):
        def gradient(upstream):
            return upstream[..., None, None] * _gradient(positions, epsilon, sigma, cap)

        return _energy(positions, epsilon, sigma, cap), gradient

    return total(pair_distances.check(positions))


def _energy(positions, epsilon, sigma, cap):
    squares = pair_distances.squares(pair_distances.displacements(positions), sigma**-2)
    inverse = 1.0 / ops.maximum(squares, cap**2)
    sixth = inverse * inverse * inverse
    pairs = sixth * sixth - sixth + _slope(cap**-2) * ops.minimum(squares - cap**2, 0.0)
    return 2.0 * epsilon * ops.sum(pairs, axis=(-1, -2))  # 4ε, and each pair occurs twice


def _gradient(positions, epsilon, sigma, cap):
    apart = pair_distances.displacements(positions)  # [..., 3, N, N]
    squares = pair_distances.squares(apart, sigma**-2)
    slopes = _slope(1.0 / ops.maximum(squares, cap**2))  # along the line, that at `cap`
    forces = ops.sum(slopes[..., None, :, :] * apart, axis=-1)  # [..., 3, N]
    return 8.0 * epsilon / sigma**2 * ops.swapaxes(forces, -1, -2)


def _slope(inverse):
    """The derivative of s⁻⁶ − s⁻³ by s = (d/σ)², as a function of 1 / s."""
    cube = inverse * inverse * inverse
    return (3.0 - 6.0 * cube) * cube * inverse
