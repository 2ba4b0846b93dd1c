"""Encodings: relaxations and their gradients, entropies, samples, ranks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from keras_hparam.autohas import encodings
from keras_hparam.ops.differentiation import value_and_gradient

SIZES = [3, 1, 2, 4]
SIZE = sum(SIZES)


def softmax(x):
    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


def by_basis(function, vector):
    return np.concatenate([function(part) for part in np.split(vector, np.cumsum(SIZES)[:-1])])


def slopes(function, at, width=1e-3):
    """The gradient by central differences."""
    steps = width * np.eye(len(at))
    return np.array([(function(at + step) - function(at - step)) / (2 * width) for step in steps])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_parts_put_together_are_the_vector(sizes):
    vector = np.arange(2.0 * sum(sizes)).reshape(2, -1)
    parts = encodings.split(vector, sizes)
    assert [part.shape for part in parts] == [(2, size) for size in sizes]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), vector)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_probabilities_are_the_softmax_of_each_basis(temperature, rng):
    logits = rng.normal(size=(2, SIZE)).astype("float32")
    found = np.asarray(encodings.probabilities(logits, SIZES, temperature))
    for row, one in zip(found, logits, strict=True):
        np.testing.assert_allclose(row, by_basis(lambda part: softmax(part / temperature), one), rtol=1e-5)
    np.testing.assert_array_equal(encodings.relaxed(logits, SIZES, "softmax", temperature), found)


def test_gumbel_is_the_softmax_of_noisy_logits_and_nearly_one_hot_when_cold(rng):
    logits, noise = rng.normal(size=SIZE).astype("float32"), rng.gumbel(size=SIZE).astype("float32")
    warm = encodings.relaxed(logits, SIZES, "gumbel", 0.7, noise)
    np.testing.assert_allclose(warm, by_basis(lambda part: softmax(part / 0.7), logits + noise), rtol=1e-5)
    cold = encodings.relaxed(logits, SIZES, "gumbel", 0.005, noise)
    np.testing.assert_allclose(cold, encodings.one_hot(logits + noise, SIZES), atol=1e-5)


def test_straight_through_is_one_hot_with_the_gradient_of_gumbel(rng):
    logits, noise, weights = rng.normal(size=(3, SIZE)).astype("float32")
    found = np.asarray(encodings.relaxed(logits, SIZES, "straight_through", 0.7, noise))
    np.testing.assert_allclose(found, encodings.one_hot(logits + noise, SIZES), atol=1e-6)

    def gradient(relaxation):
        def weighted(logits):
            return ops.sum(weights * encodings.relaxed(logits, SIZES, relaxation, 0.7, noise))

        return np.asarray(value_and_gradient(weighted)(logits)[1])

    def soft(logits):
        return weights.astype("float64") @ by_basis(lambda part: softmax(part / 0.7), logits + noise)

    wanted = slopes(soft, logits.astype("float64"))
    np.testing.assert_allclose(gradient("gumbel"), wanted, atol=1e-5)
    np.testing.assert_allclose(gradient("straight_through"), gradient("gumbel"), atol=1e-6)
    assert np.abs(wanted).max() > 0.05


@pytest.mark.filterwarnings("error::UserWarning")  # Keras warns of a softmax of one number
def test_entropies_are_those_of_each_basis(rng):
    logits = rng.normal(size=SIZE)
    found = np.asarray(encodings.entropies(logits, SIZES))
    parts = np.split(by_basis(softmax, logits), np.cumsum(SIZES)[:-1])
    np.testing.assert_allclose(found, [-(p * np.log(p)).sum() for p in parts], atol=1e-6)
    np.testing.assert_allclose(encodings.entropies(np.zeros(SIZE), SIZES), np.log(SIZES), atol=1e-6)


def test_the_gradient_of_the_entropy_is_that_of_finite_differences(rng):
    logits = 2 * rng.normal(size=SIZE)

    def entropy(logits):
        p = by_basis(softmax, logits)
        return -(p * np.log(p)).sum()

    np.testing.assert_allclose(encodings.entropy_gradient(logits, SIZES), slopes(entropy, logits), atol=1e-6)
    tensor = value_and_gradient(lambda x: ops.sum(encodings.entropies(x, SIZES)))(logits)[1]
    np.testing.assert_allclose(encodings.entropy_gradient(logits, SIZES), tensor, atol=1e-6)


def test_probabilities_of_all_combinations_sum_to_1(rng):
    logits = rng.normal(size=SIZE)
    every = np.array([
        np.concatenate([np.eye(size)[i] for size, i in zip(SIZES, indices, strict=True)])
        for indices in itertools.product(*map(range, SIZES))
    ])  # fmt: skip
    found = np.exp(np.asarray(encodings.log_probability(every, logits, SIZES)))
    assert found.shape == (24,) and found.sum() == pytest.approx(1.0, abs=1e-6)
    wanted = [np.prod(by_basis(softmax, logits)[one > 0]) for one in every]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_samples_are_one_hot_and_as_frequent_as_probable(rng):
    logits = rng.normal(size=SIZE)
    found = encodings.sample(rng, logits, SIZES, 20000)
    assert found.dtype == np.float32 and set(np.unique(found)) == {0.0, 1.0}
    for part in encodings.split(found, SIZES):
        np.testing.assert_array_equal(part.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.mean(axis=0), by_basis(softmax, logits), atol=0.015)
    together = np.mean(found[:, 0] * found[:, 4])  # bases are drawn independently of each other
    assert together == pytest.approx(found[:, 0].mean() * found[:, 4].mean(), abs=0.01)


def test_one_hot_marks_the_largest_of_each_basis():
    scores = np.array([[0.1, 0.3, 0.2, -5.0, 1.0, 2.0, 0, 0, 9, 0], [3, 2, 1, 0, 1, 0, 1, 2, 3, 4]])
    wanted = [[0, 1, 0, 1, 0, 1, 0, 0, 1, 0], [1, 0, 0, 1, 1, 0, 0, 0, 0, 1]]
    np.testing.assert_array_equal(encodings.one_hot(scores, SIZES), wanted)


@pytest.mark.parametrize(
    "losses, rewards",
    [
        ([3.0, 1.0, 2.0], [-0.5, 0.5, 0.0]),
        ([1.0, 1.0, 2.0], [0.25, 0.25, -0.5]),
        ([1.0, np.nan, 2.0], [0.5, -0.5, 0.0]),
        ([np.nan, 1.0, np.inf, np.nan], [-0.5, 0.5, -0.5, -0.5]),
        ([2.0, 2.0], [0.0, 0.0]),
        ([7.0], [0.5]),
        ([], []),
    ],
)
def test_rewards_are_ranks_that_ties_share_and_what_is_not_finite_is_last(losses, rewards):
    np.testing.assert_allclose(encodings.rank_rewards(np.array(losses)), rewards)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_rewards_have_the_mean_0_and_know_the_order_only(losses):
    losses = np.array(losses)
    found = encodings.rank_rewards(losses)
    assert found.mean() == pytest.approx(0.0, abs=1e-12) and np.abs(found).max() <= 0.5
    np.testing.assert_array_equal(np.sign(found[:, None] - found), np.sign(losses - losses[:, None]))
