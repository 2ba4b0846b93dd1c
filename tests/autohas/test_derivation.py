"""From encodings to values and plain models: most probable and weighted, weights of the supernet, refusals."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from keras_hparam import errors
from keras_hparam.autohas import derivation
from keras_hparam.autohas.bases import Basis, continuous
from keras_hparam.autohas.candidates import choice, width
from keras_hparam.autohas.compilation import compile
from keras_hparam.autohas.mixtures import sampled_paths
from keras_hparam.spaces.relaxed import with_values
from tests.autohas import problems

BASES = [
    Basis("block", "architecture", ("conv", "skip")),
    continuous("learning_rate", [1e-3, 1e-1], 0.0),
    continuous("weight_decay", [0.0, 0.4], 0.0),
    Basis("optimizer", "categorical", ("sgd", "adam", "rmsprop")),
    continuous("rate", [0.0, 0.2, 0.5], 0.0, 1.0),
]
PROBABILITIES = np.array([0.4, 0.6, 0.25, 0.75, 0.6, 0.4, 0.3, 0.2, 0.5, 0.1, 0.5, 0.4])


def test_values_are_the_most_probable():
    found = derivation.values_of(BASES, PROBABILITIES)
    assert found == {"block": "skip", "learning_rate": 0.1, "weight_decay": 0.0, "optimizer": "rmsprop", "rate": 0.2}


def test_numbers_may_be_weighted_sums_of_rates_by_their_logarithms():
    found = derivation.values_of(BASES, PROBABILITIES, "weighted_sum")
    assert found["block"] == "skip" and found["optimizer"] == "rmsprop"
    assert found["learning_rate"] == pytest.approx(1e-3**0.25 * 1e-1**0.75)
    assert found["weight_decay"] == pytest.approx(0.16) and found["rate"] == pytest.approx(0.3)


def test_another_way_to_combine_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="Expected `continuous` .*'weighted_sum'.*Received: 'mean'"):
        derivation.values_of(BASES, PROBABILITIES, "mean")


def state_of(net):
    """A state of random weights and statistics, so that none is as a new layer has it."""
    rng, state = np.random.default_rng(0), net.initial_state()
    trained = [rng.normal(size=weights.shape).astype("float32") for weights in state["trained"]]
    others = [
        rng.uniform(0.5, 2.0, v.shape).astype("float32") if "moving" in v.name else value
        for v, value in zip(net.model.non_trainable_variables, state["others"], strict=True)
    ]
    return state | {"trained": trained, "others": others}


def inherited(build, net, values, x):
    """(outputs of the plain model, of the supernet) after inheritance."""
    state, chosen = state_of(net), {b.name: b.values.index(values[b.name]) for b in net.bases if b.name in values}
    coefficients, plain = problems.one_hot(net, **chosen), build(with_values(values))
    derivation.inherit(getattr(plain, "model", plain), net, state, coefficients, x)
    with sampled_paths():
        wanted, _, _ = net.outputs(state["trained"], state["others"], coefficients, keras.ops.array(x), False)
    return np.asarray(plain(x)), np.asarray(wanted)


@pytest.fixture(scope="module")
def net():
    return problems.supernet(problems.everything)


@pytest.mark.parametrize("block, units", list(itertools.product(["dense", "deep", "skip"], [4, 2, 5])))
def test_a_plain_model_computes_what_the_supernet_does(net, block, units):
    found, wanted = inherited(problems.everything, net, {"block": block, "units": units}, problems.data()[0])
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert found.std() > 0.01


def test_models_with_augmentation_and_mixup_inherit_too(net):
    values = {"block": "deep", "units": 2, "augmentation": "noise", "mixup": 0.4}
    found, wanted = inherited(problems.everything, net, values, problems.data()[0])
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def nested(hp):
    """Images; a choice inside of a choice, widths that follow each other, a model inside of the model."""
    inputs = keras.Input((4, 4, 2))
    x = width(hp, "first", [4, 3], lambda filters: layers.Conv2D(filters, 3, padding="same", activation="tanh"))(inputs)
    inner = choice(hp, "inner", {"conv": layers.Conv2D(4, 1), "pool": layers.MaxPooling2D(2)})
    x = choice(
        hp, "outer", {"inner": lambda x: layers.Activation("tanh")(inner(x)), "strided": layers.Conv2D(4, 3, 2)}
    )(x)
    x = width(hp, "second", [2, 5], lambda units: layers.Dense(units))(layers.GlobalAveragePooling2D()(x))
    tail = keras.Sequential([keras.Input((x.shape[-1],)), problems.dense(4), problems.dense(3, "softmax")])
    return compile(keras.Model(inputs, tail(x)), hp, optimizer=["sgd"], learning_rate=[0.1], loss=problems.LOSS)


@pytest.mark.parametrize("outer, inner", [("inner", "conv"), ("inner", "pool"), ("strided", "conv")])
def test_nested_choices_and_widths_after_each_other_inherit(outer, inner, rng):
    net, x = problems.supernet(nested), rng.normal(size=(5, 4, 4, 2)).astype("float32")
    values = {"first": 3, "outer": outer, "inner": inner, "second": 2}
    found, wanted = inherited(nested, net, values, x)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def widened(*after):
    """A build function with a width of filters, and what comes after it."""

    def build(hp):
        inputs = keras.Input((2, 2, 1))
        x = width(hp, "filters", [4, 2], lambda filters: layers.Conv2D(filters, 1))(inputs)
        for make in after:
            x = make()(x)
        model = keras.Model(inputs, layers.Dense(3, "softmax")(x))
        return compile(model, hp, optimizer=["sgd"], learning_rate=[0.1], loss=problems.LOSS)

    return build


@pytest.mark.parametrize("after", [(layers.Flatten,), (layers.BatchNormalization, layers.GlobalAveragePooling2D)])
def test_weights_that_mean_something_else_in_the_plain_model_are_refused(after, rng):
    net, x = problems.supernet(widened(*after)), rng.normal(size=(3, 2, 2, 1)).astype("float32")
    with pytest.raises(
        errors.InvalidArgumentError, match="Expected the derived model to compute .*Flatten or .*differ by"
    ):
        inherited(widened(*after), net, {"filters": 2}, x)
    found, wanted = inherited(widened(*after), net, {"filters": 4}, x)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_another_model_is_refused(net):
    x, _ = problems.data()
    other = problems.simple(with_values({"block": "skip"}))
    with pytest.raises(
        errors.InvalidArgumentError, match="Expected a derived model whose variables .*Received: shapes"
    ):
        derivation.inherit(other, net, net.initial_state(), problems.one_hot(net), x)
