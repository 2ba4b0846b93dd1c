"""Minibatches: functions of (seed, step) for arrays, in order for datasets; augmentations, shares, refusals."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.autohas.batches import Examples, TrainingBatches

X = np.arange(22.0, dtype="float32").reshape(11, 2)
Y = np.arange(11)


def examples(batch_size=3, seed=0):
    return Examples("train", (X, Y), batch_size, seed)


def dataset(batch_size=3, repeat=False, drop_remainder=True):
    import tensorflow as tf

    found = tf.data.Dataset.from_tensor_slices((X, Y)).batch(batch_size, drop_remainder=drop_remainder)
    return found.repeat() if repeat else found


class Marked(keras.layers.Layer):
    """Adds random numbers in training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(7)

    def call(self, x, training=None):
        return x + keras.random.uniform(keras.ops.shape(x), seed=self.generator) if training else x


def test_an_epoch_has_each_example_at_most_once_and_epochs_differ():
    one, orders = examples(), []
    assert len(one) == 3
    for epoch in range(4):
        steps = [one.at(3 * epoch + i) for i in range(3)]
        labels = np.concatenate([y for _, y in steps])
        assert len(set(labels)) == 9
        np.testing.assert_array_equal(np.concatenate([x for x, _ in steps]), X[labels])
        orders.append(tuple(labels))
    assert len(set(orders)) == 4


def test_a_minibatch_depends_on_seed_and_step_alone():
    forwards, backwards = [examples().at(i)[1] for i in range(8)], [examples().at(i)[1] for i in reversed(range(8))]
    np.testing.assert_array_equal(forwards, backwards[::-1])
    assert not np.array_equal(forwards, [examples(seed=1).at(i)[1] for i in range(8)])


def test_a_stack_holds_the_minibatches_of_consecutive_steps():
    x, y = examples().stack(5, 4)
    assert x.shape == (4, 3, 2) and y.shape == (4, 3)
    for i in range(4):
        np.testing.assert_array_equal(y[i], examples().at(5 + i)[1])


@pytest.mark.parametrize("steps", [range(7), [0, 3, 1, 1, 6]])
def test_a_dataset_gives_its_minibatches_in_order_and_from_the_start_again(steps):
    found = Examples("train", dataset(), 32, 0)
    assert len(found) == 3
    for step in steps:
        begin = 3 * (step % 3)
        x, y = found.at(step)
        np.testing.assert_array_equal(y, Y[begin : begin + 3])
        np.testing.assert_array_equal(x, X[begin : begin + 3])


def test_minibatches_of_a_dataset_are_of_one_size():
    found = Examples("train", dataset(drop_remainder=False), 32, 0)
    with pytest.raises(errors.InvalidArgumentError, match="Expected minibatches of one size, 3: .*Received: 2"):
        found.stack(0, 4)


def test_a_dataset_without_a_minibatch_or_a_known_end_is_refused():
    with pytest.raises(
        errors.InvalidArgumentError, match="Expected `train` to be .*at least one minibatch. Received: "
    ):
        Examples("train", dataset(12), 3, 0)
    endless = Examples("train", dataset(repeat=True), 3, 0)
    np.testing.assert_array_equal(endless.at(4)[1], Y[3:6])
    with pytest.raises(errors.InvalidArgumentError, match="Expected `train` to be a finite dataset.* Received: "):
        len(endless)


@pytest.mark.parametrize(
    "data, batch_size, message",
    [
        ((X, Y), 12, "Expected `train` to be at least `batch_size`, 12, examples. Received: 11"),
        ((X, Y[:-1]), 3, r"Expected `train` .*equally many.*Received: \(11, 10\)"),
        ((X, Y), 0, "Expected `batch_size` to be an int >= 1. Received: 0"),
        ((X, Y), 2.0, "Expected `batch_size`"),
        (X, 3, "Expected `train` to be .x, y."),
        ((X,), 3, "Expected `train` to be .x, y."),
        (None, 3, "Expected `train` to be .x, y.*Received: None"),
        ((None, Y), 3, "Expected `train` to be .x, y."),
    ],
)
def test_what_is_no_data_is_refused(data, batch_size, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        Examples("train", data, batch_size, 0)


def test_each_augmentation_changes_the_same_minibatches():
    augmentations = {"none": None, "double": keras.layers.Rescaling(2.0), "marked": Marked()}
    x, y, shares = TrainingBatches(examples(), augmentations, (0.0,), 0).stack(2, 4)
    plain, labels = examples().stack(2, 4)
    assert x.shape == (4, 3, 3, 2)
    np.testing.assert_array_equal(y, labels)
    np.testing.assert_array_equal(x[:, 0], plain)
    np.testing.assert_array_equal(x[:, 1], 2 * plain)
    assert len(set((x[:, 2] - plain).round(4).ravel())) > 20 and np.all((x[:, 2] >= plain) & (x[:, 2] <= plain + 1))
    np.testing.assert_array_equal(shares, np.ones((4, 1)))


def test_random_augmentations_and_shares_depend_on_seed_and_step_alone():
    def drawn(batches, *steps):
        return [batches.stack(step, 2) for step in steps][-1]

    def made(seed=0):
        return TrainingBatches(examples(), {"marked": Marked()}, (0.0, 0.3), seed)

    x, _, shares = drawn(made(), 4)
    again, _, same = drawn(made(), 0, 9, 4)
    np.testing.assert_array_equal(again, x)
    np.testing.assert_array_equal(same, shares)
    for other, _, different in (drawn(made(), 2), drawn(made(seed=1), 4)):
        assert not np.array_equal(other - np.floor(other), x - np.floor(x))
        assert not np.array_equal(different[:, 1], shares[:, 1])
    np.testing.assert_array_equal(shares[:, 0], 1.0)


def test_layers_of_keras_are_seeded_too():
    def augmented(step):
        layer = keras.Sequential([keras.layers.RandomFlip(), keras.layers.RandomTranslation(0.3, 0.3)])
        images = np.random.default_rng(0).uniform(size=(8, 5, 5, 1)).astype("float32")
        return TrainingBatches(Examples("train", (images, np.arange(8)), 8, 0), {"moved": layer}, (0.0,), 0).stack(
            step, 1
        )

    first, again, other = augmented(3)[0], augmented(3)[0], augmented(8)[0]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(np.sort(first, axis=None), np.sort(other, axis=None))
