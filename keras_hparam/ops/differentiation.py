"""Values and gradients of a function of tensors, under each backend of Keras that can differentiate.

Axes: … any axes of independent problems.
"""

import contextlib
import threading

import keras
from keras import ops

from keras_hparam import errors


def value_and_gradient(function, has_aux=False):
    """The function that returns the values of `function` and the gradient of their sum.

    Values [...] of problems that know nothing of each other give each problem's own gradient in one pass. The result
    may be called eagerly, inside `tf.function` or `jax.jit`, inside loops, and inside XLA programs.

    Args:
        function: maps one float tensor, or a list of them, to values [...].
        has_aux: bool, whether the function returns (values, other tensors); so does the result, in place of the values.

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
    return lambda x: differentiate(function, keras.tree.map_structure(ops.convert_to_tensor, x), has_aux)


@contextlib.contextmanager
def exact_moments():
    """Within it, the variances of normalising layers have second derivatives.

    Those of `tf.nn.moments` are wrong: it takes the mean for a constant, which is right for first derivatives alone.
    BatchNormalization, LayerNormalization and GroupNormalization call it. Other backends do as they always do.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    with _LOCK:
        before, tf.nn.moments = tf.nn.moments, _moments
        try:
            yield
        finally:
            tf.nn.moments = before


def _moments(x, axes, shift=None, keepdims=False, name=None):
    """(mean, variance) as `tf.nn.moments` computes them, of float32 or wider tensors."""
    import tensorflow as tf

    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, keepdims=keepdims)
    return (mean if keepdims else tf.squeeze(mean, axes)), variance


def _tensorflow(function, x, has_aux):
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        found = function(x)
        values = found[0] if has_aux else found
    gradient = tape.gradient(values, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return found, tf.nest.map_structure(tf.convert_to_tensor, gradient)  # a look-up's is sparse


def _jax(function, x, has_aux):
    import jax

    def summed(x):
        found = function(x)
        return ops.sum(found[0] if has_aux else found), found

    (_, found), gradient = jax.value_and_grad(summed, has_aux=True)(x)
    return found, gradient


_LOCK = threading.RLock()  # replicas are traced in threads
_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax}
