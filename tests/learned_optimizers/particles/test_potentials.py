"""Potentials in reduced units, measured ones among them."""

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers import particles
from keras_hparam.learned_optimizers.particles import potentials
from keras_hparam.ops import lennard_jones


def scaled(positions):
    return 2.5 * lennard_jones.energy(positions / 3.0)


def test_measured_units_of_a_scaled_lennard_jones_are_its_own():
    found = particles.Potential(scaled)
    assert found.length == pytest.approx(3.0, rel=1e-3) and found.energy_unit == pytest.approx(2.5, rel=1e-2)


def test_reduced_energies_and_gradients_are_those_of_lennard_jones():
    positions = particles.random_ball(4, 6, seed=0)
    found = particles.Potential(scaled, 3.0, 2.5)
    energies, gradients = found.reduced_value_and_gradient(ops.convert_to_tensor(positions))
    expected = particles.LennardJones().reduced_value_and_gradient(ops.convert_to_tensor(positions))
    np.testing.assert_allclose(energies, expected[0], rtol=1e-4)
    np.testing.assert_allclose(gradients, expected[1], rtol=1e-3, atol=1e-3)


def test_the_piece_of_a_crystal_is_dense():
    """13 points of a face-centred cubic lattice: one with its 12 neighbours, all at distance 1."""
    points = potentials._crystal(13)
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    assert sorted(np.round(distances[0], 9)) == [0.0] + 12 * [1.0]
    assert np.min(distances + np.eye(13)) == pytest.approx(1.0)


def test_two_gold_atoms_rest_where_a_scan_has_its_minimum():
    gold = particles.Gupta("Au")
    found = particles.minimize(gold, particles.random_ball(8, 2, seed=0, length=gold.length), weights=None)
    distance = np.linalg.norm(found.positions[0, 0] - found.positions[0, 1])
    grid = np.linspace(2.0, 3.2, 1201)
    pairs = np.stack([np.zeros((1201, 3)), grid[:, None] * np.eye(3)[0]], axis=1)
    energies = np.asarray(gold.energy(ops.convert_to_tensor(pairs)))
    assert found.energies.min() == pytest.approx(energies.min(), abs=1e-3)
    assert distance == pytest.approx(grid[energies.argmin()], abs=5e-3)


def test_mixed_elements_say_how_many_particles_there_are():
    mixed = particles.Gupta(["Au"] * 3 + ["Pd"] * 2)
    assert mixed.num_particles == 5 and mixed.name == "gupta_AuPd"
    start = particles.random_ball(8, 5, seed=0, length=mixed.length)
    assert particles.minimize(mixed, start, weights=None).converged.all()
    with pytest.raises(errors.InvalidArgumentError, match="5 particles"):
        particles.minimize(mixed, particles.random_ball(2, 6, seed=0), weights=None)
    with pytest.raises(errors.InvalidArgumentError, match="Xx"):
        particles.Gupta(["Au", "Xx"])


def test_silicon_finds_its_dimer():
    silicon = particles.StillingerWeber()
    found = particles.minimize(silicon, particles.random_ball(4, 2, seed=0, length=silicon.length), weights=None)
    assert found.energies.min() == pytest.approx(-2.1683, abs=1e-3)


@pytest.mark.parametrize("units", [{"length": 1.0}, {"length": 0.0, "energy_unit": 1.0}, {"energy_unit": np.nan}])
def test_wrong_units(units):
    with pytest.raises(errors.InvalidArgumentError, match="energy_unit"):
        particles.Potential(scaled, **units)


def test_an_energy_without_a_minimum():
    with pytest.raises(errors.InvalidArgumentError, match="minimum"):
        particles.Potential(lambda positions: ops.sum(positions**2, axis=(-1, -2)))
