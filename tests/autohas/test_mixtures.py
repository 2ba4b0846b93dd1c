"""Layers of all candidates at once: with one-hot coefficients they are one candidate, else the weighted sum."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_hparam.autohas.mixtures import ChannelMask, Choice, RelaxedDropout, sampled_paths
from keras_hparam.distribute import compilation
from keras_hparam.ops.differentiation import value_and_gradient

CANDIDATES = ("small", "normalized", "noisy")


def candidate(name):
    """A candidate with weights; of the last two one has moving statistics, one random numbers."""
    others = {"small": [], "normalized": [layers.BatchNormalization(momentum=0.5)], "noisy": [layers.Dropout(0.5)]}
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, "tanh"), *others[name]])


@pytest.fixture
def choice():
    keras.utils.set_random_seed(0)
    return Choice("block", {name: candidate(name) for name in CANDIDATES})


def run(choice, x, coefficients, training, sampled=False):
    """(outputs, values of the other variables afterwards by candidate, gradients of Σ y² by candidate)."""
    choice.coefficients.assign(np.array(coefficients, "float32"))
    trained = [ops.convert_to_tensor(v.numpy()) for v in choice.trainable_variables]
    others = [ops.convert_to_tensor(v.numpy()) for v in choice.non_trainable_variables]

    def loss(trained):
        y, updated = choice.stateless_call(trained, others, x, training=training)
        return ops.sum(y**2), (y, updated)

    def program(trained):
        return value_and_gradient(loss, has_aux=True)(trained)

    if sampled:
        with sampled_paths():
            (_, (y, updated)), gradients = compilation.compile(program, jit=False)(trained)
    else:
        (_, (y, updated)), gradients = program(trained)
    return np.asarray(y), by_candidate(choice, updated, False), by_candidate(choice, gradients, True)


def by_candidate(choice, values, is_trained):
    name = "trainable_variables" if is_trained else "non_trainable_variables"
    found = {id(v): np.asarray(value) for v, value in zip(getattr(choice, name), values, strict=True)}
    return [[found[id(v)] for v in getattr(one, name)] for one in choice.candidates]


def assert_equal(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("index", range(3))
def test_one_hot_coefficients_give_the_candidate(choice, index, training, rng):
    x = rng.normal(size=(5, 4)).astype("float32")
    before = [v.numpy() for v in choice.candidates[index].non_trainable_variables]
    y, updated, _ = run(choice, x, np.eye(3)[index], training)
    wanted = choice.candidates[index](x, training=training)
    np.testing.assert_allclose(y, wanted, atol=1e-6)
    after = [v.numpy() for v in choice.candidates[index].non_trainable_variables]
    assert_equal(updated[index], after)
    moves = training and CANDIDATES[index] != "small"
    assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True)) == moves


def test_other_coefficients_give_the_weighted_sum(choice, rng):
    x = rng.normal(size=(5, 4)).astype("float32")
    weights = [0.2, 0.5, 0.3]
    y, _, _ = run(choice, x, weights, False)
    wanted = sum(w * np.asarray(one(x)) for w, one in zip(weights, choice.candidates, strict=True))
    np.testing.assert_allclose(y, wanted, atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("index", range(3))
def test_a_sampled_path_is_the_mixture_of_one_but_leaves_the_others_alone(choice, index, training, rng):
    x = rng.normal(size=(5, 4)).astype("float32")
    states = [[v.numpy() for v in one.non_trainable_variables] for one in choice.candidates]
    mixed, together, gradients = run(choice, x, np.eye(3)[index], training)
    sampled, alone, own = run(choice, x, np.eye(3)[index], training, sampled=True)
    np.testing.assert_allclose(sampled, mixed, atol=1e-6)
    for i in range(3):
        assert_equal(own[i], gradients[i])
        assert_equal(alone[i], together[i] if i == index else states[i])
        assert (i == index) == any(np.abs(part).max() > 0 for part in own[i])
    changed = [not all(map(np.array_equal, alone[i], states[i])) for i in range(3)]
    assert changed == [training and i == index and CANDIDATES[i] != "small" for i in range(3)]


def test_which_path_is_taken_is_no_constant_of_the_program(choice, rng):
    x = rng.normal(size=(5, 4)).astype("float32")
    trained = [ops.convert_to_tensor(v.numpy()) for v in choice.trainable_variables]
    values = {id(v): ops.convert_to_tensor(v.numpy()) for v in choice.non_trainable_variables}

    def function(coefficients):
        others = list((values | {id(choice.coefficients): coefficients}).values())
        return choice.stateless_call(trained, others, x, training=False)[0]

    with sampled_paths():
        program = compilation.compile(function, jit=False)
        for index in (1, 2, 0):
            found = program(np.array([0.3, 0.3, 0.3], "float32") + 0.1 * np.eye(3, dtype="float32")[index])
            np.testing.assert_allclose(found, choice.candidates[index](x), atol=1e-6)


@pytest.mark.parametrize("weights", [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.3, 0.2]])
def test_a_channel_mask_keeps_the_first_channels_by_weight(weights, rng):
    mask = ChannelMask("width", [2, 5, 3])
    mask.coefficients.assign(np.array(weights, "float32"))
    x = rng.normal(size=(2, 4, 5)).astype("float32")
    kept = [sum(w for w, width in zip(weights, [2, 5, 3], strict=True) if c < width) for c in range(5)]
    np.testing.assert_allclose(mask(x), x * np.array(kept), rtol=1e-6)
    assert mask.compute_output_shape(x.shape) == x.shape


RATES = (0.0, 0.25, 0.6)


def dropout(weights, seed=5):
    found = RelaxedDropout("rate", RATES, seed=seed)
    found.coefficients.assign(np.array(weights, "float32"))
    return found


@pytest.mark.parametrize("index", range(3))
def test_one_hot_coefficients_give_inverted_dropout_of_a_rate(index, rng):
    x = rng.normal(size=(20, 30)).astype("float32")
    drawn = np.asarray(keras.random.uniform(x.shape, seed=keras.random.SeedGenerator(5)))
    found = np.asarray(dropout(np.eye(3)[index])(x, training=True))
    np.testing.assert_allclose(found, np.where(drawn >= RATES[index], x / (1 - RATES[index]), 0), rtol=1e-6)
    assert np.mean(found == 0) == pytest.approx(RATES[index], abs=0.08)


def test_dropout_is_linear_in_the_coefficients_and_keeps_the_mean(rng):
    x, weights = rng.normal(size=(20, 30)).astype("float32"), np.array([0.2, 0.5, 0.3])
    parts = [np.asarray(dropout(np.eye(3)[i])(x, training=True)) for i in range(3)]
    found = np.asarray(dropout(weights)(x, training=True))
    np.testing.assert_allclose(found, np.tensordot(weights, parts, 1), atol=1e-5)
    ones = np.asarray(dropout(weights)(np.ones((300, 300), "float32"), training=True))
    assert ones.mean() == pytest.approx(1.0, abs=0.01) and ones.std() > 0.3


def test_dropout_changes_nothing_without_training(rng):
    x = rng.normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(dropout([0.0, 0.0, 1.0])(x), x)
    np.testing.assert_array_equal(dropout([0.0, 0.0, 1.0])(x, training=False), x)


def test_coefficients_are_equal_at_first_and_not_trained(choice):
    for layer in (choice, ChannelMask("width", [2, 5, 3]), RelaxedDropout("rate", RATES)):
        np.testing.assert_allclose(layer.coefficients, [1 / 3] * 3)
        assert not any(v is layer.coefficients for v in layer.trainable_variables)
