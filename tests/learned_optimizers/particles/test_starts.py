"""Random starts of clusters."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.learned_optimizers.particles import random_ball


def test_particles_fill_the_ball_uniformly():
    """In a uniform ball the share within radius r is (r/R)³; the centring moves 2,000 particles hardly."""
    positions = random_ball(4, 2000, seed=0, length=2.0)
    assert positions.shape == (4, 2000, 3) and positions.dtype == np.float32
    np.testing.assert_allclose(positions.mean(axis=1), 0.0, atol=1e-4)
    radii = np.linalg.norm(positions, axis=-1) / (2.0 * 2000 ** (1 / 3))
    for share in (0.3, 0.6, 0.9):
        assert np.mean(radii < share) == pytest.approx(share**3, abs=0.02)


def test_a_seed_gives_the_same_and_another_one_others():
    one, two, other = (random_ball(2, 5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other) and not np.allclose(one[0], one[1])


@pytest.mark.parametrize(
    "arguments", [{"num_clusters": 0}, {"num_particles": 1.5}, {"num_particles": True}, {"length": 0.0}]
)
def test_numbers_out_of_range(arguments):
    (name,) = arguments
    with pytest.raises(errors.InvalidArgumentError, match=f"`{name}`"):
        random_ball(**({"num_clusters": 2, "num_particles": 3} | arguments))
