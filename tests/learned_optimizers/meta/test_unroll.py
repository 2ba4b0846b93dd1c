"""Trajectories, against closed forms."""

import functools

import numpy as np
import pytest
from keras import ops

from keras_hparam.distribute import compilation
from keras_hparam.learned_optimizers.meta import unroll
from keras_hparam.tasks import functions
from tests.ensembles.jax_process import compare, needs_jax
from tests.learned_optimizers.meta.rules import GradientDescent, Momentum

RATES = np.array([0.1, 0.02, 0.3], "float32")


@pytest.fixture(scope="module")
def quadratics():
    """(family, instances) of two quadratics with condition numbers below 10."""
    family = functions.Quadratics(dimension=3, condition=10.0, scale=1.0)
    return family, family.sample(np.random.default_rng(0), 2)


def closed_form(instances, rates, steps):
    """Losses [T + 1, M, B] of gradient descent: y_t = (1 − ηλ)^t y_0 along each axis."""
    start = np.einsum("bd,bde->be", instances["parameters"][0] - instances["shift"], instances["rotation"])
    eigenvalues = instances["eigenvalues"]
    decay = 1 - rates[:, None, None].astype("float64") * eigenvalues
    return np.array([0.5 * (eigenvalues * np.square(decay**t * start)).sum(-1) for t in range(steps + 1)])


def test_gradient_descent_has_its_closed_form(quadratics):
    family, instances = quadratics
    program = compilation.compile(functools.partial(unroll.unroll, GradientDescent(), family, capacity=10))
    for steps in (10, 4, 1):
        found = unroll.Unrolled(*map(ops.convert_to_numpy, program(np.log(RATES)[:, None], instances, steps, 0.0)))
        expected = closed_form(instances, RATES, steps)
        np.testing.assert_allclose(found.losses[:steps], expected[:-1], rtol=1e-4)
        assert np.isnan(found.losses[steps:]).all()
        np.testing.assert_allclose(found.final, expected[-1], rtol=1e-4)
        normalized = ops.convert_to_numpy(family.normalize(expected.astype("float32"), instances))
        np.testing.assert_allclose(found.last, normalized[-1], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found.mean, normalized[1:].mean(axis=0), rtol=1e-3, atol=1e-5)


def test_a_rule_is_told_the_length_or_not(quadratics):
    family, instances = quadratics
    rule, theta = GradientDescent(known=float(np.log(2))), np.log(RATES)[:, None]
    known = unroll.unroll(rule, family, theta, instances, 3, 3.0)
    unknown = unroll.unroll(rule, family, theta, instances, 3, 0.0)
    np.testing.assert_allclose(ops.convert_to_numpy(known.final), closed_form(instances, 2 * RATES, 3)[-1], rtol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(unknown.final), closed_form(instances, RATES, 3)[-1], rtol=1e-4)


def test_trajectories_go_on_where_they_were(quadratics):
    family, instances = quadratics
    theta = np.stack([np.log(RATES), [0.0, 1.0, -1.0]], axis=1).astype("float32")
    rule, zero, advance = Momentum(), np.float32(0), unroll.advance
    start = unroll.begin(rule, instances, 3)
    (parameters, state), whole = advance(rule, family, theta, start, instances, np.int32(0), np.int32(7), zero)
    carry, first = advance(rule, family, theta, start, instances, np.int32(0), np.int32(3), zero)
    (again, state_again), second = advance(rule, family, theta, carry, instances, np.int32(3), np.int32(4), zero)
    np.testing.assert_allclose(ops.convert_to_numpy(again[0]), ops.convert_to_numpy(parameters[0]), rtol=1e-6)
    assert int(state["count"]) == int(state_again["count"]) == 7
    means = [ops.convert_to_numpy(part.mean) for part in (whole, first, second)]
    np.testing.assert_allclose(means[0], (3 * means[1] + 4 * means[2]) / 7, rtol=1e-4, atol=1e-6)


def test_a_candidate_that_diverges_leaves_the_others_alone(quadratics):
    family, instances = quadratics
    rates = np.array([0.1, 1e30], "float32")
    found = unroll.unroll(GradientDescent(), family, np.log(rates)[:, None], instances, 5)
    assert not np.isfinite(ops.convert_to_numpy(found.mean)[1]).any()
    alone = closed_form(instances, rates[:1], 5)[-1]
    np.testing.assert_allclose(ops.convert_to_numpy(found.final)[:1], alone, rtol=1e-4)


@needs_jax
def test_jax_makes_the_same_trajectories(capsys):
    compare(
        """
from keras_hparam.learned_optimizers.meta import unroll
from keras_hparam.tasks import data, networks
from tests.learned_optimizers.meta.rules import Momentum
found, sizes = {}, {"batch_size": 8, "examples": 32, "validation_examples": 8}
table = data.data_set(np.random.default_rng(1).normal(size=(60, 4)), np.arange(60) % 3)
images = data.data_set(np.random.default_rng(1).normal(size=(60, 4, 4, 1)), np.arange(60) % 3)
for family in (networks.DenseNetworks([table], (5,), 4, 3, **sizes),
               networks.ConvolutionalNetworks([images], (4, 4, 1), (3,), 3, **sizes)):
    instances = family.sample(np.random.default_rng(0), 2)
    theta = np.array([[-4.0, 0.0], [-3.0, 1.0]], "float32")
    result = unroll.unroll(Momentum(), family, theta, instances, 6, capacity=6)
    found |= {f"{family.name}/{name}": getattr(result, name) for name in result._fields}
""",
        capsys, rel=1e-3, abs=1e-4,
    )  # fmt: skip
