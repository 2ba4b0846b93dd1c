"""How long an optimizer's last update was, divided by its rate: what the cap on a step is measured with.

Axes: P parameters of a model.
"""

import keras
import numpy as np
from keras import ops


def of_slots(optimizer, rate):
    """The length of the last update of all variables over its rate, from what the optimizer keeps; a scalar or None.

    None: the optimizer keeps no momentum, so what it did last cannot be told.

    Args:
        optimizer: Keras optimizer that has made a step, without loss scaling.
        rate: float scalar, the learning rate of that step.
    """
    if isinstance(optimizer, keras.optimizers.Adam | keras.optimizers.Nadam):
        return _adam(optimizer)
    if isinstance(optimizer, keras.optimizers.Lion):
        return float(np.sqrt(_number(optimizer)))
    momenta = _momenta(optimizer)
    return norm(momenta) / rate if momenta else None


def first(optimizer, gradients):
    """The same for the first update: a float; 0 where it cannot be told.

    Args:
        optimizer: Keras optimizer before its first step, without loss scaling.
        gradients: callable -> list of gradients, or None; called for optimizers whose first step is along them.
    """
    if isinstance(optimizer, keras.optimizers.Adam | keras.optimizers.Nadam | keras.optimizers.Lion):
        return np.float32(np.sqrt(_number(optimizer)))  # each parameter moves by the rate
    if isinstance(optimizer, keras.optimizers.RMSprop):
        return np.float32(np.sqrt(_number(optimizer) / (1.0 - optimizer.rho)))
    return 0.0 if gradients is None else ops.convert_to_numpy(norm(gradients()))


def later(optimizer, gradients):
    """The same for an update in the course of a training, of optimizers for which `of_slots` is None; else None.

    Args:
        optimizer: Keras optimizer, without loss scaling.
        gradients: callable -> list of gradients, or None.
    """
    if isinstance(optimizer, keras.optimizers.RMSprop) and not _momenta(optimizer):
        return np.float32(np.sqrt(_number(optimizer)))  # gradients over their root mean square
    if isinstance(optimizer, keras.optimizers.SGD) and not _momenta(optimizer) and gradients is not None:
        return ops.convert_to_numpy(norm(gradients()))
    return None


def norm(tensors):
    """The norm of all tensors together."""
    import tensorflow as tf

    # One operation for each tensor: most are small, and what counts is how many operations there are.
    return tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(ops.cast(tensor, "float32")) for tensor in tensors]))


def _adam(optimizer):
    """The norm of m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε), with what is the same for all parameters taken out."""
    step = ops.cast(optimizer.iterations, "float32")
    first = 1.0 - ops.power(float(optimizer.beta_1), step)
    second = ops.sqrt(1.0 - ops.power(float(optimizer.beta_2), step))
    epsilon = optimizer.epsilon * second
    pairs = zip(_momenta(optimizer), optimizer._velocities, strict=True)
    moments = [(ops.cast(m, "float32"), ops.cast(v, "float32")) for m, v in pairs]
    return norm([m / (ops.sqrt(v) + epsilon) for m, v in moments]) * second / first


def _momenta(optimizer):
    found = getattr(optimizer, "momentums", None) or getattr(optimizer, "_momentums", None) or []
    return [momentum for momentum in found if momentum is not None]


def _number(optimizer):
    return sum(int(np.prod(variable.shape)) for variable in optimizer._trainable_variables)
