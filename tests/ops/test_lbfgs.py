"""L-BFGS on a quadratic, from near Lennard-Jones minima beside SciPy's, from random starts, compiled, under JAX."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf
from keras import ops

from keras_hparam import errors
from keras_hparam.ops import lbfgs, lennard_jones, relaxation, springs
from keras_hparam.ops.differentiation import value_and_gradient
from tests.ensembles.jax_process import compare, needs_jax
from tests.ops import clusters

LENNARD_JONES = value_and_gradient(lennard_jones.energy)
REST = 2.0 ** (1 / 6)


def minimize(starts, **options):
    """The minimiser in a graph, which is ten times faster than step by step, and not compiled, which takes longer."""
    def function(starts):
        return tuple(lbfgs.minimize(LENNARD_JONES, starts, **options))

    return relaxation.Relaxation(*tf.function(function, autograph=False)(tf.constant(starts)))


def near_icosahedra(rng, batch, noise):
    return clusters.icosahedron(1.08) + noise * rng.standard_normal((batch, 13, 3))


def ball(rng, batch, atoms):
    """Uniform in a ball of radius atoms^(1/3)."""
    directions = rng.standard_normal((batch, atoms, 3))
    radii = (atoms * rng.random((batch, atoms, 1))) ** (1 / 3)
    return radii * directions / np.linalg.norm(directions, axis=-1, keepdims=True)


def scipy_minimum(start):
    compiled = tf.function(LENNARD_JONES)

    def function(flat):
        energy, gradient = compiled(tf.constant(flat.reshape(start.shape)))
        return float(energy), np.asarray(gradient).ravel()

    return scipy.optimize.minimize(function, start.ravel(), jac=True, method="L-BFGS-B", options={"gtol": 1e-2})


def test_a_quadratic_takes_few_evaluations(rng):
    curvatures, lowest = np.linspace(1.0, 10.0, 12).reshape(4, 3), rng.standard_normal((4, 3))
    function = value_and_gradient(lambda x: 0.5 * ops.sum(curvatures * (x - lowest) ** 2, axis=(-1, -2)) - 1.0)
    starts = lowest + rng.standard_normal((5, 4, 3))
    found = lbfgs.minimize(function, starts, history=6, max_step=100.0, first_step=1.0, gradient_tolerance=1e-8)
    assert np.all(found.converged) and np.max(found.evaluations) <= 40
    np.testing.assert_allclose(found.positions, np.broadcast_to(lowest, starts.shape), atol=1e-8)
    np.testing.assert_allclose(found.energy, -1.0, rtol=1e-12)


def test_finds_the_minima_that_scipy_finds_with_no_more_evaluations(rng):
    starts = near_icosahedra(rng, 3, 0.05)
    found = minimize(starts)
    expected = [scipy_minimum(start) for start in starts]
    assert np.all(found.converged)
    np.testing.assert_allclose(found.energy, -44.326801, atol=1e-4)
    np.testing.assert_allclose(found.energy, [one.fun for one in expected], atol=1e-4)
    assert np.mean(found.evaluations) <= np.mean([one.nfev for one in expected])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_starts_end_in_minima(rng, dtype):
    starts = ball(rng, 8, 7).astype(dtype)
    found = minimize(starts, history=3)
    assert found.positions.dtype == dtype and np.all(found.converged)
    energy, gradient = LENNARD_JONES(found.positions)
    np.testing.assert_allclose(energy, found.energy, rtol=1e-5)
    np.testing.assert_allclose(np.abs(gradient).max((-1, -2)), found.gradient_norm, atol=1e-4)
    assert np.max(found.gradient_norm) <= 1e-2
    known = [-16.505384, -15.935043, -15.593211, -15.533060]  # all minima of seven atoms (Tsai & Jordan 1993)
    errors_of = np.abs(np.asarray(found.energy)[:, None] - known).min(-1)
    assert np.mean(errors_of < 1e-3) >= 0.75  # the others: an atom on its own, or a saddle


def test_each_cluster_is_minimised_as_if_it_were_alone(rng):
    noise = np.array([0.0, 0.05, 0.2]).reshape(3, 1, 1)
    starts = clusters.octahedron(1.1) + noise * rng.standard_normal((3, 6, 3))
    together = minimize(starts, history=2)
    alone = [minimize(start, history=2) for start in starts]
    np.testing.assert_array_equal(together.evaluations, [one.evaluations for one in alone])
    np.testing.assert_allclose(together.energy, [one.energy for one in alone], rtol=1e-9)
    assert together.evaluations[0] < np.min(together.evaluations[1:])


def test_a_step_that_raises_the_energy_is_taken_back():
    """The first step of 5 leads over the minimum at 0 and up."""
    function = value_and_gradient(lambda x: ops.sum(ops.sqrt(1.0 + (3.0 * x) ** 4), axis=(-1, -2)))
    start = np.array([[0.5, 0.0, 0.0]])
    found = lbfgs.minimize(function, start, max_iterations=2, max_step=1e3, first_step=5.0)
    np.testing.assert_array_equal(found.positions, start)
    assert int(found.evaluations) == 2 and not bool(found.converged)
    found = lbfgs.minimize(function, start, max_step=1e3, first_step=5.0)
    assert bool(found.converged) and float(found.energy) == pytest.approx(3.0, abs=1e-4)


def test_springs_save_evaluations(rng):
    starts = near_icosahedra(rng, 8, 0.05)
    plain, sprung = (minimize(starts, springs=one) for one in (None, springs.LENNARD_JONES))
    assert np.all(sprung.converged)
    np.testing.assert_allclose(sprung.energy, plain.energy, atol=1e-4)
    assert np.mean(sprung.evaluations) < 0.6 * np.mean(plain.evaluations)


def test_springs_that_do_not_fit_the_potential_lead_to_a_minimum_too(rng):
    """Ten times too stiff, ten times too soft, and twice as long; six atoms have two minima."""
    starts = clusters.octahedron(1.1) + 0.05 * rng.standard_normal((4, 6, 3))
    for distance, stiffness in ((1.12, 570.0), (1.12, 5.7), (2.24, 57.0)):
        found = minimize(starts, springs=springs.Springs(distance, stiffness))
        assert np.all(found.converged) and np.max(found.evaluations) < 60
        assert np.all(np.abs(np.asarray(found.energy)[:, None] - [-12.712062, -12.302928]).min(-1) < 1e-4)


def test_max_iterations_bounds_evaluations(rng):
    found = minimize(near_icosahedra(rng, 2, 0.2), max_iterations=4, history=1)
    np.testing.assert_array_equal(found.evaluations, 4)
    assert not np.any(found.converged)


def test_compiled_is_the_same(rng):
    starts = tf.constant(clusters.octahedron(1.1) + 0.05 * rng.standard_normal((2, 2, 6, 3)))

    def relax(positions):
        options = {"history": 2, "gradient_tolerance": 1e-4, "springs": springs.LENNARD_JONES}
        return tuple(lbfgs.minimize(LENNARD_JONES, positions, **options))

    plain, compiled = (tf.function(relax, jit_compile=jit, autograph=False)(starts) for jit in (False, True))
    np.testing.assert_array_equal(compiled[3], plain[3])
    for one, other in zip(plain[:3], compiled[:3], strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(compiled[1], -12.712062, atol=1e-6)


@needs_jax
def test_is_the_same_under_jax(capsys):
    program = """
from keras import ops
from keras_hparam.ops import fire, gupta, lbfgs, lennard_jones, springs, stillinger_weber, symmetry_functions
from keras_hparam.ops.differentiation import value_and_gradient
positions = np.random.default_rng(0).standard_normal((2, 5, 3)).astype("float32")
metal = gupta.pair_parameters(["Au", "Pd", "Au", "Cu", "Pd"])
potentials = {
    "lennard_jones": lennard_jones.energy,
    "gupta": lambda x: gupta.energy(3.0 * x, metal),
    "stillinger_weber": lambda x: stillinger_weber.energy(2.0 * x),
}
found = {"radial": symmetry_functions.radial(np.abs(positions @ positions.swapaxes(1, 2)), [2.0, 3.0], [0.1, 1.0])}
for name, potential in potentials.items():
    energy, gradient = value_and_gradient(potential)(positions)
    found |= {name: energy, name + "_gradient": gradient}
corners = np.concatenate([np.eye(3), -np.eye(3)]).astype("float32")
starts = 0.8 * corners + 0.03 * np.random.default_rng(0).standard_normal((2, 6, 3)).astype("float32")
function = value_and_gradient(lennard_jones.energy)
found["lbfgs"] = lbfgs.minimize(function, starts, history=2).energy
found["springs"] = lbfgs.minimize(function, starts, history=2, springs=springs.LENNARD_JONES).energy
found["fire"] = fire.minimize(function, starts, max_iterations=30).energy
"""
    numbers = compare(program, capsys, rel=1e-3, abs=1e-3)
    assert numbers["lbfgs"] + numbers["springs"] == pytest.approx([-12.712062] * 4, abs=1e-3)


@pytest.mark.parametrize("history", [0, -1, 2.0, None])
def test_a_history_that_is_no_number_of_pairs_is_refused(history):
    with pytest.raises(errors.InvalidArgumentError, match="`history` as an int >= 1. Received: "):
        lbfgs.minimize(LENNARD_JONES, np.zeros((2, 3)), history=history)
