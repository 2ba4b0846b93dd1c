"""Minibatches of a search: a function of (seed, step) for arrays, in the given order for a `tf.data.Dataset`.

Axes: N examples, b of a minibatch, h steps, A augmentations, n candidates of "mixup".
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.autohas.mixup import draw_shares
from keras_hparam.configuration import is_integer, require


class Examples:
    """Training or validation examples.

    Args:
        name: str, of the argument, for messages.
        data: (x [N, …], y [N, …]) arrays, or a `tf.data.Dataset` of minibatches (x, y) of one size, at least one.
        batch_size: int, b; not for a dataset, which has its own.
        seed: int ≥ 0.

    Raises:
        InvalidArgumentError: for anything else, fewer examples than b, or numbers of x and y that differ; for a dataset
            without an end when its length is asked for.
    """

    def __init__(self, name, data, batch_size, seed):
        self.name, self.seed, self._iterator, self._position, self._last = name, seed, None, 0, (None, None)
        self.is_stream = not isinstance(data, tuple | list) and hasattr(data, "as_numpy_iterator")
        self.batch_size = None if self.is_stream else batch_size
        if self.is_stream:
            require(name, data, int(data.cardinality()) != 0, "a dataset of at least one minibatch")
            self.data = data
            return
        good = isinstance(data, tuple | list) and len(data) == 2 and data[0] is not None
        require(name, data if not good else None, good, "(x, y), or a `tf.data.Dataset` of minibatches (x, y)")
        require("batch_size", batch_size, is_integer(batch_size, 1), "an int >= 1")
        self.x, self.y = (np.asarray(part) for part in data)
        require(name, (len(self.x), len(self.y)), len(self.x) == len(self.y), "x and y of equally many examples")
        require(name, len(self.x), len(self.x) >= batch_size, f"at least `batch_size`, {batch_size}, examples")

    def __len__(self):
        """Minibatches of an epoch."""
        if self.is_stream:
            found = int(self.data.cardinality())
            require(self.name, self.data, found > 0, "a finite dataset whose cardinality is known")
            return found
        return len(self.x) // self.batch_size

    def at(self, step):
        """(x [b, …], y [b, …]) of a step: of arrays any, of a dataset only later ones."""
        if self.is_stream:
            return self._advance(step)
        epoch, position = divmod(step, len(self))
        order = self._order(epoch)
        chosen = order[position * self.batch_size : (position + 1) * self.batch_size]
        return self.x[chosen], self.y[chosen]

    def _order(self, epoch):
        """The order of the examples of an epoch; the last one is kept."""
        if self._last[0] != epoch:
            self._last = epoch, np.random.default_rng([self.seed, epoch]).permutation(len(self.x))
        return self._last[1]

    def stack(self, step, number):
        """(x [h, b, …], y [h, b, …]) of `number` steps from one on."""
        xs, ys = zip(*(self.at(step + i) for i in range(number)), strict=True)
        return np.stack(xs), np.stack(ys)

    def _advance(self, step):
        if self._iterator is None or step < self._position:
            self._iterator, self._position = self.data.repeat().as_numpy_iterator(), 0
        while self._position < step:
            next(self._iterator)
            self._position += 1
        self._position += 1
        found = next(self._iterator)
        if self.batch_size is None:
            self.batch_size = len(found[0])
        if len(found[0]) != self.batch_size:
            raise errors.InvalidArgumentError(
                f"Expected minibatches of one size, {self.batch_size}: use `drop_remainder=True`. "
                f"Received: {len(found[0])}."
            )
        return found[:2]


class TrainingBatches:
    """What the steps of a search take: minibatches as each augmentation changes them, and the shares of mixup.

    Args:
        examples: `Examples`.
        augmentations: dict from name to layer or None.
        strengths: tuple of n floats, the candidates of "mixup".
        seed: int ≥ 0.
    """

    def __init__(self, examples, augmentations, strengths, seed):
        self.examples, self.strengths, self.seed = examples, strengths, seed
        self.layers = list(augmentations.values())
        self._augment = [_seeded(layer) for layer in self.layers]

    def stack(self, step, number):
        """(x [h, A, b, …], y [h, b, …], shares [h, n]) of `number` steps from one on."""
        x, y = self.examples.stack(step, number)
        flat = x.reshape(-1, *x.shape[2:])
        versions = [augment(flat, (self.seed, step)).reshape(x.shape) for augment in self._augment]
        shares = draw_shares(np.random.default_rng([self.seed, step]), self.strengths, number)
        return np.stack(versions, axis=1), y, shares


def _seeded(layer):
    """A function of (x [N, …], seed) that gives x as the layer changes it in training, the same for a seed."""
    if layer is None:
        return lambda x, seed: x

    def augment(x, seed):
        if not layer.built:
            layer.build((None, *x.shape[1:]))
        numbers = np.random.SeedSequence(seed).generate_state(2)
        for variable in layer.variables:
            if variable.name.startswith("seed_generator_state"):
                variable.assign(ops.cast(numbers, variable.dtype))
        return keras.ops.convert_to_numpy(layer(x, training=True))

    return augment
