"""One variable's update by a rule as a pure function of tensors, compiled by XLA where nothing else compiles it.

A gradient that must not be used is NaN throughout: the update is then zero and moving averages stay.
"""

import functools

import keras
from keras import ops

from keras_hparam.learned_optimizers.guarded_optimizer import is_finite


class Updater:
    """Callable (θ, moments, parameter, gradient, step, learning_rate, decays) -> (change, moments).

    Args:
        rule: `ElementwiseRule`.
        steps: how many steps there will be; None: unknown.
        weight_decay: relative to learning_rate · α/2, and decaying as α does; None: none.
        jit_compile: whether XLA compiles it (under TensorFlow).

    Example:

    ```python
    change, moments = Updater(rule, None, None, False)(theta, moments, weights, gradient, 0, 1.0, False)
    ```
    """

    def __init__(self, rule, steps, weight_decay, jit_compile):
        self._rule, self._steps = rule, steps
        self._decay = 0.5 * rule.config.alpha * (weight_decay or 0.0)
        self._compiles = jit_compile and keras.backend.backend() == "tensorflow"
        self._compiled = {}

    def __call__(self, theta, moments, parameter, gradient, step, learning_rate, decays):
        """What to subtract from the parameter, and its new moving averages.

        Args:
            theta: [P].
            moments: dict of tensors or variables, see `features.moment_shapes`.
            parameter, gradient: tensors or variables [...] of one dtype.
            step: integer scalar tensor, updates so far.
            learning_rate: scalar tensor, a factor of the update.
            decays: bool, whether weight decay applies to this parameter.
        """
        if not self._compiles:
            return self._update(theta, moments, parameter, gradient, step, learning_rate, decays)
        import tensorflow as tf

        key = (tuple(parameter.shape), parameter.dtype, decays)
        if key not in self._compiled:  # one for each: TensorFlow warns of a function that is traced for many shapes
            self._compiled[key] = tf.function(
                functools.partial(self._update, decays=decays), jit_compile=True, autograph=False
            )
        arguments = theta, moments, parameter, gradient, step, learning_rate
        return self._compiled[key](*tf.nest.map_structure(tf.convert_to_tensor, arguments))

    def _update(self, theta, moments, parameter, gradient, step, learning_rate, decays):
        change, updated = self._rule.update(theta, moments, parameter, gradient, step, self._steps)
        if decays and self._decay:
            decay = self._rule.decay(ops.cast(step, parameter.dtype), self._steps)
            change = change + self._decay * decay * parameter
        finite = is_finite(gradient)
        updated = {name: ops.where(finite, value, moments[name]) for name, value in updated.items()}
        return ops.where(finite, learning_rate * change, 0.0), updated
