"""Potentials of particle systems: an energy, its units, and what the particles are.

An optimizer network sees every potential in reduced units: those in which compact clusters have the distances and the
stiffness that they have under the Lennard-Jones potential with ε = σ = 1.

Axes: B clusters, N particles, 3 coordinates.
"""

import functools

import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.ops import gupta, lennard_jones, stillinger_weber
from keras_hparam.ops.differentiation import value_and_gradient

_SCALES = np.exp(np.linspace(np.log(0.2), np.log(20.0), 2001))
_FRAGMENT = 13  # particles of the piece of a crystal that units are measured with, where the number is free


class Potential:
    """A potential energy of particles.

    Args:
        energy: callable of positions [..., N, 3] that gives energies [...], written with `keras.ops`; finite for any
            finite positions.
        length: the unit of length, > 0: two Lennard-Jones particles with σ = `length` would be as far apart. None: it
            is measured, with the unit of energy, on a piece of a dense crystal that is blown up and compressed.
        energy_unit: > 0, or None: measured.
        elements: symbols of the particles, one for all or N of them; for XYZ files.
        name: str.

    Attributes:
        num_particles: N where the elements say it, else None.

    Raises:
        InvalidArgumentError: for units out of range, one unit without the other, or an energy that has no minimum when
            the piece of a crystal is blown up.

    Example:

    ```python
    def morse(positions):
        distances = ...
        return keras.ops.sum((1 - keras.ops.exp(6 * (1 - distances))) ** 2 - 1, axis=(-1, -2)) / 2

    minimize(Potential(morse, name="morse"), random_ball(16, 13, seed=0))
    ```
    """

    def __init__(self, energy, length=None, energy_unit=None, elements="X", name="potential"):
        self.energy, self.elements, self.name = energy, elements, name
        self.num_particles = None if isinstance(elements, str) else len(elements)
        if length is None and energy_unit is None:
            length, energy_unit = measured_units(energy, self.num_particles or _FRAGMENT)
        for argument, value in (("length", length), ("energy_unit", energy_unit)):
            if value is None or not 0.0 < value < np.inf:
                raise errors.InvalidArgumentError(
                    "Expected `length` and `energy_unit` to be finite and > 0, or both None. "
                    f"Received: {argument}={value!r}."
                )
        self.length, self.energy_unit = float(length), float(energy_unit)

    def reduced_energy(self, positions):
        """Energies [...] of positions [..., N, 3], both in reduced units."""
        return self.energy(positions * self.length) / self.energy_unit

    def reduced_value_and_gradient(self, positions):
        """(energies [...], gradients [..., N, 3]) of positions [..., N, 3], all in reduced units."""
        return value_and_gradient(self.reduced_energy)(positions)


@functools.lru_cache
def LennardJones(epsilon=1.0, sigma=1.0, elements="Ar"):
    """The Lennard-Jones `Potential`, see `keras_hparam.ops.lennard_jones.energy`.

    Args:
        epsilon: the depth of a pair's well, > 0.
        sigma: the distance at which a pair's energy is 0, > 0.
        elements: symbols, for XYZ files.
    """
    energy = functools.partial(lennard_jones.energy, epsilon=epsilon, sigma=sigma)
    return Potential(energy, sigma, epsilon, elements, "lennard_jones")


def Gupta(elements, table=None):
    """The Gupta `Potential` of metals in eV and Å, see `keras_hparam.ops.gupta.energy`.

    Args:
        elements: symbol of all particles, such as "Au", or the symbol of each of the N.
        table: `keras_hparam.ops.gupta.Parameters` by symbol; None for the published ones of nine metals.

    Raises:
        InvalidArgumentError: for an element that the table lacks, which is named.

    Example:

    ```python
    minimize(Gupta(["Au"] * 6 + ["Pd"] * 7), random_ball(32, 13, seed=0, length=2.6))
    ```
    """
    symbols = elements if isinstance(elements, str) else tuple(elements)
    parameters = gupta.pair_parameters([symbols] if isinstance(symbols, str) else symbols, table)
    if isinstance(symbols, str):
        parameters = gupta.Parameters(*(float(values[0, 0]) for values in parameters))
    name = "gupta_" + "".join(sorted({symbols} if isinstance(symbols, str) else set(symbols)))
    return Potential(functools.partial(gupta.energy, parameters=parameters), elements=symbols, name=name)


@functools.lru_cache
def StillingerWeber(epsilon=2.1683, sigma=2.0951, strength=21.0):
    """The Stillinger-Weber `Potential` of silicon, in eV and Å, see `keras_hparam.ops.stillinger_weber.energy`.

    Args:
        epsilon: the depth of a pair's well, > 0.
        sigma: the unit of distances, > 0.
        strength: what triplets weigh, > 0.
    """
    energy = functools.partial(stillinger_weber.energy, epsilon=epsilon, sigma=sigma, strength=strength)
    return Potential(energy, sigma, epsilon, "Si", "stillinger_weber")


def measured_units(energy, num_particles):
    """(length, unit of energy) in which a piece of a dense crystal is as large and as stiff as under Lennard-Jones.

    Stiffness is the second derivative of the energy by the logarithm of the size, at its minimum.

    Args:
        energy: callable of positions [..., N, 3].
        num_particles: int ≥ 2, N.

    Raises:
        InvalidArgumentError: if the energy has no minimum between 1/5 and 20 times the size of the piece.
    """
    size, stiffness = _breathing(energy, num_particles)
    reference_size, reference_stiffness = _breathing(lennard_jones.energy, num_particles)
    return size / reference_size, stiffness / reference_stiffness


def _breathing(energy, num_particles):
    """(scale, stiffness) at the lowest energy of a piece of a crystal with neighbours at distance 1."""
    clusters = (_SCALES[:, None, None] * _crystal(num_particles)).astype("float32")
    energies = ops.convert_to_numpy(energy(ops.convert_to_tensor(clusters))).astype("float64")
    lowest = int(np.nanargmin(energies)) if np.isfinite(energies).any() else 0
    if not 5 <= lowest < len(_SCALES) - 5:
        raise errors.InvalidArgumentError(
            "Expected an `energy` with a minimum when a compact cluster is blown up, with neighbours between .2 and "
            f"20; give `length` and `energy_unit`. Received: the lowest of {energies[[0, -1]]} at an end."
        )
    around = slice(lowest - 5, lowest + 6)
    curvature, slope, _ = np.polyfit(np.log(_SCALES[around] / _SCALES[lowest]), energies[around], 2)
    return _SCALES[lowest] * np.exp(-0.5 * slope / curvature), 2.0 * curvature


def _crystal(num_particles):
    """The points of a face-centred cubic lattice nearest to one of them, neighbours at distance 1: [N, 3]."""
    reach = int(np.ceil(num_particles ** (1.0 / 3.0))) + 2
    grid = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    points = grid[grid.sum(axis=-1) % 2 == 0] / np.sqrt(2.0)
    order = np.lexsort((*points.T, np.round((points**2).sum(axis=-1), 9)))
    return points[order[:num_particles]]
