"""Lennard-Jones energies and forces against closed forms, a loop over pairs, and central differences."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.ops import lennard_jones
from keras_hparam.ops.differentiation import value_and_gradient
from tests.ops import clusters

REST = 2.0 ** (1 / 6)
TETRAHEDRON = REST / 8.0**0.5 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)


def slow_energy(positions, epsilon=1.0, sigma=1.0, cap=0.65):
    """Pair by pair; below the cap, a line in d² by the derivative by d."""
    def pair(d):
        return 4.0 * epsilon * ((sigma / d) ** 12 - (sigma / d) ** 6)

    def line(d, at):
        slope = 4.0 * epsilon * (-12.0 * sigma**12 / at**13 + 6.0 * sigma**6 / at**7) / (2.0 * at)
        return pair(at) + slope * (d**2 - at**2)

    distances = [np.linalg.norm(positions[i] - positions[j]) for i in range(len(positions)) for j in range(i)]
    return sum(pair(d) if d >= cap * sigma else line(d, cap * sigma) for d in distances)


def best_scale_energy(positions):
    """The least energy over scales: of Σ d⁻¹² = a and Σ d⁻⁶ = b, it is −b² / a."""
    pairs = [(i, j) for i in range(len(positions)) for j in range(i)]
    sixths = np.array([np.linalg.norm(positions[i] - positions[j]) ** -6 for i, j in pairs])
    scale = (2.0 * (sixths**2).sum() / sixths.sum()) ** (1 / 6)
    return float(lennard_jones.energy(scale * positions)), -(sixths.sum() ** 2) / (sixths**2).sum()


@pytest.mark.parametrize(
    "positions, expected",
    [
        (np.array([[0.0, 0.0, 0.0]]), 0.0),
        (np.array([[0.0, 0.0, 0.0], [0.0, 0.0, REST]]), -1.0),
        (REST * np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.75**0.5, 0.0]]), -3.0),
        (TETRAHEDRON, -6.0),
    ],
)
def test_atoms_at_rest(positions, expected):
    assert float(lennard_jones.energy(positions)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "positions, expected", [(clusters.octahedron(1.0), -12.712062), (clusters.icosahedron(1.0), -44.326801)]
)
def test_known_minima(positions, expected):
    """Cambridge Cluster Database, sizes 6 and 13."""
    found, closed_form = best_scale_energy(positions)
    assert found == pytest.approx(closed_form, rel=1e-12)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_energies_are_those_of_a_loop(rng, spread):
    positions = spread * rng.standard_normal((2, 3, 7, 3))
    arguments = {"epsilon": 1.7, "sigma": 0.9, "cap": 0.7}
    found = np.asarray(lennard_jones.energy(positions, **arguments))
    for index in np.ndindex(2, 3):
        assert found[index] == pytest.approx(slow_energy(positions[index], **arguments), rel=1e-10)
    single = lennard_jones.energy(positions.astype("float32"), **arguments)
    assert single.dtype == "float32"
    np.testing.assert_allclose(single, found, rtol=1e-4)


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_gradients_are_central_differences(rng, spread):
    positions = spread * rng.standard_normal((6, 3))
    _, gradient = value_and_gradient(lambda x: lennard_jones.energy(x, epsilon=0.5, sigma=1.1))(positions)
    expected = clusters.central_differences(lambda x: lennard_jones.energy(x, epsilon=0.5, sigma=1.1), positions)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_second_derivatives_are_those_of_the_gradient(rng):
    gradient = value_and_gradient(lennard_jones.energy)
    positions, direction = rng.standard_normal((2, 5, 3))
    product = value_and_gradient(lambda x: tf.reduce_sum(gradient(x)[1] * direction))(positions)[1]
    ahead, behind = (np.asarray(gradient(positions + step * direction)[1]) for step in (1e-6, -1e-6))
    np.testing.assert_allclose(product, (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-5)


def test_value_and_slope_continue_at_the_cap():
    def pair(d):
        value, gradient = value_and_gradient(lennard_jones.energy)(np.array([[0.0, 0.0, 0.0], [d, 0.0, 0.0]]))
        return np.array([value, gradient[1, 0]])

    np.testing.assert_allclose(pair(0.65 - 1e-9), pair(0.65 + 1e-9), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_atoms_on_the_same_spot_are_finite(dtype):
    value, gradient = value_and_gradient(lennard_jones.energy)(np.zeros((3, 3), dtype))
    assert float(value) == pytest.approx(3 * 4710.5, rel=1e-3)
    np.testing.assert_array_equal(gradient, 0.0)
    far = np.array([[0.0, 0.0, 0.0], [1e8, 0.0, 0.0]], dtype)
    assert float(lennard_jones.energy(far)) == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_nothing_depends_on_orientation_place_and_order(seed):
    rng = np.random.default_rng(seed)
    positions = rng.standard_normal((7, 3))
    moved = (positions @ clusters.random_rotation(rng) + rng.standard_normal(3))[rng.permutation(7)]
    assert float(lennard_jones.energy(moved)) == pytest.approx(float(lennard_jones.energy(positions)), rel=1e-9)


def test_compiled_is_the_same(rng):
    positions = tf.constant(rng.standard_normal((4, 2, 5, 3)))
    function = value_and_gradient(lennard_jones.energy)
    for eager, compiled in zip(function(positions), tf.function(function, jit_compile=True)(positions), strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-10)


@pytest.mark.parametrize("name", ["epsilon", "sigma", "cap"])
def test_numbers_that_are_not_positive_are_refused(name):
    with pytest.raises(errors.InvalidArgumentError, match=f"finite `{name}` > 0. Received: -1.0"):
        lennard_jones.energy(np.zeros((2, 3)), **{name: -1.0})
