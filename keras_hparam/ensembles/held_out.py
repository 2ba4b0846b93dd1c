"""Held-out examples in memory: inputs, and labels to compare predictions with.

Axes: M candidates, n examples, C classes.
"""

import itertools

import keras
import numpy as np
from keras import tree

from keras_hparam import errors
from keras_hparam.ensembles import outputs, selection

_LOSSES = {"gaussian": "gaussian_nll", "point": "mse"}


def held_out(validation_data):
    """(inputs, labels): arrays of n examples, the inputs in the structure that the networks take.

    Args:
        validation_data: (x, y) or (x, y, sample_weight) of arrays, or batches of these: a finite `tf.data.Dataset`, a
            `keras.utils.PyDataset`. Weights of examples have no part in a selection.

    Raises:
        InvalidArgumentError: for anything else, no examples, or numbers of inputs and labels that differ.
    """
    if not isinstance(validation_data, tuple | list):
        validation_data = _joined(validation_data)
    if len(validation_data) not in (2, 3) or tree.is_nested(validation_data[1]) or validation_data[1] is None:
        raise errors.InvalidArgumentError(
            "Expected `validation_data` (x, y) or (x, y, sample_weight), with one array of labels. "
            f"Received: {len(validation_data)} parts of types {[type(part).__name__ for part in validation_data]}."
        )
    inputs, labels = (tree.map_structure(_array, part) for part in validation_data[:2])
    sizes = {array.shape[:1] for array in tree.flatten((inputs, labels))}
    if len(sizes) != 1 or not min(sizes) or not min(sizes)[0]:
        raise errors.InvalidArgumentError(
            f"Expected `validation_data` with as many labels as inputs, at least 1. Received: {sorted(sizes)}."
        )
    return inputs, labels


def _joined(batches):
    cardinality = getattr(batches, "cardinality", None)
    if isinstance(batches, keras.utils.PyDataset):
        parts = [batches[index] for index in range(batches.num_batches)]
    elif cardinality is not None and int(cardinality()) != -1:  # tf.data.INFINITE_CARDINALITY
        parts = list(batches)
    else:
        raise errors.InvalidArgumentError(
            "Expected `validation_data` to be (x, y), a finite tf.data.Dataset or a PyDataset: a hyper-deep ensemble "
            f"is selected on it. Received: {batches!r}."
        )
    if not parts or not all(isinstance(part, tuple | list) for part in parts):
        raise errors.InvalidArgumentError("Expected batches (x, y) in `validation_data`. Received: others, or none.")
    arrays = (tree.map_structure(_array, tuple(part)) for part in parts)
    return tree.map_structure(lambda *columns: np.concatenate(columns), *arrays)


def _array(value):
    return value if isinstance(value, np.ndarray) else keras.ops.convert_to_numpy(value)


def loss_of_kind(loss, kind):
    """The loss of `greedy_selection` for a kind of output; None, and "nll", stand for its negative log-likelihood.

    Points have no likelihood: None stands for "mse".
    """
    fits = loss is None or (loss == "nll" and kind == "gaussian")
    return _LOSSES.get(kind, "nll") if fits else loss


def select(predictions, labels, kind, loss, size, **arguments):
    """The greedy selection among M networks.

    Args:
        predictions: [M, n, …], the networks' outputs.
        labels: [n, …].
        kind: one of `outputs.OUTPUT_KINDS`. Outputs with classes become probabilities.
        loss, size, **arguments: of `selection.greedy_selection`.

    Raises:
        InvalidArgumentError: as of `greedy_selection`, for instance for labels of another shape.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if kind not in ("gaussian", "point"):
        predictions = keras.ops.convert_to_numpy(outputs.to_probabilities(predictions, kind))
        predictions, labels = _by_example(predictions, labels)
    return selection.greedy_selection(predictions, labels, size, loss_of_kind(loss, kind), **arguments)


def _by_example(probabilities, labels):
    """[M, n·…, C] and [n·…] (or [n·…, C]): what stands between n and C, such as time, is examples as well."""
    if probabilities.ndim == 3:
        return probabilities, labels
    examples, classes = probabilities.shape[1:-1], probabilities.shape[-1]
    if labels.shape in (examples, (*examples, 1)):
        labels = labels.reshape(-1)
    elif labels.shape == (*examples, classes):
        labels = labels.reshape(-1, classes)
    return probabilities.reshape(len(probabilities), -1, classes), labels


def finite(predictions):
    """Indices of the networks whose predictions, [n, …] each, are all finite."""
    return list(itertools.compress(range(len(predictions)), [bool(np.isfinite(one).all()) for one in predictions]))
