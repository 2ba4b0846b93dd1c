"""Axes: M candidates, n examples, C classes, D targets."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from keras_hparam import errors
from keras_hparam.ensembles import held_out
from keras_hparam.ensembles.network_store import digest

X, Y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 2, 0, 1])


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = slice(3 * index, 3 * index + 3)
        return X[rows], Y[rows]


@pytest.mark.parametrize(
    "data",
    [
        lambda: (X, Y),
        lambda: [X, Y, np.ones(5)],
        lambda: (tf.constant(X), tf.constant(Y)),
        lambda: tf.data.Dataset.from_tensor_slices((X, Y)).batch(2),
        Batches,
    ],
    ids=["arrays", "weights", "tensors", "dataset", "py_dataset"],
)
def test_all_forms_of_data_become_the_same_arrays(data):
    inputs, labels = held_out.held_out(data())
    np.testing.assert_array_equal(inputs, X)
    np.testing.assert_array_equal(labels, Y)


def test_inputs_keep_their_structure():
    batches = tf.data.Dataset.from_tensor_slices(({"a": X, "b": Y}, Y)).batch(2)
    inputs, _ = held_out.held_out(batches)
    np.testing.assert_array_equal(inputs["a"], X)
    np.testing.assert_array_equal(inputs["b"], Y)


@pytest.mark.parametrize(
    "data",
    [
        lambda: (X,),
        lambda: (X, None),
        lambda: (X, [Y, Y]),
        lambda: (X[:4], Y),
        lambda: (X[:0], Y[:0]),
        lambda: tf.data.Dataset.from_tensor_slices(X).batch(2),
        lambda: tf.data.Dataset.from_tensor_slices((X, Y)).batch(2).repeat(),
        lambda: "data",
    ],
    ids=["no_labels", "none", "two_labels", "lengths", "empty", "inputs_alone", "infinite", "text"],
)
def test_other_data_is_refused(data):
    with pytest.raises(errors.InvalidArgumentError, match="validation_data.*Received"):
        held_out.held_out(data())


def binary_nll(probability, events):
    return -stats.bernoulli.logpmf(events, probability).mean()


def test_a_single_event(rng):
    logits, events = rng.standard_normal((3, 6, 1)), rng.integers(2, size=(6, 1))
    found = held_out.select(logits, events, "binary_logits", None, 1)
    losses = [binary_nll(special.expit(one), events) for one in logits]
    assert found.members == (int(np.argmin(losses)),)
    assert found.losses[0] == pytest.approx(min(losses), rel=1e-5)


def test_several_events_of_an_example(rng):
    probabilities, events = rng.uniform(size=(3, 6, 4)), rng.integers(2, size=(6, 4))
    found = held_out.select(probabilities, events, "binary_probabilities", None, 1)
    assert found.losses[0] == pytest.approx(min(binary_nll(one, events) for one in probabilities), rel=1e-5)


@pytest.mark.parametrize("one_hot", [False, True])
def test_steps_of_a_sequence_are_examples(rng, one_hot):
    logits, classes = rng.standard_normal((3, 4, 5, 3)), rng.integers(3, size=(4, 5))
    chosen = np.take_along_axis(special.log_softmax(logits, axis=-1), classes[None, ..., None], axis=-1)
    labels = np.eye(3)[classes] if one_hot else classes
    found = held_out.select(logits, labels, "logits", "nll", 1)
    assert found.losses[0] == pytest.approx(min(-chosen.mean(axis=(1, 2, 3))), rel=1e-5)


@pytest.mark.parametrize("loss", [None, "nll"])
def test_normal_distributions(rng, loss):
    members, targets = rng.standard_normal((3, 6, 2)), rng.standard_normal(6)
    losses = [-stats.norm.logpdf(targets, one[:, 0], np.exp(0.5 * one[:, 1])).mean() for one in members]
    assert held_out.select(members, targets, "gaussian", loss, 1).losses[0] == pytest.approx(min(losses))


def test_points(rng):
    members, targets = rng.standard_normal((3, 6, 1)), rng.standard_normal(6)
    losses = np.square(members[..., 0] - targets).mean(axis=1)
    assert held_out.select(members, targets, "point", None, 1).losses[0] == pytest.approx(losses.min())


def test_what_is_not_finite_is_found():
    assert held_out.finite([np.zeros((2, 1)), np.array([[0.0], [np.nan]]), np.array([[np.inf]]), np.ones(2)]) == [0, 3]


def test_digests_depend_on_content_alone():
    values = [{"a": X, "b": [1, 2.5, None]}, {"b": [1, 2.5, None], "a": X.copy()}]
    assert digest(values[0]) == digest(values[1])
    others = [{"a": X + 1}, {"a": X.reshape(2, 5)}, {"a": X.astype("float32")}, {"b": X}, [X], [X, X], [[X], X], 1, "1"]
    assert len({digest(other) for other in [*others, values[0]]}) == len(others) + 1
