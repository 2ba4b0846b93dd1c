"""FLOPs against counts by hand, and against TensorFlow's own profiler."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_hparam import errors
from keras_hparam.costs.flops import forward_flops


def stack(shape, *parts, dtype="float32"):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *parts])


class Function(layers.Layer):
    """A layer of one function that keeps the shape."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, inputs.dtype)


def attention():
    inputs = keras.Input((8, 4))
    return keras.Model(inputs, layers.MultiHeadAttention(2, 3)(inputs, inputs))


def two_inputs(as_dict):
    a, b = keras.Input((8, 4), name="a"), keras.Input((5,), name="b")
    return keras.Model({"a": a, "b": b} if as_dict else [a, b], [layers.Dense(2)(a), layers.Dense(3)(b)])


# name: (model, multiplications with their additions)
CASES = {
    "dense": (lambda: stack((8,), layers.Dense(4, "relu"), layers.Dense(3, "softmax")), 8 * 4 + 4 * 3),
    "conv2d": (lambda: stack((8, 8, 3), layers.Conv2D(4, 3)), 6 * 6 * 4 * (3 * 3 * 3)),
    "strided": (lambda: stack((8, 8, 3), layers.Conv2D(4, 3, 2, "same")), 4 * 4 * 4 * (3 * 3 * 3)),
    "groups": (lambda: stack((8, 8, 4), layers.Conv2D(6, 3, groups=2)), 6 * 6 * 6 * (3 * 3 * 2)),
    "depthwise": (lambda: stack((8, 8, 3), layers.DepthwiseConv2D(3, depth_multiplier=2)), 6 * 6 * 6 * 9),
    "separable": (lambda: stack((8, 8, 3), layers.SeparableConv2D(5, 3)), 6 * 6 * (3 * 9 + 3 * 5)),
    "transposed": (lambda: stack((4, 4, 3), layers.Conv2DTranspose(5, 3)), 4 * 4 * 3 * (9 * 5)),
    "conv1d": (lambda: stack((8, 4), layers.Conv1D(6, 3)), 6 * 6 * (3 * 4)),
    "conv3d": (lambda: stack((4, 4, 4, 4), layers.Conv3D(2, 3)), 8 * 2 * (27 * 4)),
    "attention": (attention, 3 * (8 * 4 * 6) + 2 * (8 * 8 * 3 * 2) + 8 * 6 * 4),
    "embedding": (lambda: stack((8,), layers.Embedding(10, 4), layers.Dense(2), dtype="int32"), 8 * 4 * 2),
    "lstm": (lambda: stack((8, 3), layers.LSTM(5)), 8 * (3 + 5) * 20),
    "unrolled": (lambda: stack((8, 3), layers.LSTM(5, unroll=True)), 8 * (3 + 5) * 20),
    "bidirectional": (lambda: stack((8, 3), layers.Bidirectional(layers.GRU(5))), 2 * 8 * (3 + 5) * 15),
    "pooling": (lambda: stack((8, 3), layers.BatchNormalization(), layers.GlobalAveragePooling1D()), 0),
    "dict": (lambda: two_inputs(True), 8 * 4 * 2 + 5 * 3),
    "list": (lambda: two_inputs(False), 8 * 4 * 2 + 5 * 3),
    "branches": (
        lambda: stack((4,), Function(lambda x: keras.ops.cond(keras.ops.sum(x) > 0, lambda: x @ tf.eye(4), lambda: x))),
        4 * 4,
    ),
    "ellipsis": (lambda: stack((8, 4), Function(lambda x: tf.einsum("...ij,jk->...ik", x, tf.eye(4)))), 8 * 4 * 4),
    "one operand": (lambda: stack((8, 4), Function(lambda x: tf.einsum("bij->bij", x))), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_counts_are_those_by_hand(name):
    build, products = CASES[name]
    assert forward_flops(build()) == 2 * products


def test_the_profiler_counts_the_same():
    parts = layers.Conv2D(4, 3, use_bias=False), layers.Flatten(), layers.Dense(3, use_bias=False)
    model = stack((8, 8, 3), *parts)
    function = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec([1, 8, 8, 3]))
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation() | {"output": "none"}
    with function.graph.as_default():
        profile = tf.compat.v1.profiler.profile(function.graph, options=options)
    assert forward_flops(model) == profile.total_float_ops > 0


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, inputs):
        return sum(self.dense(part) for part in keras.tree.flatten(inputs))


@pytest.mark.parametrize(
    "inputs, products",
    [(np.ones((7, 2)), 6), ((np.ones((7, 2)), np.ones((7, 2))), 12), ({"a": np.ones((7, 2))}, 6)],
)
def test_a_subclassed_model_counts_once_it_is_built(inputs, products):
    model = Subclassed()
    with pytest.raises(errors.UnavailableError, match="built.*Received: 'subclassed"):
        forward_flops(model)
    model(inputs)
    assert forward_flops(model) == 2 * products


def test_what_cannot_be_counted_is_an_error():
    with pytest.raises(errors.UnavailableError, match=r"size.*Received: \(None, None, 3\)"):
        forward_flops(stack((None, 3), layers.Conv1D(6, 3)))
    with pytest.raises(errors.UnavailableError, match="graph tells.*Received: FFT"):
        forward_flops(stack((8,), Function(lambda x: keras.ops.fft((x, x))[0])))

    def square_until_large(x):
        return tf.while_loop(lambda y: keras.ops.sum(y) < 1, lambda y: (y @ tf.eye(4),), (x,))[0]

    with pytest.raises(errors.UnavailableError, match="known length.*Received: .*While"):
        forward_flops(stack((4,), Function(square_until_large)))
    with pytest.raises(errors.UnavailableError, match="static shape.*Received"):
        forward_flops(stack((4,), Function(lambda x: tf.boolean_mask(x, x[:, 0] > 0) @ tf.eye(4))))
