"""The conventional optimizer that takes over the last steps, and a condition whose branches change variables.

Source: US20220253704A1, a conventional optimizer in place of the network for additional steps.
"""

import keras
from keras import ops

from keras_hparam import errors

REFUSED = ("Nadam", "ScheduleFreeAdamW", "MultiOptimizer", "LossScaleOptimizer", "LearnedOptimizer")
OUTER = ("clipnorm", "clipvalue", "global_clipnorm", "use_ema", "loss_scale_factor", "gradient_accumulation_steps")


def get(fallback):
    """A conventional Keras optimizer that can begin in the middle of a training.

    Args:
        fallback: its name, its configuration or an instance; None: none.

    Returns:
        `keras.optimizers.Optimizer` or None.

    Raises:
        InvalidArgumentError: if it is no such optimizer, needs to see the training from its beginning, or is given
            what belongs to the optimizer around it (clipping, averaging, accumulation, loss scaling).
    """
    try:
        optimizer = keras.optimizers.get(fallback)
    except (ValueError, TypeError, KeyError) as error:
        raise errors.InvalidArgumentError(
            f"Expected `fallback` to be the name or an instance of a Keras optimizer. Received: {fallback!r}."
        ) from error
    if optimizer is None:
        return None
    if type(optimizer).__name__ in REFUSED:
        raise errors.InvalidArgumentError(
            f"Expected `fallback` to be none of {REFUSED}, which cannot take over. Received: {fallback!r}."
        )
    options = {name: getattr(optimizer, name) for name in OUTER if getattr(optimizer, name)}
    if options or optimizer.built:
        raise errors.InvalidArgumentError(
            f"Expected a `fallback` without {OUTER}, which belong to the optimizer around it, and not used before. "
            f"Received: {fallback!r} with {options}, built: {optimizer.built}."
        )
    return optimizer


def update(fallback, variable, gradient):
    """Lets a built optimizer decay and update one variable.

    Args:
        fallback: `keras.optimizers.Optimizer`.
        variable: one of those that it was built with, or a replica's part of it.
        gradient: tensor of its shape.
    """
    rate = ops.convert_to_tensor(fallback.learning_rate)
    if fallback.weight_decay is not None and fallback._use_weight_decay(variable):
        decay = ops.cast(fallback.weight_decay * rate, variable.dtype)
        fallback.assign_sub(variable, decay * ops.convert_to_tensor(variable))
    fallback.update_step(gradient, variable, rate)


def branch(predicate, on_true, on_false, variables):
    """Calls one of two functions that assign to variables.

    Args:
        predicate: boolean scalar tensor.
        on_true, on_false: callables without arguments; what they return is ignored.
        variables: list of all `keras.Variable`s that they may assign to.
    """
    if keras.backend.backend() == "tensorflow":  # assignments inside of a condition are its side effects
        ops.cond(predicate, lambda: _call(on_true), lambda: _call(on_false))
        return
    before = [variable.value for variable in variables]
    after = ops.cond(predicate, _stateless(on_true, variables, before), _stateless(on_false, variables, before))
    for variable, value in zip(variables, after, strict=True):
        variable.assign(value)


def _call(function):
    function()


def _stateless(function, variables, values):
    """A callable without side effects that gives the values after the function's assignments."""

    def call():
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
            function()
        return [scope.get_current_value(variable) for variable in variables]

    return call
