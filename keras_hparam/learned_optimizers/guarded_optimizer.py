"""A Keras optimizer that sees all gradients of a step before it updates a variable, under any strategy and backend.

Sparse gradients become dense, clipping is that of the sum over replicas, and gradients of which one is not finite are
all NaN, so that each variable's update knows by itself that the step is to be skipped.
"""

import keras
from keras import ops


def is_finite(gradient):
    """Whether the first entry of a gradient [...] of one entry or more is finite: a boolean scalar tensor."""
    return ops.isfinite(ops.reshape(gradient, (-1,))[0])


def summed_over_replicas(gradients):
    """(gradients summed over the replicas of a step, the number of replicas)."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        context, count = tf.distribute.get_replica_context(), tf.distribute.get_strategy().num_replicas_in_sync
        if context is not None and count > 1:
            return context.all_reduce(tf.distribute.ReduceOp.SUM, gradients), count
    return gradients, 1


class GuardedOptimizer(keras.optimizers.Optimizer):
    """Base of optimizers that skip steps: a subclass makes a step in `_make_step(pairs, learning_rate, on_replicas)`.

    `pairs` is a list of (gradient, variable), gradients summed over replicas and NaN throughout if one is not finite;
    `on_replicas` a callable (variable, function, *args) that calls function(variable, *args) for each replica. Weight
    decay is left to the step as well.
    """

    def apply(self, grads, trainable_variables=None):
        """Makes one step; arguments as of any Keras optimizer. A sparse gradient counts as the dense one."""
        super().apply([g if g is None else ops.convert_to_tensor(g) for g in grads], trainable_variables)

    def _clip_gradients(self, grads):
        """Clipped gradients; all of them NaN if any is not finite, which the sum over replicas keeps.

        What is clipped is the sum over replicas, of which each then has a part.
        """
        replicas = 1
        if self.clipnorm or self.clipvalue or self.global_clipnorm:
            grads, replicas = summed_over_replicas(grads)
        finite = ops.all(ops.stack([ops.all(ops.isfinite(g)) for g in grads]))
        factor = ops.where(finite, 1.0 / replicas, float("nan"))
        return [g * ops.cast(factor, g.dtype) for g in super()._clip_gradients(grads)]

    def _apply_weight_decay(self, variables):
        """Nothing: parameters decay in the update, which is skipped where gradients are not finite."""

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        """Makes the step; under TensorFlow by way of `_distributed_tf_update_step`."""
        if keras.backend.backend() == "tensorflow":
            return super()._backend_update_step(grads, trainable_variables, learning_rate)
        pairs = list(zip(grads, trainable_variables, strict=True))
        return self._make_step(pairs, learning_rate, lambda variable, function, *args: function(variable, *args))

    def _distributed_tf_update_step(self, distribution, grads_and_vars, learning_rate):
        """Makes the step on all replicas, from outside of them; gradients are summed."""

        def on_replicas(variable, function, *args):
            variable = variable.value if isinstance(variable, keras.Variable) else variable
            distribution.extended.update(variable, function, args=args, group=False)

        self._make_step(list(grads_and_vars), learning_rate, on_replicas)
