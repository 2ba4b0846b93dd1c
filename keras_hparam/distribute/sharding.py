"""Batches whose shards are made in the processes that use them, for all replicas of a `tf.distribute` strategy."""


def distributed_batches(strategy, make, specs, steps, ahead=4):
    """An iterator over the batches of some steps, of which every replica has its own shard.

    Args:
        strategy: `tf.distribute.Strategy`.
        make: callable (step, shard, number of shards) -> structure of NumPy arrays, a pure function that other threads
            call.
        specs: the same structure of `tf.TensorSpec`s; None for an axis whose size changes.
        steps: range with a step of 1.
        ahead: int >= 1, shards of a process that are made before they are used.

    Example:
        >>> import numpy as np, tensorflow as tf
        >>> strategy, make = tf.distribute.get_strategy(), lambda step, shard, shards: [np.float32(step)]
        >>> [float(x) for (x,) in distributed_batches(strategy, make, [tf.TensorSpec([])], range(3))]
        [0.0, 1.0, 2.0]
    """
    import tensorflow as tf
    from keras import tree

    flat, options = tree.flatten(specs), tf.data.Options()
    # The thread that would tune it is waited for when the iterator goes, up to as long as that has been there: it is
    # woken before it can see that it is to end (TensorFlow 2.21). With several devices in one process, TensorFlow adds
    # pipelines of its own, which have one all the same.
    options.autotune.enabled = False

    def own(context):
        """The dataset of one process, whose elements go to its replicas in turn."""
        replicas, first = context.num_replicas_in_sync, context.input_pipeline_id
        mine = replicas // context.num_input_pipelines

        def arrays(index):
            step, replica = divmod(int(index), mine)
            return tree.flatten(make(step, first * mine + replica, replicas))

        def load(index):
            made = tf.numpy_function(arrays, [index], [spec.dtype for spec in flat])
            shaped = [tf.ensure_shape(array, spec.shape) for array, spec in zip(made, flat, strict=True)]
            return tree.pack_sequence_as(specs, shaped)

        indices = tf.data.Dataset.range(steps.start * mine, steps.stop * mine)
        return indices.map(load).prefetch(ahead).with_options(options)

    return iter(strategy.distribute_datasets_from_function(own))
