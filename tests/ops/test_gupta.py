"""Gupta energies against loops over atoms, bulk metals, another implementation's figure, and central differences."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.ops import gupta
from keras_hparam.ops.differentiation import value_and_gradient
from tests.ops import clusters

COHESIVE_ENERGIES = {  # eV per atom, to which Cleri & Rosato fitted
    "Ag": 2.960, "Al": 3.339, "Au": 3.779, "Cu": 3.544, "Ir": 6.93, "Ni": 4.435, "Pd": 3.936, "Pt": 5.853, "Rh": 5.752,
}  # fmt: skip
LATTICE_CONSTANTS = {  # Å
    "Ag": 4.085, "Al": 4.050, "Au": 4.079, "Cu": 3.615, "Ir": 3.839, "Ni": 3.523, "Pd": 3.887, "Pt": 3.924, "Rh": 3.803,
}  # fmt: skip


def slow_energy(positions, elements):
    """Atom by atom, for atoms that do not overlap."""
    total = 0.0
    for i in range(len(elements)):
        repulsion, bond = 0.0, 0.0
        for j in range(len(elements)):
            if i != j:
                one, other = gupta.ELEMENTS[elements[i]], gupta.ELEMENTS[elements[j]]
                x = np.linalg.norm(positions[i] - positions[j]) / (0.5 * (one.distance + other.distance)) - 1.0
                p, q = (0.5 * (one[k] + other[k]) for k in (2, 3))
                repulsion += np.sqrt(one.repulsion * other.repulsion) * np.exp(-p * x)
                bond += one.bond * other.bond * np.exp(-2.0 * q * x)
        total += repulsion - np.sqrt(bond)
    return total


@pytest.mark.parametrize("element", sorted(gupta.ELEMENTS))
def test_crystals_have_their_cohesive_energy_and_rest_at_their_lattice_constant(element):
    a, xi, p, q, distance = gupta.ELEMENTS[element]
    sites = np.array([site for site in itertools.product(range(-4, 5), repeat=3) if sum(site) % 2 == 0])
    squares = (sites**2).sum(-1)
    shells = np.sqrt(squares[(squares > 0) & (squares <= 10)] / 2.0)  # five, in units of the nearest distance

    def per_atom(scale):
        return a * np.exp(-p * (scale * shells - 1)).sum() - xi * np.sqrt(np.exp(-2 * q * (scale * shells - 1)).sum())

    assert distance == pytest.approx(LATTICE_CONSTANTS[element] / 2.0**0.5, rel=3e-4)
    assert per_atom(1.0) == pytest.approx(-COHESIVE_ENERGIES[element], abs=0.003)
    scales = np.linspace(0.95, 1.05, 1001)
    assert scales[np.argmin([per_atom(scale) for scale in scales])] == pytest.approx(1.0, abs=1e-3)


def test_the_trimer_of_gold_is_that_of_jax_md():
    gold = gupta.Parameters(3.454 / 2 * 0.118428, 3.454 / 2, 10.15, 4.13, 2.96)
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.9], [0.0, 2.9, 2.9]])
    assert float(gupta.energy(positions, gold)) == pytest.approx(-5.4632421255957135, rel=1e-12)


def test_mixed_elements_are_those_of_a_loop(rng):
    elements = ["Au", "Pd", "Cu", "Au", "Ni"]
    parameters = gupta.pair_parameters(elements)
    positions = np.stack([clusters.apart(rng, 5, least=2.0, spread=2.5) for _ in range(3)])
    found = gupta.energy(positions, parameters)
    np.testing.assert_allclose(found, [slow_energy(one, elements) for one in positions], rtol=1e-12)
    single = gupta.energy(positions.astype("float32"), parameters)
    assert single.dtype == "float32"
    np.testing.assert_allclose(single, found, rtol=1e-5)
    pure = gupta.pair_parameters(["Pt"] * 5)
    np.testing.assert_allclose(gupta.energy(positions, pure), gupta.energy(positions, gupta.ELEMENTS["Pt"]), rtol=1e-12)


def test_palladium_with_gold_has_the_published_average():
    """Pittaway et al. 2009: A .19, ξ 1.75, p 10.54, q 3.89, r₀ 2.816."""
    average = [one[0, 1] for one in gupta.pair_parameters(["Pd", "Au"])]
    np.testing.assert_allclose(average, [0.19, 1.75, 10.54, 3.89, 2.816], rtol=3e-3)


@pytest.mark.parametrize("spread", [0.7, 2.0])
def test_gradients_are_central_differences(rng, spread):
    parameters = gupta.pair_parameters(["Ag", "Pd", "Pt", "Rh"])
    positions = spread * rng.standard_normal((4, 3))
    _, gradient = value_and_gradient(lambda x: gupta.energy(x, parameters))(positions)
    expected = clusters.central_differences(lambda x: gupta.energy(x, parameters), positions)
    np.testing.assert_allclose(gradient, expected, atol=1e-7 * np.abs(expected).max())


def test_value_and_slope_continue_at_the_cap():
    def pair(d):
        function = value_and_gradient(lambda x: gupta.energy(x, gupta.ELEMENTS["Ni"]))
        value, gradient = function(np.array([[0.0, 0.0, 0.0], [d * gupta.ELEMENTS["Ni"].distance, 0.0, 0.0]]))
        return np.array([value, gradient[1, 0]])

    np.testing.assert_allclose(pair(0.6 - 1e-9), pair(0.6 + 1e-9), rtol=1e-6)


@pytest.mark.parametrize("element", sorted(gupta.ELEMENTS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_atoms_on_the_same_spot_and_far_apart_are_finite(element, dtype):
    function = value_and_gradient(lambda x: gupta.energy(x, gupta.ELEMENTS[element]))
    value, gradient = function(np.zeros((4, 3), dtype))
    assert np.isfinite(value) and float(value) > 0.0  # repelled
    np.testing.assert_array_equal(gradient, 0.0)
    value, gradient = function(1e4 * np.arange(6, dtype=dtype).reshape(2, 3))
    assert float(value) == pytest.approx(0.0, abs=1e-12) and np.all(np.isfinite(gradient))


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_nothing_depends_on_orientation_place_and_order(seed):
    rng = np.random.default_rng(seed)
    positions, order = 2.5 * rng.standard_normal((5, 3)), rng.permutation(5)
    elements = np.array(["Cu", "Au", "Au", "Ag", "Cu"])
    moved = (positions @ clusters.random_rotation(rng) + rng.standard_normal(3))[order]
    found = float(gupta.energy(moved, gupta.pair_parameters(elements[order])))
    assert found == pytest.approx(float(gupta.energy(positions, gupta.pair_parameters(elements))), rel=1e-9)


def test_compiled_is_the_same(rng):
    parameters = gupta.pair_parameters(["Au", "Pd", "Pd"])
    positions = tf.constant(2.0 * rng.standard_normal((4, 2, 3, 3)))
    function = value_and_gradient(lambda x: gupta.energy(x, parameters))
    for eager, compiled in zip(function(positions), tf.function(function, jit_compile=True)(positions), strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-10, atol=1e-10)


def test_unknown_elements_and_other_numbers_of_atoms_are_refused():
    with pytest.raises(errors.InvalidArgumentError, match="`elements` of Ag, Al, Au.*Received: U, Xx"):
        gupta.pair_parameters(["Au", "Xx", "U"])
    with pytest.raises(errors.InvalidArgumentError, match="Received: none"):
        gupta.pair_parameters([])
    with pytest.raises(errors.InvalidArgumentError, match=r"pairs \[3, 3\]. Received: shapes \[\(2, 2\)\]"):
        gupta.energy(np.zeros((3, 3)), gupta.pair_parameters(["Au", "Au"]))
    table = {"Xx": gupta.ELEMENTS["Au"]}
    assert gupta.pair_parameters("Xx", table).repulsion.shape == (1, 1)
