"""Held-out data: disjoint, complete, repeatable, and said."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from keras_hparam import errors
from keras_hparam.ensembles import tuning_data

X, Y = np.arange(40, dtype="float32").reshape(40, 1), np.arange(40)


def dataset(change=lambda found: found):
    """A callable: nothing of TensorFlow is used while the module is imported."""
    return lambda: change(tf.data.Dataset.from_tensor_slices((X, Y)).batch(4))


def made(data):
    return data() if callable(data) else data


def test_arrays_are_divided_without_loss(caplog):
    with caplog.at_level(logging.WARNING):
        (x, y, weight), (held_x, held_y) = tuning_data.hold_out(X, Y, None, 0.05, seed=0)
    assert "2 of the 40 training examples are held out" in caplog.text
    assert weight is None and len(held_x) == 2
    np.testing.assert_array_equal(np.sort(np.concatenate([y, held_y])), Y)
    np.testing.assert_array_equal(x[:, 0], y)
    again = tuning_data.hold_out(X, Y, None, 0.05, seed=0)[1][1]
    assert held_y.tolist() == again.tolist() != tuning_data.hold_out(X, Y, None, 0.05, seed=1)[1][1].tolist()


def test_structures_and_weights_are_divided_alike():
    x, y = {"a": X, "b": tf.constant(X)}, [Y, Y]
    (x, y, weight), held = tuning_data.hold_out(x, y, Y / 40, 0.25, seed=3)
    for array in (x["a"][:, 0], x["b"][:, 0], *y, weight * 40):
        np.testing.assert_allclose(array, y[0])
    assert len(held) == 3 and len(held[2]) == 10


def test_batches_of_a_dataset_are_divided():
    (rest, _, _), held = tuning_data.hold_out(dataset()(), None, None, 0.15, seed=0)
    assert [int(y[0]) for _, y in held] == [0, 4] and len(list(rest)) == 8
    x, y = tuning_data.tensors(held)
    np.testing.assert_array_equal(y, np.arange(8))


def test_the_size_of_batches_is_that_of_the_dataset():
    found = dataset()()
    assert tuning_data.batch_size_of(found) == 4  # the last batch may be smaller: the static size is unknown
    assert tuning_data.batch_size_of(found.unbatch().batch(5, drop_remainder=True)) == 5
    assert tuning_data.batch_size_of(X) == 32


@pytest.mark.parametrize(
    "x, y, share, message",
    [
        (X, Y, 0.0, "`tuning_split` in"),
        (X, Y, 1.0, "`tuning_split` in"),
        (X[:1], Y[:1], 0.5, "more examples than are held out"),
        (X, None, 0.1, "`tuning_data`, or arrays"),
        (iter([]), None, 0.1, "`tuning_data`, or arrays"),
        (dataset(lambda found: found.repeat()), None, 0.1, "known number"),
    ],
)
def test_what_cannot_be_divided_is_refused(x, y, share, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        tuning_data.hold_out(made(x), y, None, share, seed=0)


@pytest.mark.parametrize(
    "data, message",
    [
        (X, "Expected `tuning_data` to be"),
        ((X, Y[:3]), "one length"),
        ((X[:0], Y[:0]), "one length, not 0"),
        (dataset(lambda found: found.repeat()), "infinite"),
        (dataset(lambda found: found.take(0)), "empty dataset"),
    ],
)
def test_tuning_data_of_another_form_are_refused(data, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        tuning_data.tensors(made(data))
