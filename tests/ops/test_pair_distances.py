"""Displacements and squared distances against loops over atoms."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ops import pair_distances


def test_displacements_and_squares_are_those_of_a_loop(rng):
    positions = rng.standard_normal((2, 5, 3))
    found = pair_distances.displacements(pair_distances.check(positions))
    squares = np.asarray(pair_distances.squares(found, scale=0.5))
    assert found.shape == (2, 3, 5, 5)
    for cluster, i, j in np.ndindex(2, 5, 5):
        apart = positions[cluster, i] - positions[cluster, j]
        np.testing.assert_array_equal(found[cluster, :, i, j], apart)
        if i != j:
            assert squares[cluster, i, j] == pytest.approx(0.5 * apart @ apart)
    assert np.all(np.diagonal(squares, axis1=-2, axis2=-1) == pair_distances.SELF)


def test_a_box_gives_the_nearest_image(rng):
    box = np.array([2.0, 3.0, 5.0])
    positions = 20.0 * rng.standard_normal((6, 3))
    found = np.moveaxis(pair_distances.displacements(pair_distances.check(positions), box), 0, -1)
    for i, j in np.ndindex(6, 6):
        apart = positions[i] - positions[j]
        expected = [min(apart[axis] + box[axis] * np.arange(-80, 81), key=abs) for axis in range(3)]
        np.testing.assert_allclose(found[i, j], expected, atol=1e-12)


@pytest.mark.parametrize("positions", [np.zeros((4, 2)), np.zeros(3), np.zeros((4, 3), int), np.zeros((2, 0, 3))])
def test_what_are_no_positions_is_refused(positions):
    with pytest.raises(errors.InvalidArgumentError, match="`positions` as float.*Received: "):
        pair_distances.check(positions)


@pytest.mark.parametrize("number", [0.0, -1.0, float("nan"), float("inf")])
def test_a_number_that_is_not_positive_is_refused_by_name(number):
    with pytest.raises(errors.InvalidArgumentError, match="finite `sigma` > 0. Received: "):
        pair_distances.check_positive(epsilon=1.0, sigma=number)
