"""Copies of a layer, one for each member."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_hparam import errors
from keras_hparam.ensembles.memberwise import Memberwise


def data(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("rows", [6, 5, 4])
@pytest.mark.parametrize(
    "make, shape",
    [(lambda: keras.layers.Dense(2), (3,)), (lambda: keras.layers.LSTM(2), (4, 3)),
     (keras.layers.LayerNormalization, (3,)),
     (lambda: keras.Sequential([keras.layers.Conv2D(2, 2), keras.layers.Flatten()]), (3, 3, 1))],
)  # fmt: skip
def test_each_row_goes_through_its_members_copy(make, shape, rows):
    copies, x = Memberwise(make(), 3), data(rows, *shape)
    y = np.asarray(copies(x))
    parts = [x[:2], x[2:4], x[4:]]
    expected = [member(part) for member, part in zip(copies.members, parts, strict=True) if len(part)]
    np.testing.assert_allclose(y, np.concatenate(expected), atol=1e-6)
    assert copies.compute_output_shape((None, *shape)) == (None, *y.shape[1:])


def test_the_number_of_rows_may_be_unknown():
    copies = Memberwise(keras.layers.Dense(2), 3)
    graph = tf.function(copies, input_signature=[tf.TensorSpec((None, 4))])
    for rows in range(1, 8):
        x = data(rows, 4)
        np.testing.assert_allclose(graph(x), copies(x), atol=1e-6)


def test_copies_are_independent_though_the_layer_has_a_seed():
    layer = keras.layers.Dense(2, kernel_initializer=keras.initializers.GlorotUniform(seed=7))
    copies = Memberwise(layer, 3)
    copies(data(3, 4))
    kernels = [np.asarray(member.kernel) for member in copies.members]
    assert not np.allclose(kernels[0], kernels[1]) and not np.allclose(kernels[1], kernels[2])
    np.testing.assert_array_equal(kernels[0], layer.kernel_initializer((4, 2)))
    assert len(copies.trainable_variables) == 6 and layer.built is False


@pytest.mark.parametrize("rows", [6, 5])
def test_each_member_has_its_own_statistics(rows):
    copies, x = Memberwise(keras.layers.BatchNormalization(momentum=0.0, epsilon=1e-9), 3), data(rows, 4)
    copies(x)  # outside of training: nothing is learned
    assert all(not np.any(member.moving_mean) for member in copies.members)
    y = np.asarray(copies(x, training=True))
    for member, part, normal in zip(copies.members, (x[:2], x[2:4], x[4:]), (y[:2], y[2:4], y[4:]), strict=True):
        np.testing.assert_allclose(member.moving_mean, part.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(normal.mean(axis=0), np.zeros(4), atol=1e-4)


def test_a_member_without_rows_stays_finite():
    copies = Memberwise(keras.layers.BatchNormalization(), 4)
    y = copies(data(5, 2), training=True)  # two, two, one, none
    assert y.shape == (5, 2)
    assert all(np.isfinite(variable).all() for variable in copies.get_weights())


def test_masks_and_several_outputs():
    x = np.where(np.arange(5)[:, None] < [[[4]], [[2]], [[3]], [[5]]], data(4, 5, 3), 0.0).astype("float32")
    inputs = keras.Input((5, 3))
    layer = keras.layers.LSTM(2, return_sequences=True, return_state=True)
    outputs = Memberwise(layer, 2)(keras.layers.Masking()(inputs))
    model = keras.Model(inputs, outputs)
    copies = model.layers[-1]
    found = model(x)
    assert [output.shape for output in outputs] == [(None, 5, 2), (None, 2), (None, 2)]
    for row, length in enumerate((4, 2, 3, 5)):
        expected = copies.members[row // 2](x[row : row + 1, :length])
        np.testing.assert_allclose(found[1][row], expected[1][0], atol=1e-6)


def test_a_file_keeps_every_copy(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Memberwise(keras.layers.BatchNormalization(name="norm"), 2, name="norms")(inputs))
    x = data(6, 4)
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert [member.name for member in loaded.get_layer("norms").members] == ["norm_member_0", "norm_member_1"]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Memberwise(keras.layers.Dense, 2), "`layer` to be a keras.layers.Layer"),
        (lambda: Memberwise(keras.layers.Dense(2), 0), "`ensemble_size` to be an integer ≥ 1. Received: 0"),
        (lambda: Memberwise(keras.layers.Add(), 2)([data(2, 3), data(2, 3)]), "one input of shape"),
    ],
)
def test_wrong_arguments_are_errors(call, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        call()
