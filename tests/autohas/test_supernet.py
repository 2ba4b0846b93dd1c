"""A supernet as pure functions: with one-hot coefficients its steps are those of a Keras training."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_hparam import errors
from keras_hparam.autohas.candidates import choice, width
from keras_hparam.autohas.compilation import compile
from keras_hparam.autohas.mixtures import sampled_paths
from keras_hparam.autohas.supernet import Supernet, walk
from keras_hparam.spaces.relaxed import with_values
from tests.autohas import problems

OPTIMIZERS = ["sgd", "adam", "adamw", "rmsprop"]
ONE = np.float32(1.0)


def build(hp):
    """A model whose step is deterministic, with moving statistics and a regularizer."""
    inputs = keras.Input((6,))
    x = choice(hp, "block", {"dense": problems.dense(6), "skip": None}, normalize=True)(inputs)
    regularized = layers.Dense(
        3, "softmax", kernel_regularizer=keras.regularizers.L2(0.1), kernel_constraint=keras.constraints.MaxNorm(0.9)
    )  # fmt: skip
    outputs = regularized(layers.BatchNormalization(momentum=0.8)(x))
    return compile(
        keras.Model(inputs, outputs), hp, optimizer=OPTIMIZERS, learning_rate=[0.1, 0.02], weight_decay=[0.0, 0.2],
        loss=[problems.LOSS, "mse"], label_smoothing=[0.0, 0.3], mixup=[0.0, 0.4],
    )  # fmt: skip


@pytest.fixture(scope="module")
def net():
    return problems.supernet(build)


def trained_by_keras(state, values, x, y, steps):
    """The variables of the plain model after steps, from the supernet's state."""
    plain = build(with_values({"block": "dense", "mixup": 0.0, **values}))
    for variable, source in zip(plain.trainable_variables, state["trained"], strict=True):
        variable.assign(source)
    for layer in plain.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = min(layer.momentum, 0.9)
    plain.run_eagerly = True
    for _ in range(steps):
        plain.train_on_batch(x, y)
    return plain


@pytest.mark.parametrize("optimizer, decay, smoothing", [(0, 0, 1), (1, 1, 1), (2, 1, 0), (3, 0, 0), (3, 1, 1)])
def test_steps_are_those_of_keras(net, optimizer, decay, smoothing):
    (x, y), state = problems.data(number=16), net.initial_state()
    values = {"optimizer": OPTIMIZERS[optimizer], "learning_rate": 0.02, "weight_decay": [0.0, 0.2][decay]}
    plain = trained_by_keras(state, {**values, "label_smoothing": [0.0, 0.3][smoothing]}, x, y, 3)
    chosen = problems.one_hot(net, optimizer=optimizer, learning_rate=1, weight_decay=decay, label_smoothing=smoothing)
    for _ in range(3):
        state, _ = net.step(state, chosen, x[None], y, np.ones(2, "float32"), ONE)
    assert int(state["step"]) == 3
    for found, wanted in zip(state["trained"], plain.trainable_variables, strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-5)
    names = [v.path for v in net.model.non_trainable_variables]
    moved = [v for name, v in zip(names, state["others"], strict=True) if "moving" in name]
    for found, wanted in zip(moved, plain.non_trainable_variables, strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_the_loss_of_a_step_has_mixup_and_regularizers(net):
    (x, y), state, share = problems.data(number=8), net.initial_state(), 0.7
    coefficients = problems.one_hot(net, block=1, mixup=1)
    found, _ = net.training_loss(
        state["trained"], state["others"], coefficients, x, y, np.array([1.0, share], "float32")
    )
    mixed = share * x + (1 - share) * x[::-1]
    normalized = (mixed - mixed.mean(axis=0)) / np.sqrt(mixed.var(axis=0) + 1e-3)
    names = [v.path.split("/")[-1] + str(v.shape) for v in net.model.trainable_variables]
    kernel = state["trained"][names.index("kernel(6, 3)")]
    p = np.exp(normalized @ kernel)
    p = p / p.sum(axis=1, keepdims=True)
    rows = np.arange(8)
    wanted = -np.mean(share * np.log(p[rows, y]) + (1 - share) * np.log(p[rows, y[::-1]])) + 0.1 * np.sum(kernel**2)
    assert float(found) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("index", [0, 1])
def test_a_sampled_step_is_the_step_of_its_mixture(net, index):
    (x, y), state = problems.data(number=8), net.initial_state()
    arguments = (problems.one_hot(net, block=index, optimizer=1), x[None], y, np.ones(2, "float32"), ONE)
    mixed, loss = net.step(state, *arguments)
    with sampled_paths():
        sampled, same = net.step(state, *arguments)
    assert float(loss) == pytest.approx(float(same), rel=1e-6)
    for one, other in zip(mixed["trained"], sampled["trained"], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def penalized(hp):
    """Candidates of which one has a penalty on its outputs."""
    inputs = keras.Input((6,))
    strict = layers.Dense(6, name="strict", activity_regularizer=keras.regularizers.L2(0.1))
    x = choice(hp, "block", {"strict": strict, "free": layers.Dense(6), "skip": None})(inputs)
    model = keras.Model(inputs, layers.Dense(3, "softmax")(x))
    return compile(model, hp, optimizer=["sgd"], learning_rate=[0.1], loss=problems.LOSS)


@pytest.mark.parametrize("index, shares", [(0, [1.0, 0.0, 0.0]), (1, [0.0, 1.0, 0.0]), (None, [0.3, 0.5, 0.2])])
def test_penalties_on_outputs_count_as_their_candidate_does(index, shares):
    net = problems.supernet(penalized)
    (x, _), state = problems.data(number=8), net.initial_state()
    coefficients = problems.one_hot(net)
    coefficients[net.slices["block"]] = shares
    names = [v.path for v in net.model.trainable_variables]
    kernel = next(w for name, w in zip(names, state["trained"], strict=True) if name.endswith("strict/kernel"))
    penalty = 0.1 * np.sum((x @ kernel) ** 2) / len(x)
    found, _, penalties = net.outputs(state["trained"], state["others"], coefficients, x, True)
    assert float(sum(penalties)) == pytest.approx(shares[0] * penalty, rel=1e-5)
    if index is not None:
        with sampled_paths():
            sampled, _, penalties = net.outputs(state["trained"], state["others"], coefficients, x, True)
        assert float(sum(penalties)) == pytest.approx(shares[0] * penalty, rel=1e-5)
        np.testing.assert_allclose(sampled, found, atol=1e-6)


def test_a_step_takes_the_augmentation_of_the_largest_coefficient():
    net = problems.supernet(problems.everything)
    (x, y), state = problems.data(number=8), net.initial_state()
    coefficients = problems.random_coefficients(net)
    coefficients[net.slices["augmentation"]] = [0.4, 0.6]
    shares = np.ones(2, "float32")
    found, _ = net.step(state, coefficients, np.stack([x, 0.5 * x]), y, shares, ONE)
    wanted, _ = net.step(state, coefficients, np.stack([0.5 * x, 0.5 * x]), y, shares, ONE)
    for one, other in zip(found["trained"], wanted["trained"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_leaves_the_state_that_it_was_given(net):
    (x, y), state = problems.data(number=8), net.initial_state()
    before = [np.array(part) for part in keras.tree.flatten(state)]
    net.step(state, problems.random_coefficients(net), x[None], y, np.ones(2, "float32"), ONE)
    for one, other in zip(before, keras.tree.flatten(state), strict=True):
        np.testing.assert_array_equal(one, other)


def test_bases_lie_one_after_the_other(net):
    assert net.size == sum(len(basis) for basis in net.bases) == 2 + 4 + 2 + 2 + 2 + 1 + 2 + 2
    vector = np.arange(net.size)
    assert np.concatenate([net.part(vector, name) for name in net.names]).tolist() == vector.tolist()
    assert net.part(np.stack([vector, vector]), "optimizer").tolist() == [[2, 3, 4, 5]] * 2


def test_values_are_combined_by_logarithms_unless_they_are_to_be_sums(net):
    coefficients = problems.random_coefficients(net)
    p, q = net.part(coefficients, "learning_rate")
    assert float(net.value(coefficients, "learning_rate")) == pytest.approx(0.1**p * 0.02**q, rel=1e-5)
    assert float(net.value(coefficients, "learning_rate", is_sum=True)) == pytest.approx(0.1 * p + 0.02 * q, rel=1e-5)
    second = net.part(coefficients, "weight_decay")[1]
    assert float(net.value(coefficients, "weight_decay")) == pytest.approx(0.2 * second, rel=1e-5)


@pytest.mark.parametrize("form", ["int", "column", "vector"])
def test_validation_is_the_first_loss_and_the_share_of_right_classes(net, form):
    (x, y), state = problems.data(), net.initial_state()
    coefficients = problems.random_coefficients(net)
    given = {"int": y, "column": y[:, None], "vector": np.eye(3, dtype="float32")[y]}[form]
    loss, right = net.validation(state["trained"], state["others"], coefficients, x, given)
    p = np.asarray(net.outputs(state["trained"], state["others"], coefficients, x, False)[0])
    assert float(loss) == pytest.approx(-np.log(p[np.arange(64), y]).mean(), rel=1e-5)
    assert float(right) == pytest.approx(np.mean(p.argmax(axis=1) == y))


def regression(hp):
    inputs = keras.Input((6,))
    x = width(hp, "units", [4, 2], problems.dense)(inputs)
    return compile(keras.Model(inputs, layers.Dense(1)(x)), hp, optimizer=["sgd"], learning_rate=[0.1], loss="mse")


def test_a_regression_has_no_share_of_right_classes():
    net = problems.supernet(regression)
    state, (x, _) = net.initial_state(), problems.data()
    loss, right = net.validation(
        state["trained"], state["others"], problems.one_hot(net), x, np.ones((64, 1), "float32")
    )
    assert np.isfinite(float(loss)) and np.isnan(float(right))


def test_statistics_of_a_supernet_move_fast_and_all_layers_are_walked(net):
    normalizations = [layer for layer in walk(net.model) if isinstance(layer, layers.BatchNormalization)]
    assert sorted(layer.momentum for layer in normalizations) == [0.8, 0.9]


def test_a_layer_without_second_derivatives_is_refused_by_name():
    def made(hp):
        inputs = keras.Input((2, 2, 3))
        candidates = {
            name: layers.UpSampling2D(2, interpolation=name, name=f"up_{name}") for name in ("nearest", "bilinear")
        }
        x = layers.GlobalAveragePooling2D()(choice(hp, "block", candidates)(inputs))
        return compile(keras.Model(inputs, x), hp, optimizer=["sgd"], learning_rate=[0.1], loss="mse")

    relaxed = problems.relaxed(made)
    with pytest.raises(errors.InvalidArgumentError, match="Expected layers with second derivatives.*'up_bilinear'"):
        Supernet(relaxed)
