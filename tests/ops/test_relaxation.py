"""The loop that minimisers share, with a rule whose every step is known."""

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.ops import relaxation
from keras_hparam.ops.differentiation import value_and_gradient


def squared(positions):
    return ops.sum(positions * positions, axis=(-1, -2))


def halve(iteration, point, tried, memory):
    """Keeps what it tried and goes half the way to the origin; counts its calls."""
    return tried, 0.5 * tried.positions, memory + 1


def test_each_cluster_stops_where_it_has_converged_and_counts_its_own_evaluations():
    starts = np.array([0.0, 1.0, 4.0, 1024.0]).reshape(2, 2, 1, 1) * np.ones((2, 2, 5, 3))
    found = relaxation.minimize(value_and_gradient(squared), relaxation.check(starts, 10), halve, lambda _: 0, 10, 0.5)
    np.testing.assert_array_equal(found.evaluations, [[1, 3], [5, 10]])  # gradient 2 x: at 0, .25, .25 and 2 of 1024
    np.testing.assert_array_equal(found.converged, [[True, True], [True, False]])
    np.testing.assert_array_equal(found.gradient_norm, [[0.0, 0.5], [0.5, 4.0]])
    np.testing.assert_array_equal(found.positions[..., 0, 0], [[0.0, 0.25], [0.25, 2.0]])
    np.testing.assert_array_equal(found.energy, (np.asarray(found.positions) ** 2).sum((-1, -2)))
    assert found.evaluations.dtype == "int32" and found.positions.shape == (2, 2, 5, 3)


def test_a_start_without_finite_energy_is_given_up_and_harms_no_other():
    starts = np.ones((3, 2, 3)) * np.array([1.0, np.nan, np.inf])[:, None, None]
    found = relaxation.minimize(value_and_gradient(squared), relaxation.check(starts, 9), halve, lambda _: 0, 9, 0.5)
    np.testing.assert_array_equal(found.evaluations, [3, 1, 1])
    np.testing.assert_array_equal(found.converged, [True, False, False])
    assert np.all(np.isfinite(found.positions[0]))


def test_limited_steps_stay_below_the_limit_and_keep_their_direction(rng):
    steps = 10.0 ** rng.uniform(-6, 6, size=(4, 1, 5)) * rng.standard_normal((4, 3, 5))  # atoms, coordinates, clusters
    found = np.asarray(relaxation.limit_step(steps.reshape(12, 5), 0.3)).reshape(4, 3, 5)
    lengths, limited = np.linalg.norm(steps, axis=1), np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(limited, 1.0 / (1.0 / lengths + 1.0 / 0.3), rtol=1e-12)
    np.testing.assert_allclose(found / limited[:, None], steps / lengths[:, None], rtol=1e-9)
    np.testing.assert_array_equal(relaxation.limit_step(np.zeros((6, 2)), 0.3), 0.0)


@pytest.mark.parametrize("max_iterations", [0, -1, 2.5, None])
def test_iterations_that_are_no_number_of_them_are_refused(max_iterations):
    with pytest.raises(errors.InvalidArgumentError, match="`max_iterations` as an int >= 1. Received: "):
        relaxation.check(np.zeros((2, 3)), max_iterations)


def test_other_numbers_and_positions_are_refused_by_name():
    with pytest.raises(errors.InvalidArgumentError, match="finite `max_step` > 0. Received: 0"):
        relaxation.check(np.zeros((2, 3)), 1, max_step=0)
    with pytest.raises(errors.InvalidArgumentError, match="`positions` as float"):
        relaxation.check(np.zeros((2, 4)), 1)
