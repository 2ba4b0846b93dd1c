"""Programs on one device, or on all replicas of a `tf.distribute` strategy, each with its own part of the candidates.

Axes: R replicas, M candidates of one replica.
"""

import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.distribute import compilation, is_chief


def create(strategy=None):
    """The devices of a strategy.

    Args:
        strategy: `tf.distribute.Strategy`; None, or one of a single replica: one device.

    Returns:
        An object with

            number            R
            is_chief          whether this process writes
            compile(f)        f compiled; on several replicas its arguments and results may differ between them
            scatter(f)        f(0), …, f(R - 1), each where it belongs, as an argument of a compiled function
            gather(values)    a result [M, …] of a compiled function as one array [R, M, …], in every process
    """
    if strategy is None:
        return _OneDevice()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise errors.InvalidArgumentError(
            f"Expected no `strategy` under Keras' backend {keras.backend.backend()!r}: tf.distribute is TensorFlow's. "
            f"Received: {strategy!r}."
        )
    return _OneDevice(is_chief(strategy)) if strategy.num_replicas_in_sync == 1 else _Replicas(strategy)


class _OneDevice:
    number = 1

    def __init__(self, is_chief=True):
        self.is_chief = is_chief
        self.compile = compilation.compile

    def scatter(self, function):
        return function(0)

    def gather(self, values):
        return ops.convert_to_numpy(values)[None]


class _Replicas:
    def __init__(self, strategy):
        self.strategy, self.number, self.is_chief = strategy, strategy.num_replicas_in_sync, is_chief(strategy)

    def compile(self, function):
        """XLA compiles what each replica runs; outside of it TensorFlow's graph runs them at the same time."""
        import tensorflow as tf

        on_one = tf.function(function, jit_compile=True)
        on_all = tf.function(lambda *arguments: self.strategy.run(on_one, args=arguments))
        return lambda *arguments: on_all(*tf.nest.map_structure(self._tensor, arguments))

    def _tensor(self, value):
        return ops.convert_to_tensor(value) if isinstance(value, np.ndarray | np.generic | int | float) else value

    def scatter(self, function):
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: ops.convert_to_tensor(function(context.replica_id_in_sync_group))
        )

    def gather(self, values):
        here = self.strategy.experimental_local_results(values)
        if len(here) == self.number:  # one process needs no collective operation
            return np.stack([ops.convert_to_numpy(part) for part in here])
        gathered = ops.convert_to_numpy(self.strategy.gather(values, axis=0))
        return gathered.reshape(self.number, -1, *gathered.shape[1:])
