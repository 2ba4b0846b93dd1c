"""The held-out examples that move the bounds of the hyperparameters' distributions: where they come from."""

import logging
import math

import numpy as np
import tensorflow as tf
from keras import tree

from keras_hparam import errors

KERAS_BATCH_SIZE = 32
_LOGGER = logging.getLogger(__name__)


def hold_out(x, y, sample_weight, share, seed):
    """Takes a share of the training data for tuning, and says so.

    Args:
        x, y, sample_weight: as `fit` takes them: (structures of) arrays, or a `tf.data.Dataset` as x alone.
        share: number in (0, 1), rounded up to whole examples (of a dataset: batches).
        seed: int, of the permutation of arrays.

    Returns:
        ((x, y, sample_weight), tuning data): the rest, and what was taken, in forms that `fit` and `tensors` take.

    Raises:
        InvalidArgumentError: for other kinds of data, or too few of them.
    """
    if not 0 < share < 1:
        raise errors.InvalidArgumentError(f"Expected `tuning_split` in (0, 1). Received: {share!r}.")
    if isinstance(x, tf.data.Dataset):
        return _hold_out_batches(x, share)
    if y is None or not all(hasattr(array, "shape") for array in tree.flatten(x)):
        raise errors.InvalidArgumentError(
            f"Expected `tuning_data`, or arrays or a tf.data.Dataset to take it from. Received: x of type {type(x)}."
        )
    size = int(tree.flatten(x)[0].shape[0])
    count = math.ceil(share * size)
    if count >= size:
        raise errors.InvalidArgumentError(f"Expected more examples than are held out for tuning. Received: {size}.")
    order = np.random.default_rng(seed).permutation(size)
    _LOGGER.warning(
        "No `tuning_data` was given: %d of the %d training examples are held out to tune the hyperparameters.",
        *(count, size),
    )
    taken, rest = np.sort(order[:count]), np.sort(order[count:])
    data = (x, y) if sample_weight is None else (x, y, sample_weight)
    held_out, kept = (tree.map_structure(lambda array, rows=rows: _rows(array, rows), data) for rows in (taken, rest))
    return (*kept, *[None] * (3 - len(kept))), held_out


def _rows(array, rows):
    return tf.gather(array, rows) if tf.is_tensor(array) else np.asarray(array)[rows]


def _hold_out_batches(dataset, share):
    batches = int(dataset.cardinality())
    if batches < 2:
        raise errors.InvalidArgumentError(
            "Expected `tuning_data`, or a tf.data.Dataset with a known number of at least 2 batches to take it from. "
            f"Received: a dataset of cardinality {batches}."
        )
    count = math.ceil(share * batches)
    _LOGGER.warning(
        "No `tuning_data` was given: the first %d of the %d training batches are held out to tune the hyperparameters. "
        "They stay apart only if the dataset gives the same batches each time; otherwise pass `tuning_data`.",
        *(count, batches),
    )
    return (dataset.skip(count), None, None), dataset.take(count)


def batch_size_of(x):
    """The number of examples in the batches that `fit` makes of x where it is given no `batch_size`.

    Args:
        x: as `fit` takes it. Of a `tf.data.Dataset` the first batch tells; of arrays and of generators it is Keras' own
            default, 32.
    """
    if not isinstance(x, tf.data.Dataset):
        return KERAS_BATCH_SIZE
    known = tree.flatten(x.element_spec)[0].shape[0]
    return known or int(tf.shape(tree.flatten(next(iter(x)))[0])[0])


def tensors(data):
    """Tuning data in memory.

    Args:
        data: (x, y) or (x, y, sample_weight) of arrays, or a finite `tf.data.Dataset` of batches of these.

    Returns:
        (x, y) or (x, y, sample_weight) of tensors with one length.

    Raises:
        InvalidArgumentError: for anything else.
    """
    if isinstance(data, tf.data.Dataset):
        if int(data.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise errors.InvalidArgumentError("Expected finite `tuning_data`: they stay in memory. Received: infinite.")
        batches = list(data)
        if not batches:
            raise errors.InvalidArgumentError("Expected `tuning_data` with examples. Received: an empty dataset.")
        data = tree.map_structure(lambda *parts: tf.concat(parts, axis=0), *batches)
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise errors.InvalidArgumentError(
            f"Expected `tuning_data` to be (x, y), (x, y, sample_weight) or a tf.data.Dataset. Received: {type(data)}."
        )
    data = tuple(tree.map_structure(tf.convert_to_tensor, part) for part in data)
    sizes = {int(tensor.shape[0]) for tensor in tree.flatten(data)}
    if len(sizes) != 1 or 0 in sizes:
        raise errors.InvalidArgumentError(f"Expected `tuning_data` of one length, not 0. Received: lengths {sizes}.")
    return data
