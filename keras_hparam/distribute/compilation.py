"""Compilation under each backend of Keras that can compile, by XLA or to TensorFlow's own graph."""

import keras

from keras_hparam import errors


def compile(function, jit=True):
    """The function compiled, once for each structure, shape and dtype of its arguments.

    Args:
        function: a pure function of (structures of) tensors, made of `keras.ops`; it may return any structure of them.
            Arguments that are None belong to the structure.
        jit: bool, whether XLA compiles under TensorFlow, too; on CPUs its convolutions are several times slower than
            those of TensorFlow's graph. JAX always compiles by XLA.

    Returns:
        A function of the same arguments; arrays are taken as tensors.

    Raises:
        UnavailableError: if the backend of Keras is neither TensorFlow nor JAX.

    Example:
        >>> compile(lambda x: {"twice": 2 * x["a"]})({"a": np.ones(2)})
        {"twice": [2., 2.]}
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return _of_tensors(tf.function(function, jit_compile=jit, autograph=False))
    if backend == "jax":
        import jax

        return jax.jit(function)
    raise errors.UnavailableError(f"Expected the Keras backend 'tensorflow' or 'jax' for XLA. Received: {backend!r}.")


def _of_tensors(function):
    """A `tf.function` that takes arrays and numbers by their type, not by their value."""
    return lambda *arguments: function(*keras.tree.map_structure(_tensor, arguments))


def _tensor(value):
    return None if value is None else keras.ops.convert_to_tensor(value)
