"""What a step of training has to know of the replicas of a `tf.distribute` strategy."""

import tensorflow as tf

from keras_hparam import errors


def replica():
    """(number of replicas, index of this one): 1 and 0 outside of `strategy.run`."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return 1, 0
    return context.num_replicas_in_sync, context.replica_id_in_sync_group


def share_of_global_batch(examples):
    """The share of the global batch that this replica holds: gradients are summed, and batches may be uneven."""
    replicas, _ = replica()
    if replicas == 1:
        return 1.0
    local = tf.cast(examples, tf.float32)
    return local / tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, local)


def require_strategy(name, optimizer, strategy):
    """An optimizer that was made outside of the strategy's scope would apply each replica's gradients alone."""
    made_under = getattr(optimizer, "_distribution_strategy", strategy)
    if made_under is not strategy:
        raise errors.InvalidArgumentError(
            f"Expected the `{name}` to be made under the scope of the model's strategy, {type(strategy).__name__}. "
            f"Received: one made under {type(made_under).__name__}."
        )
