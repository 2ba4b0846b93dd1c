"""Programs on one device, or on all replicas of a `tf.distribute` strategy, each with its own part of the candidates.

Axes: R replicas, M candidates of one replica.
"""

import functools

import numpy as np
from keras import ops, tree

from keras_hparam import errors
from keras_hparam.distribute import compilation, is_chief


def create(strategy=None, jit=True):
    """The devices of a strategy.

    Args:
        strategy: `tf.distribute.Strategy`; None, or one of a single replica: one device.
        jit: bool, as of `compilation.compile`.

    Returns:
        An object with

            number            R
            is_chief          whether this process writes
            compile(f)        f compiled; on several replicas its arguments and results may differ between them
            scatter(f)        f(0), …, f(R - 1), each where it belongs, as an argument of a compiled function
            gather(values)    a result [M, …] of a compiled function as one array [R, M, …], in every process
            each(f, list)     the results of a compiled function for each tuple of arguments, R of them at a time
    """
    if strategy is None:
        return _one_device(True, jit)
    import keras

    if keras.backend.backend() != "tensorflow":
        raise errors.InvalidArgumentError(
            f"Expected no `strategy` under Keras' backend {keras.backend.backend()!r}: tf.distribute is TensorFlow's. "
            f"Received: {strategy!r}."
        )
    if strategy.num_replicas_in_sync == 1:
        return _one_device(is_chief(strategy), jit)
    return _Replicas(strategy, jit)


class _OneDevice:
    number = 1

    def __init__(self, is_chief, jit):
        self.is_chief, self.jit = is_chief, jit

    def compile(self, function):
        return compilation.compile(function, self.jit)

    def scatter(self, function):
        return function(0)

    def gather(self, values):
        return ops.convert_to_numpy(values)[None]

    def each(self, program, arguments):
        return [program(*one) for one in arguments]


# The same object each time, so that programs can be kept by their `compile`.
_one_device = functools.cache(_OneDevice)


class _Replicas:
    def __init__(self, strategy, jit):
        self.strategy, self.jit = strategy, jit
        self.number, self.is_chief = strategy.num_replicas_in_sync, is_chief(strategy)

    def compile(self, function):
        """Each replica runs a compiled program; outside of them TensorFlow's graph runs them at the same time."""
        import tensorflow as tf

        on_one = tf.function(function, jit_compile=self.jit, autograph=False)
        on_all = tf.function(lambda *arguments: self.strategy.run(on_one, args=arguments), autograph=False)
        return lambda *arguments: on_all(*tf.nest.map_structure(self._tensor, arguments))

    def _tensor(self, value):
        return ops.convert_to_tensor(value) if isinstance(value, np.ndarray | np.generic | int | float) else value

    def scatter(self, function):
        found = functools.cache(lambda replica: function(replica))
        number = len(tree.flatten(found(0)))
        leaves = [self._scatter(lambda replica, i=i: tree.flatten(found(replica))[i]) for i in range(number)]
        return tree.pack_sequence_as(found(0), leaves)

    def _scatter(self, function):
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: ops.convert_to_tensor(function(context.replica_id_in_sync_group))
        )

    def gather(self, values):
        here = self.strategy.experimental_local_results(values)
        if len(here) == self.number:  # one process needs no collective operation
            return np.stack([ops.convert_to_numpy(part) for part in here])
        gathered = ops.convert_to_numpy(self.strategy.gather(values, axis=0))
        return gathered.reshape(self.number, -1, *gathered.shape[1:])

    def each(self, program, arguments):
        found = []
        for start in range(0, len(arguments), self.number):
            group = [arguments[min(start + r, len(arguments) - 1)] for r in range(self.number)]
            result = program(*self.scatter(group.__getitem__))
            parts = [self._parts(leaf) for leaf in tree.flatten(result)]
            found += [tree.pack_sequence_as(result, [part[r] for part in parts]) for r in range(self.number)]
        return found[: len(arguments)]

    def _parts(self, values):
        """The value of each replica, in every process."""
        here = self.strategy.experimental_local_results(values)
        if len(here) == self.number:
            return here
        return self.gather(self.strategy.run(lambda value: value[None], args=(values,)))[:, 0]
