"""Measures of uncertainty against SciPy, loops, sampling and finite differences."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from keras_hparam import errors
from keras_hparam.ops import uncertainty

MEASURES = (uncertainty.predictive_entropy, uncertainty.mutual_information, uncertainty.kl_to_mean,
            uncertainty.score_range, uncertainty.variance)  # fmt: skip


@pytest.fixture
def members(rng):
    return rng.dirichlet(np.ones(3), size=(4, 6))  # [K, n, C]


def slow(members, weights):
    """Every measure, from SciPy's entropies."""
    size = len(members)
    mean = np.average(members, axis=0, weights=weights)
    entropies = np.stack([stats.entropy(member, axis=-1) for member in members])
    divergences = np.stack([stats.entropy(member, mean, axis=-1) for member in members])
    return (
        stats.entropy(mean, axis=-1),
        stats.entropy(mean, axis=-1) - np.average(entropies, axis=0, weights=weights),
        size * np.average(divergences, axis=0, weights=weights),
        members.max((0, 2)) - members.min((0, 2)),
        np.average((members - mean) ** 2, axis=0, weights=weights).sum(-1),
    )


@pytest.mark.parametrize("weights", [None, [0.1, 0.2, 0.3, 0.4]])
def test_measures_are_those_of_scipy(members, weights):
    for measure, expected in zip(MEASURES, slow(members, weights), strict=True):
        np.testing.assert_allclose(measure(members, weights=weights), expected, rtol=1e-9)


def test_a_member_of_weight_two_is_two_members(members):
    twice, weights = members[[0, 1, 1, 2]], [0.25, 0.5, 0.25]
    for measure in MEASURES:
        scale = 3 / 4 if measure is uncertainty.kl_to_mean else 1.0  # a sum over members
        np.testing.assert_allclose(measure(members[:3], weights=weights), scale * measure(twice).numpy(), rtol=1e-9)


def test_a_member_of_weight_zero_does_not_count(members):
    stranger = np.zeros((1, *members.shape[1:]))
    stranger[..., 0] = 1.0
    certain = np.zeros_like(members)
    certain[..., 1] = 1.0  # so that the mean is 0 where the stranger is 1
    for others in (members, certain):
        weights = [0.25] * 4 + [0.0]
        for measure in MEASURES:
            scale = 5 / 4 if measure is uncertainty.kl_to_mean else 1.0
            found = measure(np.concatenate([others, stranger]), weights=weights)
            np.testing.assert_allclose(found, scale * measure(others).numpy(), rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.3, 3.0]))
def test_bounds_and_identities(seed, concentration):
    members = np.random.default_rng(seed).dirichlet(np.full(3, concentration), size=(4, 5))
    total, mutual, divergence = (measure(members).numpy() for measure in MEASURES[:3])
    assert (mutual >= 0).all() and (mutual <= total + 1e-12).all() and (mutual <= np.log(4) + 1e-12).all()
    assert (total <= np.log(3) + 1e-12).all()
    np.testing.assert_allclose(divergence, 4 * mutual, atol=1e-9)


def test_members_of_one_mind_do_not_differ(members):
    same = np.repeat(members[:1], 4, axis=0).astype("float32")
    np.testing.assert_array_less(uncertainty.mutual_information(same), 1e-6)
    np.testing.assert_array_less(uncertainty.kl_to_mean(same), 1e-6)
    np.testing.assert_allclose(uncertainty.variance(same), 0.0, atol=1e-12)
    np.testing.assert_allclose(uncertainty.predictive_entropy(same), stats.entropy(members[0], axis=-1), rtol=1e-5)


def test_members_that_are_certain_of_different_classes():
    members = np.eye(3)[:, None]  # [K, 1, C]
    values = [float(measure(members)[0]) for measure in MEASURES]
    np.testing.assert_allclose(values, [np.log(3), np.log(3), 3 * np.log(3), 1.0, 2 / 3])


@pytest.mark.parametrize("measure", MEASURES[:3])
def test_gradients_are_finite_at_zero_and_exact_elsewhere(members, measure):
    def gradient(values):
        values = tf.constant(values)
        with tf.GradientTape() as tape:
            tape.watch(values)
            result = tf.reduce_sum(measure(values))
        return tape.gradient(result, values).numpy()

    certain = np.zeros_like(members)
    certain[..., 1] = 1.0
    for values in (certain, np.concatenate([certain[:2], members[2:]])):
        assert np.isfinite(gradient(values)).all() and np.isfinite(measure(values)).all()
    exact = gradient(members)
    for index in [(0, 0, 0), (1, 3, 2), (3, 5, 1)]:
        moved = [members.copy(), members.copy()]
        moved[0][index] += 1e-6
        moved[1][index] -= 1e-6
        up, down = (float(tf.reduce_sum(measure(one))) for one in moved)
        assert exact[index] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-7)


def test_score_range_of_chosen_classes(members):
    for classes in ([0], [2, 0], [1, 1]):
        chosen = members[..., classes]
        highest = np.max([[row.max() for row in member] for member in chosen], axis=0)
        lowest = np.min([[row.min() for row in member] for member in chosen], axis=0)
        np.testing.assert_allclose(uncertainty.score_range(members, classes), highest - lowest)
    for classes in ([], [3], [-1], [0.5], ["a"]):
        with pytest.raises(errors.InvalidArgumentError, match="`classes` to be some of 0..2.*Received"):
            uncertainty.score_range(members, classes)


def test_aleatoric_and_epistemic_variance_are_the_mixture_s(rng):
    means, log_variances = rng.standard_normal((3, 2, 1)), rng.standard_normal((3, 2, 1))
    draws = rng.normal(means, np.exp(log_variances / 2), size=(400_000, 3, 2, 1))
    sampled = draws.transpose(1, 0, 2, 3).reshape(-1, 2).var(axis=0)
    total = uncertainty.variance(means) + uncertainty.aleatoric_variance(log_variances)
    np.testing.assert_allclose(total, sampled, rtol=0.02)
