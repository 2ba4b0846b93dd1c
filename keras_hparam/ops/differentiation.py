"""Values and gradients of a function of tensors, under each backend of Keras that can differentiate.

Axes: … any axes of independent problems.
"""

import keras
from keras import ops

from keras_hparam import errors


def value_and_gradient(function):
    """The function that returns the values of `function` and the gradient of their sum.

    Values [...] of problems that know nothing of each other give each problem's own gradient in one pass. The result
    may be called eagerly, inside `tf.function` or `jax.jit`, inside loops, and inside XLA programs.

    Args:
        function: maps one float tensor, or a list of them, to values [...].

    Returns:
        A function of the same argument, of tensors or arrays: (values [...], gradient), where the gradient is a tensor
        or a list of tensors of the argument's shapes, with 0 where the values do not depend on an entry.

    Raises:
        UnavailableError: if the backend of Keras is neither TensorFlow nor JAX.

    Example:
        >>> value_and_gradient(lambda x: ops.sum(x**2, axis=-1))(np.array([[1.0, 2.0], [3.0, 4.0]]))
        ([5., 25.], [[2., 4.], [6., 8.]])
    """
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise errors.UnavailableError(
            f"Expected the Keras backend {' or '.join(map(repr, _BACKENDS))} for gradients. Received: {backend!r}."
        )
    differentiate = _BACKENDS[backend]
    return lambda x: differentiate(function, keras.tree.map_structure(ops.convert_to_tensor, x))


def _tensorflow(function, x):
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        values = function(x)
    gradient = tape.gradient(values, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return values, tf.nest.map_structure(tf.convert_to_tensor, gradient)  # a look-up's is sparse


def _jax(function, x):
    import jax

    def summed(x):
        values = function(x)
        return ops.sum(values), values

    (_, values), gradient = jax.value_and_grad(summed, has_aux=True)(x)
    return values, gradient


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax}
