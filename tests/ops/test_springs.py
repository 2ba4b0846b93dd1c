"""Networks of springs against the matrix that a loop over pairs makes of them."""

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.ops import lennard_jones, springs
from keras_hparam.ops.differentiation import value_and_gradient
from tests.ops import clusters


def slow_hessian(positions, stiffness_of, hold):
    """[3N, 3N] of springs of stiffness_of(d) along the pairs, and of `hold` on each coordinate."""
    atoms = len(positions)
    hessian = hold * np.eye(3 * atoms)
    for i in range(atoms):
        for j in range(i):
            apart = positions[i] - positions[j]
            line = np.zeros((atoms, 3))
            line[i], line[j] = apart, -apart
            hessian += stiffness_of(np.linalg.norm(apart)) / (apart @ apart) * np.outer(line, line)
    return hessian


def as_columns(positions):
    return ops.convert_to_tensor(positions.reshape(len(positions), -1).T)


def test_the_network_of_two_lennard_jones_atoms_has_their_stiffness():
    distance, stiffness, _ = springs.LENNARD_JONES
    gradient = value_and_gradient(lambda x: lennard_jones.energy(x * np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])))
    ahead, behind = (float(gradient(np.full((2, 3), distance + step))[1][1, 0]) for step in (1e-6, -1e-6))
    assert (ahead - behind) / 2e-6 == pytest.approx(stiffness, rel=1e-6)
    assert (ahead + behind) / 2.0 == pytest.approx(0.0, abs=1e-6)


def test_products_are_those_of_the_matrix(rng):
    one = springs.Springs(1.3, 20.0, 4.0)
    positions = np.stack([clusters.apart(rng, 6, least=0.92, spread=1.0) for _ in range(3)])
    vectors = rng.standard_normal((18, 3))
    bonds = springs.network(as_columns(positions), one)
    found = np.asarray(springs.product(bonds, one, ops.convert_to_tensor(vectors)))
    for cluster in range(3):
        hessian = slow_hessian(positions[cluster], lambda d: 20.0 * np.exp(-4.0 * (d / 1.3 - 1.0)), 20.0 / 12.0)
        np.testing.assert_allclose(found[:, cluster], hessian @ vectors[:, cluster], rtol=1e-10)


def test_solves_what_it_multiplies(rng):
    positions = clusters.icosahedron(1.08) + 0.1 * rng.standard_normal((4, 13, 3))
    bonds, vectors = springs.network(as_columns(positions), springs.LENNARD_JONES), rng.standard_normal((39, 4))
    forces = springs.product(bonds, springs.LENNARD_JONES, ops.convert_to_tensor(vectors))
    np.testing.assert_allclose(springs.solve(bonds, springs.LENNARD_JONES, forces, 39), vectors, rtol=1e-6, atol=1e-8)
    rough = np.asarray(springs.solve(bonds, springs.LENNARD_JONES, forces, 5))
    assert np.all((rough * np.asarray(forces)).sum(0) > 0.0)  # downhill
    assert np.linalg.norm(rough - vectors) < 0.8 * np.linalg.norm(vectors)
    np.testing.assert_array_equal(springs.solve(bonds, springs.LENNARD_JONES, 0.0 * forces), 0.0)


def test_atoms_on_the_same_spot_are_finite():
    bonds = springs.network(ops.zeros((6, 2)), springs.LENNARD_JONES)
    np.testing.assert_array_equal(bonds, 0.0)
    found = springs.solve(bonds, springs.LENNARD_JONES, ops.ones((6, 2)))
    np.testing.assert_allclose(found, 12.0 / springs.LENNARD_JONES.stiffness, rtol=1e-5)  # only what holds them


@pytest.mark.parametrize("name", ["distance", "stiffness", "decay"])
def test_springs_that_are_none_are_refused(name):
    with pytest.raises(errors.InvalidArgumentError, match=f"finite `{name}` > 0. Received: 0"):
        springs.check(springs.LENNARD_JONES._replace(**{name: 0}))
    with pytest.raises(errors.InvalidArgumentError, match=r"`springs` as Springs or None. Received: \(1.0, 2.0\)"):
        springs.check((1.0, 2.0))
    assert springs.check(None) is None
