"""Minimisation of clusters: minima that are known, what is counted, what is refused."""

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers import particles
from keras_hparam.learned_optimizers.particles import minimization
from keras_hparam.ops import lennard_jones

LJ = particles.LennardJones()
ICOSAHEDRON = -44.326801
FEW = 8  # starts of most tests, which share a compiled program


@pytest.fixture(scope="module")
def starts():
    return particles.random_ball(48, 13, seed=0)


@pytest.fixture(scope="module")
def found(starts):
    return particles.minimize(LJ, starts, weights=None)


def test_thirteen_atoms_find_the_icosahedron(found):
    assert found.energies.min() == pytest.approx(ICOSAHEDRON, abs=1e-3)
    assert np.mean(found.energies < ICOSAHEDRON + 1e-3) > 0.5
    assert found.converged.all()
    np.testing.assert_allclose(found.positions.mean(axis=1), 0.0, atol=1e-4)
    np.testing.assert_allclose(lennard_jones.energy(found.positions), found.energies, atol=1e-3)


def test_evaluations_are_steps_and_those_of_the_quench(starts, found):
    steps = particles.ParticleConfig().num_steps(13)
    assert found.evaluations.min() > steps + 3 and len(set(found.evaluations.tolist())) > 3
    short = particles.minimize(LJ, starts, weights=None, quench_iterations=4)
    assert set(short.evaluations.tolist()) <= set(range(steps + 1, steps + 5)) and not short.converged.all()
    without = particles.minimize(LJ, starts[:FEW], 5, weights=None, quench=None)
    np.testing.assert_array_equal(without.evaluations, 6)
    assert not without.converged.any()


def test_the_best_state_on_the_way_is_kept(starts):
    """From the minimum, a step of compression can only go up."""
    minimum = particles.minimize(LJ, starts[:FEW], weights=None)
    again = particles.minimize(LJ, minimum.positions, 4, weights=None, quench=None)
    np.testing.assert_allclose(again.energies, minimum.energies, atol=1e-4)


def test_fire_quenches_into_minima_too(starts):
    found = particles.minimize(LJ, starts[:16], weights=None, quench="fire")
    assert found.energies.min() == pytest.approx(ICOSAHEDRON, abs=1e-3) and found.converged.all()


def test_other_units_are_the_same_problem(starts):
    scaled = particles.LennardJones(epsilon=0.01, sigma=3.4)
    one = particles.minimize(LJ, starts[:FEW], weights=None)
    two = particles.minimize(scaled, 3.4 * starts[:FEW], weights=None)
    assert two.energies.min() == pytest.approx(0.01 * one.energies.min(), rel=1e-4)


def test_one_cluster_without_a_batch_axis(starts):
    found = particles.minimize(LJ, starts[0], 10, weights=None)
    assert found.positions.shape == (13, 3) and np.ndim(found.energies) == 0 and found.evaluations > 10


def test_atoms_on_the_same_spot_and_far_away_ones(starts):
    positions = starts[:FEW].copy()
    positions[0, :3] = 0.0
    positions[1, 0] = [1e3, 0.0, 0.0]
    found = particles.minimize(LJ, positions, weights=None)
    assert np.isfinite(found.energies).all() and (found.energies < -35.0).all()


def test_lengths_do_not_compile_again(starts):
    particles.minimize(LJ, starts[:FEW], 3, weights=None)
    before = minimization._program.cache_info().misses
    particles.minimize(particles.LennardJones(), starts[:FEW], 4, weights=None)
    assert minimization._program.cache_info().misses == before


def test_weights_from_a_directory(tmp_path, starts):
    from keras_hparam.learned_optimizers import weights

    rule = particles.ParticleRule(particles.ParticleConfig(widths=(4,)))
    theta = np.random.default_rng(0).normal(size=rule.num_parameters, scale=0.1)
    weights.save(tmp_path / "w", rule, theta)
    one = particles.minimize(LJ, starts[:FEW], 5, weights=str(tmp_path / "w"), quench=None)
    two = particles.minimize(LJ, starts[:FEW], 5, weights=(rule, theta), quench=None)
    np.testing.assert_allclose(one.energies, two.energies)
    plain = particles.minimize(LJ, starts[:FEW], 5, weights=None, quench=None)
    assert not np.allclose(one.energies, plain.energies)


@pytest.mark.parametrize(
    "arguments, name",
    [
        ({"positions": np.zeros((2, 3, 2))}, "positions"), ({"positions": np.full((2, 3, 3), np.inf)}, "positions"),
        ({"steps": 0}, "steps"), ({"steps": 2.5}, "steps"), ({"quench": "adam"}, "quench"),
        ({"quench_iterations": 0}, "quench_iterations"), ({"potential": lennard_jones.energy}, "potential"),
        ({"weights": "nobody"}, "nobody"), ({"gradient_tolerance": 0.0}, "gradient_tolerance"),
    ],
)  # fmt: skip
def test_bad_arguments(starts, arguments, name):
    with pytest.raises(errors.InvalidArgumentError, match=name):
        particles.minimize(**({"potential": LJ, "positions": starts[:2], "weights": None} | arguments))


def test_energies_that_are_not_finite_are_refused_before_the_work(starts):
    broken = particles.Potential(lambda x: ops.sum(ops.log(x[..., 0]), axis=-1), length=1.0, energy_unit=1.0)
    with pytest.raises(errors.InvalidArgumentError, match=r"clusters \[0, 1\]"):
        particles.minimize(broken, starts[:2], weights=None)
