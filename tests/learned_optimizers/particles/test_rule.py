"""The rule for particles: symmetries, the base that it begins as, limits of steps."""

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers.particles import ParticleConfig, ParticleRule, random_ball
from keras_hparam.learned_optimizers.particles.config import CONSTANTS
from keras_hparam.ops import lennard_jones
from keras_hparam.ops.differentiation import value_and_gradient

EVALUATE = value_and_gradient(lennard_jones.energy)


def random_theta(rule, seed=0):
    return np.random.default_rng(seed).normal(size=rule.num_parameters, scale=0.2).astype("float32")


def run(rule, theta, positions, steps=6, total_steps=10.0):
    (positions,), state = [ops.convert_to_tensor(positions)], rule.init([positions])
    for step in range(steps):
        _, gradients = EVALUATE(positions)
        (positions,), state = rule.step(theta, state, [positions], [gradients], None, step, total_steps)
    return ops.convert_to_numpy(positions)


def rotation(seed):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q.astype("float32")


@pytest.fixture(scope="module")
def rule():
    return ParticleRule(ParticleConfig(widths=(8,)))


def test_the_rule_commutes_with_rotations_translations_and_exchange(rule):
    theta, start, turn = random_theta(rule), random_ball(3, 7, seed=1), rotation(2)
    order = np.random.default_rng(0).permutation(7)
    expected = run(rule, theta, start)
    np.testing.assert_allclose(run(rule, theta, start @ turn), expected @ turn, atol=2e-3)
    np.testing.assert_allclose(run(rule, theta, start + 5.0), expected, atol=2e-3)
    np.testing.assert_allclose(run(rule, theta, start[:, order]), expected[:, order], atol=2e-3)


def test_a_population_is_a_loop_over_candidates(rule):
    start = random_ball(3, 5, seed=1)
    thetas = np.stack([random_theta(rule, seed) for seed in range(4)])
    found = run(rule, thetas, np.broadcast_to(start, (4, *start.shape)))
    for theta, positions in zip(thetas, found, strict=True):
        np.testing.assert_allclose(positions, run(rule, theta, start), atol=1e-4)


def test_the_untrained_rule_is_compression_with_momentum(rule):
    """A plain reference of the first two steps, with the constants of 19 particles."""
    config, start = rule.config, random_ball(1, 19, seed=3)
    found = run(rule, rule.initial(0), start, steps=2, total_steps=8.0)
    place = config.sizes.index(19)
    constants = {name: getattr(config, name)[place] for name in CONSTANTS}
    x, momentum = start[0].astype("float64"), 0.0
    for step in range(2):
        progress = step / 8.0
        x = x - x.mean(0)
        gradient = ops.convert_to_numpy(EVALUATE(x)[1])
        lengths = np.linalg.norm(gradient, axis=-1, keepdims=True)
        gradient = gradient * np.minimum(1.0, constants["gradient_clip"] / lengths)
        pull = constants["first_pull"] ** (1 - progress) * constants["last_pull"] ** progress
        mu = constants["inertia"] / (1 + constants["inertia"])
        momentum = mu * momentum + (1 - mu) * (gradient + pull * x)
        unit = momentum / np.sqrt(np.mean(np.sum(momentum**2, axis=-1)))
        change = unit * constants["first_step"] ** (1 - progress) * constants["last_step"] ** progress
        change *= np.minimum(1.0, config.largest_step / np.linalg.norm(change, axis=-1, keepdims=True))
        x = x - change
    np.testing.assert_allclose(found[0], x, atol=1e-3)


def test_constants_are_interpolated_between_sizes_and_changed_there(rule):
    """For 22 particles, between the knots 19 and 26; the changes at other knots do nothing."""
    theta, sizes = rule.initial(0), rule.config.sizes
    changes = theta[rule.network.num_parameters :].reshape(len(CONSTANTS), len(sizes))
    changes[CONSTANTS.index("last_step")] = [9.0, 9.0, 0.3, -0.2, 9.0, 9.0]
    share = np.log(22 / 19) / np.log(26 / 19)
    low, high = rule.config.last_step[2:4]
    expected = np.exp((1 - share) * (np.log(low) + 0.3) + share * (np.log(high) - 0.2))
    assert float(rule._constants(theta, 22, 3)["last_step"][0, 0, 0]) == pytest.approx(expected, rel=1e-5)


def test_beyond_the_sizes_constants_stay_and_steps_go_on():
    config = ParticleConfig()
    np.testing.assert_allclose(config.weights(70), [0, 0, 0, 0, 0, 1])
    np.testing.assert_allclose(config.weights(5), [1, 0, 0, 0, 0, 0])
    assert config.num_steps(19) == 54 and config.num_steps(38) == 192
    assert config.num_steps(70) > 300 and 1 <= config.num_steps(2) < 10


def test_steps_are_limited_and_nobody_evaporates():
    rule = ParticleRule(ParticleConfig(widths=(4,), largest_step=0.1, container=1.0))
    start = random_ball(2, 8, seed=0)
    moved = run(rule, random_theta(rule), start, steps=1)
    assert np.linalg.norm(moved - start, axis=-1).max() <= 0.1 + 1e-5
    far = start.copy()
    far[:, 0] = [50.0, 0.0, 0.0]
    assert np.linalg.norm(run(rule, random_theta(rule), far, steps=1), axis=-1).max() <= 2.0 + 1e-5


def test_unknown_total_steps_are_those_of_the_configuration(rule):
    start = random_ball(1, 5, seed=0)
    default = float(rule.config.num_steps(5))
    expected = run(rule, random_theta(rule), start, total_steps=default)
    np.testing.assert_array_equal(run(rule, random_theta(rule), start, total_steps=None), expected)


def test_configuration_round_trip(rule):
    again = ParticleRule.from_dict(rule.to_dict())
    assert again.config == rule.config and again.num_parameters == rule.num_parameters


@pytest.mark.parametrize(
    "values",
    [
        {"widths": ()}, {"activation": "swish"}, {"cutoffs": (1.0,)}, {"first_step": (0.0,) * 4}, {"steps": 5},
        {"sizes": (19, 13, 26, 38)}, {"last_pull": (1.0, 2.0)},
        {"largest_step": -1.0}, {"beta": (1.0, 1.0, 1.0, float("nan"))},
    ],
)  # fmt: skip
def test_wrong_configurations(values):
    (name,) = values
    with pytest.raises(errors.InvalidArgumentError, match="etas" if name == "cutoffs" else name):
        ParticleConfig(**values)


def test_unknown_names_in_a_configuration():
    with pytest.raises(errors.InvalidArgumentError, match="depth"):
        ParticleConfig.from_dict({"depth": 3})


def test_a_refined_rule_moves_alike_and_takes_other_steps(rule):
    theta, known = random_theta(rule), dict.fromkeys(rule.config.sizes, 20)
    refined, refined_theta = rule.refined(theta, {**known, 16: 5, 100: 300})
    assert refined.config.num_steps(16) == 5 and refined.config.num_steps(13) == 20
    for num_particles in (5, 13, 14, 16, 30, 60):
        start = random_ball(2, num_particles, seed=num_particles)
        np.testing.assert_allclose(run(refined, refined_theta, start), run(rule, theta, start), atol=1e-4)


def test_a_refined_rule_keeps_all_sizes(rule):
    with pytest.raises(errors.InvalidArgumentError, match="numbers of particles"):
        rule.refined(random_theta(rule), {7: 10, 13: 20})
