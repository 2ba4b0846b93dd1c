"""Layers of batch ensembles: outputs, penalties, members' weights, options, errors."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ensembles.batch_layers import Conv2DBatchEnsemble, DenseBatchEnsemble
from keras_hparam.ensembles.ensemble_layer import fresh
from tests.ops import member_loops


def make(kind, **options):
    """(layer, x) for two members, dense or convolutional, with random biases."""
    rng = np.random.default_rng(0)
    options = {"bias_initializer": keras.initializers.RandomNormal(seed=1)} | options
    if kind == "dense":
        return DenseBatchEnsemble(3, 2, **options), rng.standard_normal((5, 4)).astype("float32")
    layer = Conv2DBatchEnsemble(3, (3, 2), 2, strides=2, padding="same", **options)
    return layer, rng.standard_normal((5, 6, 7, 2)).astype("float32")


def plain(layer, kernel, bias):
    """The Keras layer of one member."""
    if isinstance(layer, DenseBatchEnsemble):
        one = keras.layers.Dense(3, use_bias=bias is not None)
    else:
        one = keras.layers.Conv2D(3, (3, 2), strides=2, padding="same", use_bias=bias is not None)
    one.build((None, *((kernel.shape[0],) if kernel.ndim == 2 else (6, 7, kernel.shape[2]))))
    one.set_weights([kernel] if bias is None else [kernel, bias])
    return one


@pytest.mark.parametrize("kind", ["dense", "conv2d"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_each_member_is_a_keras_layer_with_its_weights(kind, use_bias):
    layer, x = make(kind, use_bias=use_bias)
    y = np.asarray(layer(x))
    kernels, biases = layer.member_weights()
    assert kernels.dtype == "float64" and (biases is not None) == use_bias
    for member, rows in enumerate((slice(0, 3), slice(3, 5))):  # five rows: three and two
        one = plain(layer, kernels[member], biases[member] if use_bias else None)
        np.testing.assert_allclose(y[rows], one(x[rows]), atol=1e-5)
    assert not np.allclose(kernels[0], kernels[1])


@pytest.mark.parametrize("kind", ["dense", "conv2d"])
@pytest.mark.parametrize("regularize", ["materialized", "shared"])
def test_penalties_are_those_of_the_members_in_training_alone(kind, regularize):
    layer, x = make(kind, regularize=regularize)
    l2, bias_l2 = np.random.default_rng(1).random((2, len(x))).astype("float32")
    layer(x, l2=l2, bias_l2=bias_l2)
    assert layer.losses == []
    layer(x, l2=l2, bias_l2=bias_l2, training=True)
    kernels, biases = layer.member_weights()
    if regularize == "shared":
        kernels = np.stack([np.asarray(layer.kernel)] * 2)
    owners = [member_loops.member_of(row, len(x), 2) for row in range(len(x))]
    expected = [
        np.mean([weight * np.sum(array[owner] ** 2) for weight, owner in zip(weights, owners, strict=True)])
        for weights, array in ((l2, kernels), (bias_l2, biases))
    ]
    np.testing.assert_allclose(layer.losses, expected, rtol=1e-5)
    layer(x, training=True)
    assert layer.losses == []


def test_a_fixed_regularizer_and_an_activation():
    layer, x = make("dense", kernel_regularizer=keras.regularizers.L2(0.1), activation="relu")
    y = np.asarray(layer(x))
    assert y.min() == 0.0 < y.max()
    np.testing.assert_allclose(layer.losses, [0.1 * np.sum(np.asarray(layer.kernel) ** 2)], rtol=1e-5)


def test_dense_layers_take_positions_within_rows():
    layer, _ = make("dense")
    x = np.random.default_rng(0).standard_normal((5, 2, 6, 4)).astype("float32")
    y = np.asarray(layer(x))
    assert y.shape == (5, 2, 6, 3) and layer.compute_output_shape((None, 2, 6, 4)) == (None, 2, 6, 3)
    kernels, biases = layer.member_weights()
    np.testing.assert_allclose(y[4], x[4] @ kernels[1] + biases[1], atol=1e-5)


def test_factors_begin_around_one_and_differ():
    layer = DenseBatchEnsemble(200, 50)
    layer.build((None, 200))
    r, s = np.asarray(layer.r), np.asarray(layer.s)
    for factors in (r, s):
        assert abs(factors.mean() - 1.0) < 0.05 and abs(factors.std() - 0.75) < 0.05
    assert not np.allclose(r, s) and not np.asarray(layer.bias).any()


@pytest.mark.parametrize("seed", [None, 3])
def test_a_fresh_initializer_draws_other_numbers(seed):
    initializer = keras.initializers.GlorotUniform(seed=seed)
    one, two, three = (np.asarray(fresh(initializer, draw)((3, 4))) for draw in (0, 1, 1))
    assert not np.allclose(one, two)
    assert np.array_equal(two, three) == (seed is not None)
    if seed is not None:
        np.testing.assert_array_equal(one, initializer((3, 4)))
    generator = keras.initializers.GlorotUniform(seed=keras.random.SeedGenerator(1))
    assert fresh(generator, 1) is generator and fresh(np.zeros, 1) is np.zeros


@pytest.mark.parametrize("batch", [1, 3, 6])
def test_training_lowers_the_loss_at_any_batch_size(batch):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 1))
    hidden = Conv2DBatchEnsemble(4, 3, 3, activation="relu")(inputs)
    model = keras.Model(inputs, DenseBatchEnsemble(1, 3)(keras.layers.Flatten()(hidden)))
    x = np.random.default_rng(0).standard_normal((12, 6, 6, 1)).astype("float32")
    model.compile(keras.optimizers.Adam(0.01), "mse")
    losses = model.fit(x, x.mean((1, 2)), epochs=8, batch_size=batch, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: DenseBatchEnsemble(3, 0), "`ensemble_size` to be an integer ≥ 1. Received: 0"),
        (lambda: DenseBatchEnsemble(2.5, 2), "`units` to be an integer ≥ 1. Received: 2.5"),
        (lambda: DenseBatchEnsemble(3, 2, regularize="all"), "`regularize` to be one of .* Received: 'all'"),
        (lambda: Conv2DBatchEnsemble(3, (3, 0), 2), "`kernel_size` to be an integer"),
        (lambda: Conv2DBatchEnsemble(3, (3, 3, 3), 2), "`kernel_size` to be an integer or two"),
        (lambda: Conv2DBatchEnsemble(3, 3, 2, padding="causal"), "`padding` .* Received: 'causal'"),
        (lambda: Conv2DBatchEnsemble(3, 3, 2, data_format="channels_first"), "`data_format` .* 'channels_first'"),
        (lambda: Conv2DBatchEnsemble(3, 3, 2, strides=2, dilation_rate=2), "`strides` or `dilation_rate` to be 1"),
        (lambda: Conv2DBatchEnsemble(3, 3, 2)(np.ones((4, 5))), "`x` of shape .N, height, width, I.*4, 5"),
        (lambda: DenseBatchEnsemble(3, 2)(np.ones(4)), "`x` of shape .N, …, I"),
        (lambda: DenseBatchEnsemble(3, 2, use_bias=False)(np.ones((4, 5)), bias_l2=np.ones(4)), "no `bias_l2`"),
    ],
)
def test_wrong_arguments_are_errors(call, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        call()
