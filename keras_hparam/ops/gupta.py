"""The Gupta potential of metals: the second-moment approximation of tight binding.

E = Σ_i (Σ_j A exp(−p (d_ij / r₀ − 1)) − √Σ_j ξ² exp(−2 q (d_ij / r₀ − 1))) over the neighbours j ≠ i: a repulsion of
pairs and a bond that every further neighbour strengthens less. Both exponentials go on as straight lines in d² below
`cap`, with the value and slope that they have there, so that energies and forces are finite for any positions.

Axes: … clusters, N atoms, 3 coordinates.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.ops import pair_distances

_LEAST_BOND = 1e-30  # eV²: the root of atoms without neighbours has a slope


class Parameters(NamedTuple):
    """Of one element (numbers), or of pairs of atoms (arrays [N, N])."""

    repulsion: Any  # A in eV
    bond: Any  # ξ in eV
    repulsion_decay: Any  # p
    bond_decay: Any  # q
    distance: Any  # r₀ in Å


# Cleri & Rosato 1993, "Tight-binding potentials for transition metals and alloys", Physical Review B 48, 22. With the
# first five shells of neighbours, face-centred cubic crystals are at rest at r₀ = a / √2 with the cohesive energy.
ELEMENTS = {
    "Ag": Parameters(0.1028, 1.178, 10.928, 3.139, 2.8885),
    "Al": Parameters(0.1221, 1.316, 8.612, 2.516, 2.8637),
    "Au": Parameters(0.2061, 1.790, 10.229, 4.036, 2.8843),
    "Cu": Parameters(0.0855, 1.224, 10.960, 2.278, 2.5560),
    "Ir": Parameters(0.1156, 2.289, 16.980, 2.691, 2.7146),
    "Ni": Parameters(0.0376, 1.070, 16.999, 1.189, 2.4911),
    "Pd": Parameters(0.1746, 1.718, 10.867, 3.742, 2.7485),
    "Pt": Parameters(0.2975, 2.695, 10.612, 4.004, 2.7747),
    "Rh": Parameters(0.0629, 1.660, 18.450, 1.867, 2.6891),
}


def pair_parameters(elements, table=None):
    """`Parameters` of all pairs of atoms, [N, N] each.

    Of two elements, energies are the geometric and decays and distances the arithmetic mean, which for Pd–Au are, to
    the digits given, the average parameters of Pittaway et al. 2009, "Theoretical studies of palladium–gold
    nanoclusters", Journal of Physical Chemistry C 113, 9141.

    Args:
        elements: the symbol of each atom, for instance ["Au", "Au", "Pd"].
        table: `Parameters` by symbol, or None for `ELEMENTS`.

    Raises:
        InvalidArgumentError: for an element that the table lacks, and for no elements.

    Example:
        >>> pair_parameters(["Au", "Pd"]).distance[0, 1]
        2.8164
    """
    table = ELEMENTS if table is None else table
    elements = [elements] if isinstance(elements, str) else list(elements)
    unknown = sorted({str(element) for element in elements if element not in table})
    if unknown or not elements:
        known = ", ".join(sorted(table))
        raise errors.InvalidArgumentError(f"Expected `elements` of {known}. Received: {', '.join(unknown) or 'none'}.")
    columns = Parameters(*np.array([table[element] for element in elements], "float64").T)
    means = (_geometric, _geometric, _arithmetic, _arithmetic, _arithmetic)
    return Parameters(*(mean(one[:, None], one[None, :]) for mean, one in zip(means, columns, strict=True)))


def _geometric(a, b):
    return np.sqrt(a * b)


def _arithmetic(a, b):
    return 0.5 * (a + b)


def energy(positions, parameters, cap=0.6):
    """Energies [...] of clusters in eV; of one atom, 0.

    Args:
        positions: float [..., N, 3] in Å.
        parameters: `Parameters` of one element, or of the pairs [N, N], as `pair_parameters` gives them.
        cap: the distance below which the lines run, in units of `distance`, > 0.

    Raises:
        InvalidArgumentError: for positions that are not float [..., N, 3], parameters of another number of atoms, and
            a `cap` that is not above 0.

    Source: Gupta 1981, "Lattice relaxation at a metal surface", Physical Review B 23, 6265; in this form: Cleri &
    Rosato 1993, "Tight-binding potentials for transition metals and alloys", Physical Review B 48, 22.

    Example:
        >>> float(energy([[0.0, 0.0, 0.0], [2.4, 0.0, 0.0]], ELEMENTS["Au"]))  # two atoms
        -4.7538
    """
    pair_distances.check_positive(cap=cap)
    positions = pair_distances.check(positions)
    _check_parameters(parameters, positions.shape[-2])
    repulsion, bond, repulsion_decay, bond_decay, distance = parameters
    squares = pair_distances.squares(pair_distances.displacements(positions))  # Å²
    squares = squares / _tensor(distance**2, positions)
    pairs = _tensor(repulsion, positions) * _decaying(squares, repulsion_decay, cap)
    bonds = _tensor(bond**2, positions) * _decaying(squares, 2.0 * bond_decay, cap)
    strength = ops.sqrt(ops.maximum(ops.sum(bonds, axis=-1), _LEAST_BOND))  # [..., N]
    return ops.sum(ops.sum(pairs, axis=-1) - strength, axis=-1)


def _check_parameters(parameters, atoms):
    shapes = {np.shape(one) for one in parameters}
    if shapes not in ({()}, {(atoms, atoms)}):
        raise errors.InvalidArgumentError(
            f"Expected `parameters` of one element, or of pairs [{atoms}, {atoms}]. Received: shapes {sorted(shapes)}."
        )


def _tensor(number, like):
    return ops.convert_to_tensor(number, like.dtype)


def _decaying(squares, decay, cap):
    """exp(−decay (d − 1)) as a function of d², a straight line below `cap`²."""
    beyond = ops.exp(-_tensor(decay, squares) * (ops.sqrt(ops.maximum(squares, cap**2)) - 1.0))
    slope = -decay / (2.0 * cap) * np.exp(decay * (1.0 - cap))
    return beyond + _tensor(slope, squares) * ops.minimum(squares - cap**2, 0.0)
