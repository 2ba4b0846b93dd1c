"""What optimizers subtract from parameters, apart from the learning rate: directions d of w ← w − η d.

Decoupled weight decay adds λ w to the direction of any of them. Then one step of several optimizers and rates, combined
by probabilities p and q, is w − (Σ q η)(Σ p d + λ w): one direction for each optimizer is enough.

Sources: Sutskever et al. 2013 (momentum); Kingma & Ba 2014, arXiv 1412.6980 (Adam); Hinton 2012 (RMSprop); Loshchilov &
Hutter 2017, arXiv 1711.05101 (decoupled decay).

Axes: … the shape of one parameter.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_hparam import errors


class Rule(NamedTuple):
    """An optimizer for one parameter.

    Attributes:
        slots: int, tensors of the parameter's shape that it remembers, which are 0 before the first step.
        direction: function from (gradient […], list of slots, step int scalar from 0) to (direction […], slots).
    """

    slots: int
    direction: Any


def sgd(momentum=0.0, nesterov=False):
    """u ← μ u + g; the direction is u, or μ u + g with Nesterov's momentum.

    Keras' velocity contains the rate; where the rate is constant both are the same.
    """

    def direction(gradient, slots, step):
        if not momentum:
            return gradient, slots
        velocity = momentum * slots[0] + gradient
        return (momentum * velocity + gradient if nesterov else velocity), [velocity]

    return Rule(1 if momentum else 0, direction)


def adam(beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """√(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε), as Keras computes it."""

    def direction(gradient, slots, step):
        power = ops.cast(step, gradient.dtype) + 1.0
        first = beta_1 * slots[0] + (1.0 - beta_1) * gradient
        second = beta_2 * slots[1] + (1.0 - beta_2) * ops.square(gradient)
        correction = ops.sqrt(1.0 - ops.power(ops.cast(beta_2, gradient.dtype), power))
        correction = correction / (1.0 - ops.power(ops.cast(beta_1, gradient.dtype), power))
        return correction * first / (_root(second) + epsilon), [first, second]

    return Rule(2, direction)


def rmsprop(rho=0.9, momentum=0.0, epsilon=1e-7):
    """g / √(v + ε), with a momentum of such steps if asked for."""

    def direction(gradient, slots, step):
        second = rho * slots[0] + (1.0 - rho) * ops.square(gradient)
        scaled = gradient / ops.sqrt(second + epsilon)
        if not momentum:
            return scaled, [second]
        velocity = momentum * slots[1] + scaled
        return velocity, [second, velocity]

    return Rule(2 if momentum else 1, direction)


def of(optimizer):
    """The rule of a Keras optimizer, without its rate and its weight decay.

    Args:
        optimizer: SGD, Adam, AdamW or RMSprop of Keras.

    Raises:
        InvalidArgumentError: for another optimizer, or options that the rules do not know (amsgrad, centered).
    """
    name, config = type(optimizer).__name__, optimizer.get_config()
    unknown = [key for key in _UNKNOWN if config.get(key)]
    if name not in _RULES or type(optimizer) is not getattr(keras.optimizers, name) or unknown:
        raise errors.InvalidArgumentError(
            f"Expected `optimizer` to be one of {sorted(_RULES)} of Keras, without {', '.join(_UNKNOWN)}. "
            f"Received: {name} with {unknown}."
        )
    make, names = _RULES[name]
    return make(**{key: config[key] for key in names})


def _root(x):
    """√x, with the derivative 0 at 0, where that of the root is infinite."""
    positive = x > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, x, ops.ones_like(x))), ops.zeros_like(x))


_ADAM = (adam, ("beta_1", "beta_2", "epsilon"))
_RULES = {
    "SGD": (sgd, ("momentum", "nesterov")),
    "Adam": _ADAM,
    "AdamW": _ADAM,
    "RMSprop": (rmsprop, ("rho", "momentum", "epsilon")),
}
_UNKNOWN = ("amsgrad", "centered", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "gradient_accumulation_steps")
