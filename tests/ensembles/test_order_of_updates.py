"""No variable of a hyper-batch ensemble moves while a step still reads it."""

import keras
import numpy as np
import tensorflow as tf

from keras_hparam.ensembles.hyper_batch_layers import DenseHyperBatchEnsemble
from tests import graphs
from tests.ensembles import models
from tests.ensembles.models import K


def unordered(step, *signature):
    function = tf.function(step, autograph=False, input_signature=signature)
    return graphs.unordered_reads(function.get_concrete_function())


def test_in_the_steps_of_an_ensemble():
    model = models.compiled(tuning_batch_size=4)
    model.set_tuning_data(*models.data(), None, models.data(), None, None)
    batch = tf.TensorSpec((None, 4)), tf.TensorSpec((None,), tf.int32)
    assert unordered(lambda x, y: model.update(x, y), *batch) == []
    assert unordered(lambda x, y: model.tuning_step((x, y)), *batch) == []


class Product(keras.layers.Layer):
    """Adds the product of its two weights to the loss, reading them for that alone."""

    def build(self, shape):
        self.a, self.b = (self.add_weight(name=name, shape=(), initializer="ones") for name in "ab")

    def call(self, x):
        self.add_loss(self.a * self.b)
        return x


def test_in_the_steps_of_an_ensemble_with_a_layer_that_keras_alone_would_not_order():
    network = keras.Sequential([keras.Input((4,)), Product(name="product"), keras.layers.Dense(3)])
    model = models.compiled(network, hyperparameters=(), optimizer="sgd", layers={"product": "shared"})
    assert unordered(lambda x, y: model.update(x, y), tf.TensorSpec((None, 4)), tf.TensorSpec((None,), tf.int32)) == []


def test_in_the_steps_that_keras_makes_with_the_layers():
    x, lambdas, l2 = keras.Input((4,)), keras.Input((2,)), keras.Input(())
    hidden = DenseHyperBatchEnsemble(8, K, activation="tanh")(x, lambdas, l2=l2, bias_l2=l2)
    outputs = DenseHyperBatchEnsemble(3, K)(hidden, lambdas, l2=l2, bias_l2=l2)
    model = keras.Model([x, lambdas, l2], outputs)
    model.compile("sgd", models.LOSS)
    model.train_on_batch([np.zeros((6, 4)), np.zeros((6, 2)), np.zeros(6)], np.zeros(6, int))  # builds the optimizer
    inputs = [tf.TensorSpec((None, *tensor.shape[1:])) for tensor in model.inputs]
    assert unordered(lambda *data: model.train_step(data), inputs, tf.TensorSpec((None,), tf.int32)) == []
