"""Training steps under TensorFlow, on the devices of a `tf.distribute` strategy.

A batch is divided into one shard for each replica, which the replica's own process makes. Losses are weighted means,
and the weights of the shards differ, so every replica divides by the weight of the whole batch: the gradients' sum over
replicas is the gradient of the batch. It is summed before it is clipped, and each replica hands the optimizer, which
sums too, an equal share of it.
"""

import functools

import tensorflow as tf

from keras_hparam import distribute
from keras_hparam.optformer import losses, shapes
from keras_hparam.optformer.evaluation import held_out_sums

BATCHES_AHEAD = 8


class TensorFlowEngine:
    """An engine for one device or many, see `engines`.

    Args:
        make, loss_weights, pad: as of `engines.create`.
        strategy: `tf.distribute.Strategy`; None for the one in force.
    """

    def __init__(self, make, loss_weights, pad, strategy=None):
        self.strategy = strategy or tf.distribute.get_strategy()
        self.is_chief = distribute.is_chief(self.strategy)
        with self.strategy.scope():
            self.model, self.optimizer = make(self.strategy.num_replicas_in_sync)
        self._loss_weights, self._pad = loss_weights, pad
        self._needs_fixed_shapes = isinstance(self.strategy, tf.distribute.TPUStrategy)
        self._compiled = {}

    def batches(self, make_batch, first_step, steps):
        """The batches of steps first_step..steps - 1, each distributed over the replicas.

        Args:
            make_batch: callable (step, shard, num_shards) -> dict of arrays.
            first_step, steps: ints.
        """

        def make(step, shard, num_shards):
            batch = make_batch(step, shard, num_shards)
            return self._pad(batch) if self._needs_fixed_shapes else batch

        specs = {name: tf.TensorSpec([None] * len(axes), dtype) for name, (axes, dtype) in shapes.ARRAYS.items()}
        steps = range(first_step, steps)
        iterator = distribute.distributed_batches(self.strategy, make, specs, steps, BATCHES_AHEAD)
        if not self._compiled:  # every iterator has the same signature
            signature = None if self._needs_fixed_shapes else [iterator.element_spec]
            for name, function in (("step", self._replica_step), ("evaluate", self._replica_sums)):
                self._compiled[name] = tf.function(
                    functools.partial(self._run, function), input_signature=signature, autograph=False
                )
        return iterator

    def step(self, batch):
        """One step of descent: mean losses by name."""
        return self._compiled["step"](batch)

    def evaluate(self, batch):
        """(Σ w x, Σ w) by name."""
        return self._compiled["evaluate"](batch)

    def _run(self, replica_function, batch):
        """What the replicas give, summed."""
        shares = self.strategy.run(replica_function, args=(batch,))
        return tf.nest.map_structure(lambda share: self.strategy.reduce("SUM", share, axis=None), shares)

    def _replica_step(self, batch):
        """The replica's shares of the mean losses, after a step."""
        context, variables = tf.distribute.get_replica_context(), self.model.trainable_variables
        with tf.GradientTape() as tape:
            sums = losses.study_losses(self.model, batch)
            weights = context.all_reduce("SUM", {name: weight for name, (_, weight) in sums.items()})
            means = {name: losses.mean(total, weights[name]) for name, (total, _) in sums.items()}
            loss = sum(self._loss_weights[name] * value for name, value in means.items())
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = context.all_reduce("SUM", [tf.convert_to_tensor(gradient) for gradient in gradients])
        replicas = self.strategy.num_replicas_in_sync
        gradients = distribute.gate_gradients([gradient / replicas for gradient in gradients], means)
        self.optimizer.apply(gradients, variables)
        return means

    def _replica_sums(self, batch):
        return held_out_sums(self.model, batch)
