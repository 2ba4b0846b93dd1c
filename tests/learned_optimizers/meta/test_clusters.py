"""Clusters as tasks of meta-training."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.learned_optimizers import particles
from keras_hparam.learned_optimizers.meta.clusters import Clusters
from keras_hparam.ops import lbfgs, lennard_jones, springs
from keras_hparam.ops.differentiation import value_and_gradient

MINIMUM = -9.103852  # of five Lennard-Jones atoms


@pytest.fixture(scope="module")
def family():
    return Clusters(5, MINIMUM)


def test_the_final_loss_is_the_energy_after_a_quench_and_its_price(family):
    instances = family.sample(np.random.default_rng(0), 3)
    starts = instances["parameters"][0]
    np.testing.assert_allclose(family.loss([starts[None]], instances, 0)[0], lennard_jones.energy(starts), rtol=1e-5)
    quenched = lbfgs.minimize(
        value_and_gradient(lennard_jones.energy), starts, max_iterations=70, springs=springs.LENNARD_JONES
    )
    expected = np.asarray(quenched.energy) + 2e-3 * np.asarray(quenched.evaluations)
    np.testing.assert_allclose(family.final_loss([starts[None]], instances)[0], expected, atol=1e-4)


def test_normalised_losses_are_zero_at_the_minimum_and_bounded(family):
    found = np.asarray(family.normalize(np.array([[MINIMUM - 1e-4, MINIMUM + 0.5, 1e30]], "float32"), {}))
    np.testing.assert_allclose(found, [[0.0, 0.5, 1.0]], atol=1e-3)


def test_other_units_are_the_same_family(family):
    other = Clusters(5, 0.01 * MINIMUM, particles.LennardJones(0.01, 3.4))
    assert other.minimum == pytest.approx(family.minimum) and other.name == "lennard_jones_5"


@pytest.mark.parametrize(
    "arguments, name",
    [((1, -1.0), "num_particles"), ((5, 1.0), "minimum"), ((5, -1.0, None, None, None, 70, -1.0), "evaluation_price")],
)
def test_numbers_out_of_range(arguments, name):
    with pytest.raises(errors.InvalidArgumentError, match=name):
        Clusters(*arguments)
