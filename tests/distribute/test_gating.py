"""The order of reads and updates of variables in the graphs that TensorFlow runs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_hparam import distribute
from tests import graphs


@pytest.fixture
def step():
    """A callable (gate): a compiled step of descent on x · y, and its two variables."""

    def make(gate):
        variables = [keras.Variable(2.0), keras.Variable(3.0)]
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build(variables)

        @tf.function(autograph=False)
        def step():
            with tf.GradientTape() as tape:
                loss = variables[0] * variables[1]
            optimizer.apply(gate(tape.gradient(loss, [v.value for v in variables]), loss), variables)
            return loss

        return step, variables

    return make


def test_no_variable_moves_while_it_is_read(step):
    gated, variables = step(distribute.gate_gradients)
    assert graphs.unordered_reads(gated.get_concrete_function()) == []
    assert float(gated()) == 6.0
    np.testing.assert_allclose([float(v.value) for v in variables], [2 - 0.1 * 3, 3 - 0.1 * 2], rtol=1e-6)


def test_tensorflow_alone_does_not_keep_the_order(step):
    """Where this fails, TensorFlow keeps it: then nothing has to be gated."""
    plain, _ = step(lambda gradients, *computed: gradients)
    assert graphs.unordered_reads(plain.get_concrete_function())


def test_values_stay(rng):
    dense = tf.constant(rng.normal(size=(2, 3)))
    sparse = tf.IndexedSlices(dense, tf.constant([4, 1]), tf.constant([5, 3]))
    gated = tf.function(lambda: distribute.gate_gradients([dense, None, sparse], {"loss": dense[0], "none": None}))()
    assert gated[1] is None and isinstance(gated[2], tf.IndexedSlices)
    np.testing.assert_array_equal(gated[0], dense)
    np.testing.assert_array_equal(tf.convert_to_tensor(gated[2]), tf.convert_to_tensor(sparse))
