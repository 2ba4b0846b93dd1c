"""Optimizers of many trainees at once, each with its own kind and rate, as Keras computes them.

Axes: K copies of a trainee, G trainees, … the shape of one parameter.
"""

from typing import NamedTuple

import numpy as np
from keras import ops

EPSILON = 1e-7  # that of Keras' Adam and RMSprop


class Kind(NamedTuple):
    """An optimizer as numbers.

    Attributes:
        momentum: decay of the first moment.
        gradient_weight: weight of the gradient in the first moment.
        second_decay: decay of the second moment; 0 for an optimizer that has none.
        is_corrected: 1 if both moments are divided by 1 − decay^step.
        usual_rate: a rate at which it trains small networks well.
    """

    momentum: float
    gradient_weight: float
    second_decay: float
    is_corrected: float
    usual_rate: float


KINDS = {
    "sgd": Kind(0.0, 1.0, 0.0, 0.0, 0.3),
    "momentum": Kind(0.9, 1.0, 0.0, 0.0, 0.05),
    "rmsprop": Kind(0.0, 1.0, 0.9, 0.0, 0.003),
    "adam": Kind(0.9, 0.1, 0.999, 1.0, 0.01),
}


def kinds_of(names):
    """The optimizers of G trainees: dict of float32 arrays [G] by the names of `Kind`'s fields."""
    chosen = [KINDS[name] for name in names]
    return {field: np.array([getattr(kind, field) for kind in chosen], "float32") for field in Kind._fields}


def init(parameters):
    """(first moments, second moments) before the first step: zeros.

    Args:
        parameters: list of tensors [K, G, …].
    """
    return [ops.zeros_like(p) for p in parameters], [ops.zeros_like(p) for p in parameters]


def update(kinds, state, parameters, gradients, rate, step):
    """(parameters, state, lengths) after one step; lengths [K, G] are those of all updates, divided by the rate.

    SGD's velocity is μ v − η g, so a new rate acts on new gradients only; Adam's and RMSprop's first moments do not
    contain the rate.

    Args:
        kinds: of `kinds_of`.
        state: of `init` or of the last step.
        parameters, gradients: lists of tensors [K, G, …].
        rate: float [K, G] > 0, η.
        step: int scalar, from 0.
    """
    power = ops.cast(step, "float32") + 1.0
    adaptive, corrected = kinds["second_decay"] > 0, kinds["is_corrected"] > 0
    one = ops.ones_like(kinds["momentum"])
    first_share = ops.where(corrected, 1.0 - kinds["momentum"] ** power, one)
    second_share = ops.where(corrected, 1.0 - kinds["second_decay"] ** power, one)
    outer = ops.where(adaptive, rate, ops.ones_like(rate))  # what the first moment is multiplied by
    inner = ops.where(adaptive, ops.ones_like(rate), rate)
    moved, first, second, squares = [], [], [], 0.0
    for parameter, gradient, m, v in zip(parameters, gradients, *state, strict=True):
        ones = (1,) * (len(parameter.shape) - 2)

        def spread(x, ones=ones):  # [G] or [K, G] against [K, G, …]
            return ops.reshape(x, (*((1,) * (2 - len(x.shape))), *x.shape, *ones))

        m = spread(kinds["momentum"]) * m + spread(kinds["gradient_weight"] * inner) * gradient
        decay = spread(kinds["second_decay"])
        v = decay * v + (1.0 - decay) * ops.square(gradient)
        scale = ops.where(spread(adaptive), ops.sqrt(v / spread(second_share)) + EPSILON, 1.0)
        change = spread(outer / first_share) * m / scale
        moved.append(parameter - change)
        first.append(m)
        second.append(v)
        squares = squares + _squares(change)
    return moved, (first, second), ops.sqrt(squares) / rate


def norm(tensors):
    """The norm of all tensors [K, G, …] of a trainee: [K, G]."""
    return ops.sqrt(sum(_squares(tensor) for tensor in tensors))


def _squares(tensor):
    return ops.sum(ops.square(tensor), axis=tuple(range(2, len(tensor.shape))))
