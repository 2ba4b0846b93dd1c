"""Conformance checks of Keras layers and models: what every public class of the package promises.

A check runs a layer on example inputs and raises an AssertionError that says what differs; it returns nothing. A tuple
of inputs is the positional arguments of the call, anything else its only argument; None stands for an optional argument
that is left out. The first axis of every array is the batch.

How to run them on your own layer, for instance with pytest:

```python
from keras_hparam import testing

def test_my_layer_conforms(tmp_path):
    x = np.random.default_rng(0).standard_normal((4, 8)).astype("float32")
    testing.check_config_round_trip(MyLayer(3), x)
    testing.check_save_and_load(MyLayer(3), x, tmp_path / "model.keras")
    testing.check_xla(MyLayer(3), x)
    testing.check_mixed_precision(lambda: MyLayer(3), x)
    testing.check_two_replicas(lambda: MyLayer(3), x, targets=np.zeros((4, 3), "float32"))
```
"""

import json

import keras
import numpy as np
import tensorflow as tf

from keras_hparam.testing.copies import attempt, config_of, copied, name_of
from keras_hparam.testing.precision import check_mixed_precision
from keras_hparam.testing.replicas import check_two_replicas
from keras_hparam.testing.structures import arguments, arrays, assert_close, filled, leaves, require

__all__ = [
    "check_config_round_trip",
    "check_mixed_precision",
    "check_save_and_load",
    "check_two_replicas",
    "check_xla",
]


def check_config_round_trip(layer, inputs, tolerance=1e-6):
    """Checks that the configuration survives JSON and makes a layer of the same variables that computes the same.

    Args:
        layer: `keras.layers.Layer` or `keras.Model`, built or not.
        inputs: of one call; see the module.
        tolerance: largest |difference| / (1 + |output|).

    Raises:
        AssertionError: if the class is not registered, a value is not JSON, or configuration, variables or outputs
            differ.

    Example:

    ```python
    check_config_round_trip(keras.layers.Dense(3), np.ones((2, 4), "float32"))
    ```
    """
    expected = arrays(layer(*arguments(inputs)))
    clone = copied(layer, inputs)
    before, after = (json.loads(config_of(one))["config"] for one in (layer, clone))
    require(before == after, f"{name_of(layer)}: expected the configuration {before}. Received: {after}.")
    assert_close(expected, arrays(clone(*arguments(inputs))), tolerance, f"{name_of(layer)} from its configuration")


def _functional(layer, inputs):
    symbols = [
        keras.Input(batch_shape=(None, *np.shape(leaf)[1:]), dtype=keras.backend.standardize_dtype(leaf.dtype))
        for leaf in leaves(inputs)
    ]
    return keras.Model(symbols, leaves(layer(*filled(arguments(inputs), symbols))))


def check_save_and_load(layer, inputs, path, tolerance=1e-6):
    """Checks that a `.keras` file gives back a model of the same outputs.

    A model is saved itself; a layer inside a functional model of free batch size.

    Args:
        layer: `keras.layers.Layer` or `keras.Model`.
        inputs: of one call, NumPy arrays; see the module.
        path: of the file to write, ending in ".keras".
        tolerance: largest |difference| / (1 + |output|).

    Raises:
        AssertionError: if saving or loading fails, or outputs differ.

    Example:

    ```python
    check_save_and_load(keras.layers.Dense(3), np.ones((2, 4), "float32"), tmp_path / "model.keras")
    ```
    """
    model, call = layer, arguments(inputs)
    if not isinstance(layer, keras.Model):
        with attempt(f"{name_of(layer)}: expected it to work inside a functional model"):
            model, call = _functional(layer, inputs), (leaves(inputs),)
    expected = arrays(model(*call))
    with attempt(f"{name_of(layer)}: expected it to be saved in a .keras file and loaded from it"):
        model.save(path)
        loaded = keras.saving.load_model(path)
    assert_close(expected, arrays(loaded(*call)), tolerance, f"{name_of(layer)} loaded from a file")


def check_xla(layer, inputs, tolerance=1e-5):
    """Checks that XLA compiles the call and that it computes what the same function without XLA does.

    Args:
        layer: callable of tensors: layer, model or function.
        inputs: of one call; see the module.
        tolerance: largest |difference| / (1 + |output|).

    Raises:
        AssertionError: if compilation fails or outputs differ.

    Example:

    ```python
    check_xla(keras.layers.Dense(3), np.ones((2, 4), "float32"))
    ```
    """
    tensors = [tf.convert_to_tensor(leaf) for leaf in leaves(inputs)]
    layer(*filled(arguments(inputs), tensors))  # builds

    def call(*values):
        return leaves(layer(*filled(arguments(inputs), values)))

    expected = arrays(tf.function(call, jit_compile=False, autograph=False)(*tensors))
    with attempt(f"{name_of(layer)}: expected XLA to compile it"):
        received = arrays(tf.function(call, jit_compile=True, autograph=False)(*tensors))
    assert_close(expected, received, tolerance, f"{name_of(layer)} under XLA")
