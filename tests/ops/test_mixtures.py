"""Averages of members against the averages of what they stand for."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from keras_hparam.ops import mixtures

SHARES = np.asarray([0.5, 0.3, 0.2]).reshape(3, 1, 1)


def test_logits_become_the_logits_of_averaged_probabilities(rng):
    logits = 5 * rng.standard_normal((3, 4, 5))
    expected = np.log((SHARES * special.softmax(logits, -1)).sum(0))
    np.testing.assert_allclose(mixtures.mean_logits(logits, SHARES), expected, rtol=1e-9)
    expected = special.logit((SHARES * special.expit(logits)).sum(0))
    np.testing.assert_allclose(mixtures.mean_binary_logits(logits, SHARES), expected, rtol=1e-9)


def test_extreme_logits_stay_exact():
    far = tf.constant([[[0.0, -500.0]], [[0.0, -400.0]]])
    halves = np.full((2, 1, 1), 0.5, "float32")
    np.testing.assert_allclose(mixtures.mean_logits(far, halves), [[0.0, -400.0 - np.log(2)]], rtol=1e-6)
    far = tf.constant([[[-500.0]], [[-400.0]]])
    np.testing.assert_allclose(mixtures.mean_binary_logits(far, halves), [[-400.0 - np.log(2)]], rtol=1e-6)
    np.testing.assert_allclose(mixtures.mean_binary_logits(-far, halves), [[400.0 + np.log(2)]], rtol=1e-6)


@pytest.mark.parametrize("spread", [0.0, 1e-3, 100.0])
def test_moments_of_a_mixture_of_normals(rng, spread):
    means, log_variances = spread * rng.standard_normal((3, 4, 2)), rng.standard_normal((3, 4, 2)) - 3
    mean, log_variance = mixtures.matched_moments(means, log_variances, SHARES)
    second = (SHARES * (np.exp(log_variances) + means**2)).sum(0)
    np.testing.assert_allclose(mean, (SHARES * means).sum(0), atol=1e-12)
    np.testing.assert_allclose(np.exp(log_variance), second - np.square(mean), rtol=1e-8)


@pytest.mark.parametrize("function", ["mean_logits", "mean_binary_logits", "moments"])
def test_gradients_are_finite_where_members_agree_or_do_not_count(function):
    members, shares = tf.zeros((3, 2, 2)), tf.constant([0.5, 0.5, 0.0])[:, None, None]
    with tf.GradientTape() as tape:
        tape.watch(members)
        if function == "moments":
            result = mixtures.matched_moments(members, members - 200.0, shares)  # variances that underflow
        else:
            result = getattr(mixtures, function)(members, shares)[..., :1]
        total = tf.reduce_sum(result)
    gradient = tape.gradient(total, members).numpy()
    assert np.isfinite(gradient).all() and (gradient[2] == 0).all() and (gradient[:2, :, 0] > 0).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.data())
def test_the_farthest_values_are_left_out(seed, size, data):
    values = np.random.default_rng(seed).standard_normal((size, 5))
    trim = data.draw(st.integers(0, size - 1))
    shares = mixtures.trimmed_shares(values, trim).numpy()
    for column, share in zip(values.T, shares.T, strict=True):
        order = sorted(range(size), key=lambda k: (abs(column[k] - np.median(column)), k))
        expected = np.zeros(size)
        expected[order[: size - trim]] = 1 / (size - trim)
        np.testing.assert_allclose(share, expected)


def test_of_equally_far_values_the_last_are_left_out():
    np.testing.assert_allclose(mixtures.trimmed_shares([[0.0], [1.0], [2.0]], 1)[:, 0], [0.5, 0.5, 0.0])
    np.testing.assert_allclose(mixtures.trimmed_shares([[2.0], [2.0], [2.0], [2.0]], 1)[:, 0], [1 / 3] * 3 + [0.0])
