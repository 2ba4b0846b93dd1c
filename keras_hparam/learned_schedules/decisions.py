"""From a controller's output to the next learning rate.

Source: US20210034973A1: a factor on the most recent rate, or the logarithm of the rate.

Axes: … independent trainings.
"""

import math

from keras import ops


def next_rate(config, rate, first_rate, action, lowest=0.0, highest=math.inf):
    """The rate of the next steps, before `base_factor`: float […].

    "factor": rate · e^(L tanh a); "log_rate": first_rate · e^(L tanh a), where L is `config.largest_change`.

    Args:
        config: `ControllerConfig`.
        rate: float […] > 0, the most recent rate, without the base's factor.
        first_rate: float […] > 0, the user's.
        action: float […], a, the controller's output.
        lowest, highest: the user's bounds.

    Example:
        >>> next_rate(ControllerConfig(largest_change=0.7), 0.01, 0.1, action=100.0)
        0.0201
    """
    start = rate if config.action == "factor" else first_rate
    return ops.clip(start * ops.exp(config.largest_change * ops.tanh(action)), lowest, highest)


def base_factor(config, step, total_steps=None):
    """What a rate is multiplied by besides at a step: 1, or ½(1 + cos(π s / total)) where the total is known.

    Args:
        config: `ControllerConfig`.
        step: float […] ≥ 0, s.
        total_steps: float […]; None: unknown.
    """
    step = ops.convert_to_tensor(step, "float32")
    if config.base == "constant" or total_steps is None:
        return ops.ones_like(step)
    return 0.5 * (1.0 + ops.cos(math.pi * ops.clip(step / total_steps, 0.0, 1.0)))


def capped(rate, parameters_norm, direction_norm, cap):
    """The rate, at most such that a step is `cap` times as long as the parameters: float […].

    Args:
        rate: float […].
        parameters_norm, direction_norm: float […] ≥ 0, of all parameters and of what the rate multiplies; where the
            latter is 0 there is no limit.
        cap: float > 0.
    """
    limit = cap * parameters_norm / ops.maximum(direction_norm, 1e-30)
    return ops.where(direction_norm > 0, ops.minimum(rate, limit), rate)
