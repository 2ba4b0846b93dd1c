"""The Keras optimizer: Adam while untrained, θ, files, steps that are skipped, errors."""

import json

import keras
import numpy as np
import pytest

import keras_hparam as kh
from keras_hparam import errors
from keras_hparam.learned_optimizers import weights
from keras_hparam.learned_optimizers.optimizer import LearnedOptimizer
from tests.learned_optimizers.trainees import SMALL, apply, assert_same, fit, network, random, random_theta


def test_untrained_it_is_adam():
    _, losses = fit(kh.optimizers.LearnedOptimizer(None, jit_compile=False), 30, network(4))
    _, expected = fit(keras.optimizers.Adam(0.01, epsilon=1e-12), 30, network(4))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert losses[-1] < 0.9 * losses[0]


def test_the_learning_rate_is_a_factor_of_the_updates():
    start = apply(random(), steps=0)
    full, half = (apply(random(learning_rate=rate), steps=1) for rate in (1, 0.5))
    for before, one, other in zip(start, full, half, strict=True):
        np.testing.assert_allclose(other - before, 0.5 * (one - before), rtol=1e-4, atol=1e-6)
    schedule = random(learning_rate=keras.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.0]))
    assert_same(apply(schedule, steps=3), full)


def test_weight_decay_falls_with_the_rule():
    """Of gradients that are zero only the decay of 0.1 · α/2 is left."""
    config = {"alpha": 0.2, "decay": "annealed"}
    optimizer = LearnedOptimizer(None, config=config, steps=4, weight_decay=0.1, jit_compile=False)
    variable = keras.Variable(np.ones((2, 2), "float32"))
    for _ in range(4):
        optimizer.apply([np.zeros((2, 2), "float32")], [variable])
    expected = np.prod([1 - 0.1 * 0.1 * 0.5 * (1 + np.cos(np.pi * step / 4)) for step in range(4)])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), expected, rtol=1e-5)


def test_the_weights_of_the_rule_are_a_variable_that_matters():
    optimizer, expected = random(), apply(random())
    optimizer.theta.assign(optimizer.theta + 0.5)
    changed = apply(optimizer)
    assert np.abs(keras.ops.convert_to_numpy(changed[0] - expected[0])).max() > 1e-3
    assert any(variable is optimizer.theta for variable in optimizer.variables)


def test_a_model_needs_no_file_of_weights_to_be_loaded(tmp_path):
    rule = random().rule
    weights.save(tmp_path / "rule", rule, random_theta())
    optimizer = LearnedOptimizer(str(tmp_path / "rule"), jit_compile=False)
    assert_same(apply(optimizer), apply(random()))
    (tmp_path / "rule").rename(tmp_path / "gone")
    clone = keras.optimizers.deserialize(json.loads(json.dumps(keras.optimizers.serialize(optimizer))))
    assert clone.weights == str(tmp_path / "rule") and clone.rule.config == rule.config
    assert_same(apply(clone), apply(random()))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("options", [{}, {"clipvalue": 1.0}, {"weight_decay": 0.1, "fallback": "adam"}])
@pytest.mark.parametrize("handed_over", [False, True])
def test_a_step_that_is_not_finite_changes_nothing_and_is_counted(bad, options, handed_over):
    optimizer = random(**{"fallback": "sgd"} | options)
    variables = apply(optimizer, steps=1)
    if handed_over:
        optimizer.hand_over()
    state = [keras.ops.convert_to_numpy(v).copy() for v in (*variables, *optimizer.variables)]
    optimizer.apply([keras.ops.ones((5, 2)), keras.ops.convert_to_tensor([bad, 1.0])], variables)
    counts = optimizer.iterations, optimizer.skipped_steps
    pairs = zip([*variables, *optimizer.variables], state, strict=True)
    changed = [v for v, before in pairs if np.any(keras.ops.convert_to_numpy(v) != before)]
    assert {id(v) for v in changed} == {id(v) for v in counts}
    assert [int(count) for count in counts] == [2, 1]


def test_what_follows_a_skipped_step_is_as_if_it_had_not_been():
    x, y = np.ones((4, 5), "float32"), np.ones((4, 2), "float32")
    results = []
    for factors in ([1, 2], [1, np.nan, 2]):
        model = network()
        model.compile(random(fallback="adam", fallback_after=1), "mse", jit_compile=True)
        for factor in factors:
            model.train_on_batch(x * factor, y)
        results.append(model.get_weights())
    assert_same(*results, rtol=0, atol=0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"weights": "learned"}, "shipped name.* Received: 'learned'"),
        ({"steps": 0}, "`steps` to be an integer ≥ 1. Received: 0"),
        ({"steps": 10.0}, "`steps`"),
        ({"fallback": "adamm"}, "`fallback` to be the name or an instance of a Keras optimizer. Received: 'adamm'"),
        ({"fallback": 3}, "`fallback`"),
        ({"fallback": "nadam"}, "none of .* Received: 'nadam'"),
        ({"fallback": {"class_name": "SGD", "config": {"learning_rate": 0.1, "clipnorm": 1.0}}}, "`fallback` without"),
        ({"fallback": "sgd", "fallback_after": -1}, "`fallback_after` to be an integer"),
        ({"fallback_after": 5}, "`fallback` beside `fallback_after`. Received: None"),
        ({"theta": [1.0, 2.0]}, r"`theta` to be \d+ finite numbers"),
        ({"config": {"width": 3}}, "`config` to be a dict"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        LearnedOptimizer(**{"weights": None} | arguments)


def test_without_a_fallback_nothing_can_take_over():
    with pytest.raises(errors.InvalidArgumentError, match="with a `fallback`. Received: fallback=None"):
        random().hand_over()


def test_weights_of_another_kind_are_refused(tmp_path):
    kh.checkpoints.save_weights(tmp_path / "other", {"theta": np.zeros(3)}, SMALL.to_dict(), kind="particle_rule")
    with pytest.raises(errors.CorruptFileError, match="kind 'elementwise_rule'. Received: kind 'particle_rule'"):
        LearnedOptimizer(tmp_path / "other")
