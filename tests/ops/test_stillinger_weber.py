"""Stillinger–Weber energies against a loop over triplets, crystalline silicon, and central differences."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.ops import stillinger_weber
from keras_hparam.ops.differentiation import value_and_gradient
from tests.ops import clusters

SIGMA, CUTOFF = 2.0951, 1.8


def slow_energy(positions, box=None):
    """Pair by pair and triplet by triplet, for atoms that do not overlap."""
    def apart(i, j):
        vector = positions[j] - positions[i]
        return (vector if box is None else vector - box * np.round(vector / box)) / SIGMA

    total, atoms = 0.0, range(len(positions))
    for i, j in itertools.combinations(atoms, 2):
        d = np.linalg.norm(apart(i, j))
        if d < CUTOFF:
            total += 7.049556277 * (0.6022245584 / d**4 - 1.0) * np.exp(1.0 / (d - CUTOFF))
    for i in atoms:
        for j, k in itertools.combinations([j for j in atoms if j != i], 2):
            one, other = apart(i, j), apart(i, k)
            d, e = np.linalg.norm(one), np.linalg.norm(other)
            if d < CUTOFF and e < CUTOFF:
                weight = np.exp(1.2 / (d - CUTOFF) + 1.2 / (e - CUTOFF))
                total += 21.0 * weight * (one @ other / (d * e) + 1.0 / 3.0) ** 2
    return 2.1683 * total


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-6)])
def test_crystalline_silicon_is_that_of_jax_md(dtype, tolerance):
    positions = clusters.diamond(5.428, 2).astype(dtype)
    found = stillinger_weber.energy(positions, box=[2 * 5.428] * 3, epsilon=2.16826)
    assert found.dtype == dtype
    assert float(found) / 64 == pytest.approx(-4.336503155764325, rel=tolerance)


def test_crystalline_silicon_is_at_rest_with_four_bonds_per_atom():
    function = value_and_gradient(lambda x: stillinger_weber.energy(x, box=[2 * 5.431] * 3))
    value, gradient = function(clusters.diamond(5.431, 2))
    assert float(value) / 64 == pytest.approx(-2.0 * 2.1683, rel=1e-6)  # each bond is shared by two
    np.testing.assert_allclose(gradient, 0.0, atol=1e-10)


def test_energies_are_those_of_a_loop(rng):
    positions = np.stack([clusters.apart(rng, 9, least=1.5, spread=2.0) for _ in range(3)])
    expected = [slow_energy(one) for one in positions]
    np.testing.assert_allclose(stillinger_weber.energy(positions), expected, rtol=1e-11)
    box = np.array([8.0, 9.0, 10.0])
    moved = positions + box * rng.integers(-3, 4, size=positions.shape)
    expected = [slow_energy(one, box) for one in positions]
    np.testing.assert_allclose(stillinger_weber.energy(moved, box=box), expected, rtol=1e-9)


@pytest.mark.parametrize("spread", [0.6, 2.0])
def test_gradients_are_central_differences(rng, spread):
    positions = spread * rng.standard_normal((7, 3))
    _, gradient = value_and_gradient(stillinger_weber.energy)(positions)
    expected = clusters.central_differences(stillinger_weber.energy, positions)
    np.testing.assert_allclose(gradient, expected, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("distance", [0.65, 1.8])
def test_value_and_slope_continue_at_the_cap_and_at_the_cutoff(distance):
    def triplet(d):
        positions = np.array([[d * SIGMA, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 2.0, 0.0]])
        value, gradient = value_and_gradient(stillinger_weber.energy)(positions)
        return np.append(np.ravel(gradient), value)

    inside, outside = triplet(distance - 1e-9), triplet(distance + 1e-9)
    np.testing.assert_allclose(inside, outside, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_atoms_on_the_same_spot_and_at_the_cutoff_are_finite(dtype):
    function = value_and_gradient(stillinger_weber.energy)
    value, gradient = function(np.zeros((4, 3), dtype))
    assert np.isfinite(value) and float(value) > 0.0
    np.testing.assert_array_equal(gradient, 0.0)
    for steps in range(-3, 4):
        d = dtype_steps(np.asarray(CUTOFF * SIGMA, dtype), steps)
        value, gradient = function(np.array([[0.0, 0.0, 0.0], [d, 0.0, 0.0], [0.0, d, 0.0]], dtype))
        assert float(value) == 0.0 and np.all(np.asarray(gradient) == 0.0)


def dtype_steps(number, steps):
    """The float that is so many floats away."""
    for _ in range(abs(steps)):
        number = np.nextafter(number, number.dtype.type(np.inf * np.sign(steps)))
    return number


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_nothing_depends_on_orientation_place_and_order(seed):
    rng = np.random.default_rng(seed)
    positions = 2.0 * rng.standard_normal((6, 3))
    moved = (positions @ clusters.random_rotation(rng) + rng.standard_normal(3))[rng.permutation(6)]
    found = float(stillinger_weber.energy(moved))
    assert found == pytest.approx(float(stillinger_weber.energy(positions)), rel=1e-9, abs=1e-9)


def test_compiled_is_the_same(rng):
    positions = tf.constant(2.0 * rng.standard_normal((2, 2, 5, 3)))
    function = value_and_gradient(stillinger_weber.energy)
    for eager, compiled in zip(function(positions), tf.function(function, jit_compile=True)(positions), strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("box", [[8.0, 8.0], [8.0, 8.0, 7.5], [8.0, 8.0, float("inf")], [8.0, 8.0, -8.0]])
def test_a_box_that_is_too_short_is_refused(box):
    with pytest.raises(errors.InvalidArgumentError, match="`box` of 3 lengths >= 7.542. Received: "):
        stillinger_weber.energy(np.zeros((2, 3)), box=box)


def test_a_cap_beyond_the_cutoff_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="`cap` below the cutoff of 1.8. Received: 1.8"):
        stillinger_weber.energy(np.zeros((2, 3)), cap=1.8)
