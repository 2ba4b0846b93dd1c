"""Dropout with a rate for each row."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_hparam import errors
from keras_hparam.ensembles.dropout import EnsembleDropout

RATES = np.array([0.0, 0.1, 0.5, 0.9, 1.0], "float32")


def test_each_row_has_its_rate_and_keeps_its_mean():
    y = np.asarray(EnsembleDropout(seed=0)(np.ones((5, 40, 500), "float32"), RATES, training=True))
    zeros = (y == 0).mean(axis=(1, 2))
    np.testing.assert_allclose(zeros, RATES, atol=0.01)
    assert zeros[0] == 0.0 and zeros[-1] == 1.0
    for row, rate in zip(y[:-1], RATES, strict=False):
        np.testing.assert_allclose(row[row != 0], 1.0 / (1.0 - rate), rtol=1e-6)
    np.testing.assert_allclose(y.mean(axis=(1, 2)), [1, 1, 1, 1, 0], atol=0.05)


def test_outside_of_training_nothing_happens():
    x = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    layer = EnsembleDropout(seed=0)
    np.testing.assert_array_equal(layer(x, RATES), x)
    np.testing.assert_array_equal(layer(x, RATES, training=False), x)


def test_the_noise_may_be_shared_and_differs_from_call_to_call():
    x, layer = np.ones((5, 6, 100), "float32"), EnsembleDropout(noise_shape=(None, 1, None), seed=0)
    one, two = (np.asarray(layer(x, RATES, training=True)) for _ in range(2))
    assert np.all(one == one[:, :1]) and np.any(one != two)
    shared = EnsembleDropout(noise_shape=(1, None, None), seed=0)
    rows = np.asarray(shared(x, np.full(5, 0.5, "float32"), training=True))
    assert np.all(rows == rows[:1]) and 0 < (rows == 0).mean() < 1
    again = EnsembleDropout(noise_shape=(None, 1, None), seed=0)
    np.testing.assert_array_equal(again(x, RATES, training=True), one)


def test_gradients_go_to_the_inputs_alone():
    x, rate = tf.Variable(tf.ones((2, 50))), tf.Variable([0.5, 1.0])
    with tf.GradientTape() as tape:
        y = EnsembleDropout(seed=0)(x, rate, training=True)
    gradients = tape.gradient(y, [x, rate])
    np.testing.assert_array_equal(gradients[0], y)  # the scale, and 0 where dropped
    assert gradients[1] is None


def test_in_a_model_under_half_precision():
    x, rate = keras.Input((4,)), keras.Input(())
    model = keras.Model([x, rate], EnsembleDropout(dtype="mixed_float16")(x, rate))
    y = model([np.ones((5, 4), "float32"), RATES], training=True)
    assert y.dtype == model.output.dtype == "float16" and model.output_shape == (None, 4)
    np.testing.assert_array_equal(y[0], np.ones(4))


@pytest.mark.parametrize(
    "options, rate, message",
    [({}, np.zeros((3, 1)), "`rate` of shape .N."), ({}, np.zeros(2), "rows of x .3, ….. Received: shape .2,"),
     ({"noise_shape": (None, 1)}, np.zeros(3), "`noise_shape` of rank 3")],
)  # fmt: skip
def test_wrong_shapes_are_errors(options, rate, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        EnsembleDropout(**options)(np.ones((3, 4, 5)), rate)
