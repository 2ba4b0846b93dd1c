"""The rule for the parameters of networks: Adam at its start, a population, what θ changes, what scales do not."""

import json

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.learned_optimizers.config import OptimizerConfig
from keras_hparam.learned_optimizers.elementwise_rule import ElementwiseRule

SHAPES = [(5, 4), (4,), (), (3, 3, 2, 2)]


def draw(rng, *leading):
    return [np.asarray(rng.standard_normal((*leading, *shape)), "float32") for shape in SHAPES]


def trajectory(rule, theta, parameters, gradients, total_steps=None):
    """The parameters after one step for each list of gradients."""
    state = rule.init(parameters, 2 if np.ndim(theta) == 2 else 0)
    for step, current in enumerate(gradients):
        parameters, state = rule.step(theta, state, parameters, current, None, step, total_steps)
    return [keras.ops.convert_to_numpy(parameter) for parameter in parameters]


def adam(parameter, gradients, rate, epsilon=1e-12):
    m = v = 0.0
    for step, gradient in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient.astype("float64") ** 2
        direction = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + epsilon)
        size = max(np.sqrt(np.mean(parameter**2)), 0.02)
        parameter = parameter - rate(size) * direction
    return parameter


@pytest.mark.parametrize("scale", ["constant", "parameter_rms"])
def test_untrained_it_is_adam(scale, rng):
    rule = ElementwiseRule(OptimizerConfig(scale=scale, alpha=0.05, learned=("alpha", "beta")))
    parameters, gradients = draw(rng), [draw(rng) for _ in range(4)]
    received = trajectory(rule, rule.initial(0), parameters, gradients)
    for index, (parameter, result) in enumerate(zip(parameters, received, strict=True)):
        rate = (lambda size: 0.025) if scale == "constant" else (lambda size: 0.025 * size)
        expected = adam(parameter, [current[index] for current in gradients], rate)
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_an_annealed_rule_is_the_plain_one_times_the_decay(rng):
    plain, annealed = (ElementwiseRule(OptimizerConfig(decay=decay, decay_steps=4.0)) for decay in ("none", "annealed"))
    theta = 0.3 * rng.standard_normal(plain.num_parameters).astype("float32")
    (parameter,), (gradient,) = draw(rng)[:1], draw(rng)[:1]
    for total, factor in ((24.0, 0.5 * (1 + np.cos(np.pi / 2))), (None, 0.5)):
        moments = plain.init([parameter])[0]
        expected, _ = plain.update(theta, moments, parameter, gradient, 12.0, total)
        found, _ = annealed.update(theta, moments, parameter, gradient, 12.0, total)
        np.testing.assert_allclose(found, factor * np.asarray(expected), rtol=1e-5)


@pytest.mark.parametrize("widths", [(), (4,), (20, 4)])
def test_a_population_is_each_candidate_and_task_by_itself(widths, rng):
    rule = ElementwiseRule(OptimizerConfig(widths=widths, learned=("alpha", "gamma"), scale="parameter_rms"))
    theta = 0.3 * rng.standard_normal((3, rule.num_parameters)).astype("float32")
    parameters, gradients = draw(rng, 3, 2), [draw(rng, 3, 2) for _ in range(2)]
    together = trajectory(rule, theta, parameters, gradients, 5.0)
    for place in ((0, 1), (2, 0)):
        own = [[x[place] for x in current] for current in (parameters, *gradients)]
        alone = trajectory(rule, theta[place[0]], own[0], own[1:], 5.0)
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(one[place], other, rtol=1e-4, atol=1e-5)


def test_a_loss_times_a_constant_changes_nothing_but_theta_does(rng):
    rule = ElementwiseRule()
    theta = rule.initial(0) + 0.3 * rng.standard_normal(rule.num_parameters).astype("float32")
    parameters, gradients = draw(rng), [draw(rng) for _ in range(3)]
    plain = trajectory(rule, theta, parameters, gradients)
    scaled = trajectory(rule, theta, parameters, [[1000 * g for g in current] for current in gradients])
    untrained = trajectory(rule, rule.initial(0), parameters, gradients)
    for one, two, three in zip(plain, scaled, untrained, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
        assert np.max(np.abs(one - three)) > 1e-4


def test_each_group_of_features_reaches_the_update(rng):
    parameters, gradients = draw(rng)[:1], [draw(rng)[:1] for _ in range(2)]
    for group in ("gradient", "momentum", "second_moment", "factored", "parameter", "time", "tensor"):
        rule = ElementwiseRule(OptimizerConfig(features=(group,), widths=(3,), activation="tanh"))
        theta = rng.standard_normal(rule.num_parameters).astype("float32")
        kernel = slice(0, 3 * (rule.network.features + rule.network.context))
        without = theta.copy()
        without[kernel] = 0.0
        one, other = (trajectory(rule, weights, parameters, gradients) for weights in (theta, without))
        assert np.max(np.abs(one[0] - other[0])) > 1e-5, group


def test_learned_constants_are_factors_of_the_fixed_ones(rng):
    parameters, gradients = draw(rng), [draw(rng)]
    learned = ElementwiseRule(OptimizerConfig(learned=("gamma", "alpha")))
    theta = rng.standard_normal(learned.num_parameters).astype("float32")
    fixed = ElementwiseRule(OptimizerConfig(gamma=float(np.exp(theta[-2])), alpha=0.02 * float(np.exp(theta[-1]))))
    assert fixed.num_parameters == learned.num_parameters - 2
    received = trajectory(learned, theta, parameters, gradients)
    for one, other in zip(received, trajectory(fixed, theta[:-2], parameters, gradients), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_without_the_residual_an_untrained_rule_stands_still(rng):
    rule, parameters = ElementwiseRule(OptimizerConfig(residual=False)), draw(rng)
    for one, other in zip(trajectory(rule, rule.initial(0), parameters, [draw(rng)]), parameters, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_rule_survives_json_and_refuses_what_is_none():
    rule = ElementwiseRule(OptimizerConfig(widths=(6,)))
    assert ElementwiseRule.from_dict(json.loads(json.dumps(rule.to_dict()))).config == rule.config
    np.testing.assert_array_equal(rule.initial(3), rule.initial(3))
    with pytest.raises(errors.InvalidArgumentError, match="`config` to be an OptimizerConfig. Received: 'small'"):
        ElementwiseRule("small")
