"""Random numbers of the training and the tuning steps: functions of (seed, step) alone, also over several replicas.

Axes: K members, n examples, P columns.
"""

import tensorflow as tf
from keras import ops, tree

from keras_hparam.ensembles.replicas import replica


def uniform(seed, step, shape, stream):
    """Numbers in [0, 1) [K, n, P] for the examples of this replica: a function of (seed, step, stream) alone.

    The replicas share one draw for the global batch, so that two of them see what one device would see.

    Args:
        seed: int.
        step: int tensor.
        shape: (K, n, P), n the number of examples of this replica.
        stream: int, tells training from tuning.
    """
    replicas, index = replica()
    size, examples, columns = shape
    key = ops.stack([ops.cast(seed + 2**20 * stream, "int64"), ops.cast(step, "int64")])
    drawn = tf.random.stateless_uniform((size, examples * replicas, columns), seed=key)
    return drawn if replicas == 1 else tf.slice(drawn, (0, index * examples, 0), (size, examples, columns))


def batch(data, seed, step, size):
    """This replica's part of a random batch, drawn with replacement: a function of (seed, step) alone.

    Args:
        data: (x, y) or (x, y, sample_weight) of tensors.
        seed: int.
        step: int tensor.
        size: int, of the global batch; rounded up to a multiple of the number of replicas.
    """
    replicas, index = replica()
    local = -(-size // replicas)
    key = ops.stack([ops.cast(seed, "int64"), ops.cast(step, "int64")])
    length = tf.shape(tree.flatten(data)[0])[0]
    rows = tf.random.stateless_uniform((local * replicas,), seed=key, maxval=length, dtype=tf.int32)
    rows = rows if replicas == 1 else tf.slice(rows, (index * local,), (local,))
    return tree.map_structure(lambda tensor: tf.gather(tensor, rows), data)
