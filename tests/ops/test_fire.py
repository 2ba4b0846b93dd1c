"""FIRE against a loop over steps of one cluster, and on Lennard-Jones clusters."""

import numpy as np
import pytest
import tensorflow as tf

from keras_hparam import errors
from keras_hparam.ops import fire, lennard_jones, relaxation
from keras_hparam.ops.differentiation import value_and_gradient
from tests.ops import clusters

LENNARD_JONES = value_and_gradient(lennard_jones.energy)


def slow_fire(positions, time_step, max_step, steps):
    """The positions after so many evaluations, as the paper tells it, with a limit for each atom."""
    velocity, mixing, downhill, dt = np.zeros_like(positions), 0.1, 0, time_step
    for step in range(steps - 1):
        force = -np.asarray(LENNARD_JONES(positions)[1])
        if np.sum(force * velocity) > 0.0:
            velocity = (1 - mixing) * velocity + mixing * force * np.linalg.norm(velocity) / np.linalg.norm(force)
            if downhill >= 5:
                dt, mixing = min(1.1 * dt, 10.0 * time_step), 0.99 * mixing
            downhill += 1
        else:
            velocity, mixing, downhill = np.zeros_like(positions), 0.1, 0
            dt = 0.5 * dt if step else dt
        velocity = velocity + dt * force
        move = dt * velocity
        positions = positions + move / (1.0 + np.linalg.norm(move, axis=-1, keepdims=True) / max_step)
    return positions


@pytest.mark.parametrize("steps", [1, 2, 8, 25])
def test_steps_are_those_of_a_loop(rng, steps):
    starts = clusters.octahedron(1.1) + 0.1 * rng.standard_normal((2, 6, 3))
    found = fire.minimize(LENNARD_JONES, starts, steps, time_step=0.02, max_step=0.2, gradient_tolerance=1e-12)
    expected = [slow_fire(start, 0.02, 0.2, steps) for start in starts]
    np.testing.assert_allclose(found.positions, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found.evaluations, steps)


def test_clusters_end_in_their_minimum(rng):
    starts = clusters.octahedron(1.1) + 0.05 * rng.standard_normal((3, 6, 3))
    found = relaxation.Relaxation(
        *tf.function(lambda x: tuple(fire.minimize(LENNARD_JONES, x)), autograph=False)(tf.constant(starts))
    )
    assert np.all(found.converged) and np.max(found.gradient_norm) <= 1e-2
    np.testing.assert_allclose(found.energy, -12.712062, atol=1e-4)


def test_compiled_is_the_same(rng):
    starts = tf.constant(clusters.octahedron(1.1) + 0.05 * rng.standard_normal((2, 6, 3)))

    def relax(positions):
        return tuple(fire.minimize(LENNARD_JONES, positions, max_iterations=30))

    plain, compiled = (tf.function(relax, jit_compile=jit, autograph=False)(starts) for jit in (False, True))
    for one, other in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-6)


def test_a_time_step_that_is_not_positive_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="finite `time_step` > 0. Received: 0"):
        fire.minimize(LENNARD_JONES, np.zeros((2, 3)), time_step=0)
