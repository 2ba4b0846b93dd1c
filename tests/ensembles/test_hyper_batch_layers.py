"""Layers of hyper-batch ensembles: outputs, embeddings, penalties, members' weights, precision, errors."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ensembles.hyper_batch_layers import Conv2DHyperBatchEnsemble, DenseHyperBatchEnsemble
from tests.ops import member_loops

NAMES = ("kernel", "delta_kernel", "r", "s", "u", "v", "bias", "delta_bias")


def make(kind, **options):
    """(layer, x, lambdas) for two members, dense or convolutional; the embedding and δ are large enough to matter."""
    rng, normal = np.random.default_rng(0), keras.initializers.RandomNormal(stddev=0.5, seed=1)
    options = {"embedding_initializer": normal, "bias_initializer": normal} | options
    if kind == "dense":
        layer, x = DenseHyperBatchEnsemble(3, 2, **options), rng.standard_normal((5, 4))
    else:
        layer = Conv2DHyperBatchEnsemble(3, 2, 2, dilation_rate=2, **options)
        x = rng.standard_normal((5, 6, 5, 4))
    x, lambdas = x.astype("float32"), rng.random((5, 2)).astype("float32")
    layer(x, lambdas)
    if layer.delta_bias is not None:
        layer.delta_bias.assign(rng.standard_normal((2, 3)))
    return layer, x, lambdas


def arrays_of(layer, lambdas):
    """The layer's variables and embeddings by the names of `member_loops`."""
    values = {name: getattr(layer, name) for name in NAMES}
    arrays = {name: np.asarray(value, "float64") for name, value in values.items() if value is not None}
    for name, variable in (("e", layer.kernel_map), ("e_bias", layer.bias_map)):
        if variable is not None:
            maps = np.broadcast_to(np.asarray(variable), (2, 2, 3))
            owners = [member_loops.member_of(row, len(lambdas), 2) for row in range(len(lambdas))]
            arrays[name] = np.stack([row @ maps[owner] for row, owner in zip(lambdas, owners, strict=True)])
    return arrays


def convolved(image, kernel):
    return member_loops.convolved(image, kernel, (1, 1), "valid", (2, 2))


@pytest.mark.parametrize("kind", ["dense", "conv2d"])
@pytest.mark.parametrize(
    "options",
    [{}, {"tied_factors": True}, {"embedding": "member"}, {"bias_embedding": False}, {"use_bias": False},
     {"regularize": "shared"}],
)  # fmt: skip
def test_outputs_and_penalties_are_the_loops_over_rows(kind, options):
    layer, x, lambdas = make(kind, **options)
    l2, bias_l2 = np.random.default_rng(1).random((2, 5)).astype("float32")
    y = layer(x, lambdas, l2=l2, bias_l2=bias_l2 if layer.use_bias else None, training=True)
    arrays = arrays_of(layer, lambdas)
    expected = member_loops.outputs_of(x, arrays, np.matmul if kind == "dense" else convolved)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    if options.get("regularize") == "shared":
        kernels = [arrays["kernel"] + arrays["delta_kernel"] * e for e in arrays["e"]]
    else:
        kernels = [member_loops.kernel_of(row, 5, arrays) for row in range(5)]
    expected = [np.mean(l2 * [np.sum(kernel**2) for kernel in kernels])]
    if layer.use_bias:
        biases = [member_loops.bias_of(row, 5, arrays) for row in range(5)]
        expected.append(np.mean(bias_l2 * [np.sum(bias**2) for bias in biases]))
    np.testing.assert_allclose(layer.losses, expected, rtol=1e-5)
    layer(x, lambdas, l2=l2)
    assert layer.losses == []


@pytest.mark.parametrize("kind", ["dense", "conv2d"])
@pytest.mark.parametrize("options", [{}, {"embedding": "member", "use_bias": False}, {"bias_embedding": False}])
def test_members_weights_give_the_members_outputs(kind, options):
    layer, x, _ = make(kind, **options)
    encoded = np.random.default_rng(2).random((2, 2))
    kernels, biases = layer.member_weights(encoded)
    assert kernels.dtype == "float64" and (biases is None) == (not layer.use_bias)
    y = np.asarray(layer(np.concatenate([x, x]), np.repeat(encoded, 5, axis=0).astype("float32")))
    product = np.matmul if kind == "dense" else convolved
    for row in range(10):
        member = row // 5
        bias = 0.0 if biases is None else biases[member]
        np.testing.assert_allclose(y[row], product(x[row % 5], kernels[member]) + bias, atol=1e-5)


def test_what_a_new_layer_holds():
    layer = DenseHyperBatchEnsemble(40, 3, kernel_initializer=keras.initializers.GlorotUniform(seed=5))
    layer(np.ones((3, 40), "float32"), np.ones((3, 30), "float32"))
    draws = [np.asarray(getattr(layer, name)) for name in ("kernel", "delta_kernel", "r", "s", "u", "v")]
    for index, one in enumerate(draws):
        assert not any(np.array_equal(one, two) for two in draws[:index])
    assert not np.asarray(layer.bias).any() and not np.asarray(layer.delta_bias).any()
    for embedding in (layer.kernel_map, layer.bias_map):
        assert 0.9e-4 < np.std(np.asarray(embedding)) < 1.1e-4
    assert not np.array_equal(np.asarray(layer.kernel_map), np.asarray(layer.bias_map))


def test_every_variable_learns():
    """One step of a functional model with hyperparameters and weights of penalties as inputs changes all variables."""
    inputs = [keras.Input(shape) for shape in ((6, 6, 1), (2,), ())]
    x, lambdas, l2 = inputs
    hidden = Conv2DHyperBatchEnsemble(2, 3, 2, padding="same", activation="tanh")(x, lambdas=lambdas, l2=l2)
    hidden = keras.layers.Flatten()(hidden)
    model = keras.Model(inputs, DenseHyperBatchEnsemble(1, 2, embedding="member")(hidden, lambdas, l2, bias_l2=l2))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if hasattr(layer, "delta_bias"):
            layer.delta_bias.assign(rng.standard_normal(layer.delta_bias.shape))
    before = model.get_weights()
    data = [rng.random((7, *shape)).astype("float32") for shape in ((6, 6, 1), (2,), ())]
    model.fit(data, np.ones((7, 1)), batch_size=7, verbose=0)
    changed = [np.any(old != new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert all(changed) and len(changed) == 20


def test_half_precision_keeps_small_penalties_and_embeddings_exact():
    layer, x, lambdas = make("dense", dtype="mixed_float16")
    reference, _, _ = make("dense")
    reference.set_weights(layer.get_weights())
    weights = {"l2": np.full(5, 1e-9, "float32"), "bias_l2": np.full(5, 1e-9, "float32"), "training": True}
    y, expected = layer(x, lambdas, **weights), reference(x, lambdas, **weights)
    assert y.dtype == "float16" and all(variable.dtype == "float32" for variable in layer.variables)
    np.testing.assert_allclose(y, expected, atol=0.02)
    np.testing.assert_allclose(layer.losses, reference.losses, rtol=1e-6)
    assert all(0.0 < float(loss) < 1e-6 for loss in layer.losses)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: DenseHyperBatchEnsemble(3, 0), "`ensemble_size` to be an integer ≥ 1. Received: 0"),
        (lambda: DenseHyperBatchEnsemble(3, 2, embedding="own"), "`embedding` to be one of .* Received: 'own'"),
        (lambda: DenseHyperBatchEnsemble(3, 2)(np.ones((4, 5)), np.ones(4)), "`lambdas` of shape .N, P.*4,"),
        (lambda: DenseHyperBatchEnsemble(3, 2)(np.ones((4, 5)), np.ones((3, 1))), "`e` of shape .N = 4"),
        (lambda: make("dense")[0].member_weights(np.ones((3, 2))), r"`encoded` of shape \(2, 2\).*\(3, 2\)"),
        (lambda: Conv2DHyperBatchEnsemble(3, 3, 2, data_format="channels_first"), "`data_format`"),
    ],
)
def test_wrong_arguments_are_errors(call, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        call()
