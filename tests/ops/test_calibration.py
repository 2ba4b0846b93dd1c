"""Scores of probabilities against closed forms, loops and SciPy."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from keras_hparam import errors
from keras_hparam.ops import calibration


def slow_calibration_error(labels, probabilities, num_bins, weights):
    """Bins (m / B, (m + 1) / B] one by one, with 0 in the lowest."""
    confidence, predicted = probabilities.max(-1), probabilities.argmax(-1)
    total = 0.0
    for index in range(num_bins):
        inside = (confidence > index / num_bins) & (confidence <= (index + 1) / num_bins)
        if weights[inside].sum() > 0:
            accuracy = np.average(predicted[inside] == labels[inside], weights=weights[inside])
            gap = abs(accuracy - np.average(confidence[inside], weights=weights[inside]))
            total += weights[inside].sum() * gap
    return total / weights.sum()


@pytest.mark.parametrize("num_bins", [1, 2, 15, 100])
def test_calibration_error_is_that_of_a_loop_over_bins(rng, num_bins):
    probabilities = rng.dirichlet(np.full(4, 0.5), size=300)
    labels, weights = rng.integers(4, size=300), rng.random(300)
    for weight in (weights, np.ones(300)):
        found = calibration.expected_calibration_error(labels, probabilities, num_bins, weight)
        assert float(found) == pytest.approx(slow_calibration_error(labels, probabilities, num_bins, weight), rel=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_edge_belongs_to_the_bin_below(dtype):
    for num_bins in (2, 3, 5, 7, 15, 20):
        confidence = (np.arange((num_bins + 1) // 2, num_bins + 1) / num_bins).astype(dtype)
        confidence = confidence[confidence >= 0.5]
        probabilities = np.stack([confidence, 1 - confidence], axis=-1)
        counts, _, _ = calibration.calibration_sums(np.zeros(len(confidence), int), probabilities, num_bins)
        expected = np.zeros(num_bins)
        expected[[round(float(one) * num_bins) - 1 for one in confidence]] = 1
        np.testing.assert_array_equal(counts, expected)


def test_calibrated_predictions_have_no_error_and_wrong_ones_their_confidence():
    probabilities = np.tile([[0.75, 0.25]], (8, 1))
    assert float(calibration.expected_calibration_error([0] * 6 + [1] * 2, probabilities)) == pytest.approx(0.0)
    assert float(calibration.expected_calibration_error([1] * 8, probabilities)) == pytest.approx(0.75)
    assert float(calibration.calibration_error(*tf.zeros((3, 5)))) == 0.0


def test_brier_score_is_the_squared_distance_of_the_label(rng):
    probabilities, labels = rng.dirichlet(np.ones(3), size=5), rng.integers(3, size=5)
    expected = [sum((p - (c == label)) ** 2 for c, p in enumerate(row))
                for row, label in zip(probabilities, labels, strict=True)]  # fmt: skip
    for given in (labels, labels[:, None], np.eye(3)[labels]):
        np.testing.assert_allclose(calibration.brier_score(given, probabilities), expected, rtol=1e-12)
    np.testing.assert_allclose(calibration.brier_score([0, 0], [[1.0, 0.0], [0.0, 1.0]]), [0.0, 2.0])


def test_negative_log_likelihood_of_probabilities_and_logits(rng):
    logits, labels = rng.standard_normal((5, 3)), rng.integers(3, size=5)
    expected = -np.log(special.softmax(logits, -1))[np.arange(5), labels]
    np.testing.assert_allclose(calibration.negative_log_likelihood(labels, logits, from_logits=True), expected)
    np.testing.assert_allclose(calibration.negative_log_likelihood(labels, special.softmax(logits, -1)), expected)
    soft = rng.dirichlet(np.ones(3), size=5)
    cross_entropy = -(soft * np.log(special.softmax(logits, -1))).sum(-1)
    np.testing.assert_allclose(calibration.negative_log_likelihood(soft, logits, from_logits=True), cross_entropy)


def test_an_impossible_label_costs_a_finite_likelihood():
    value = calibration.negative_log_likelihood([1, 0], tf.constant([[1.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose(value, [87.3, 0.0], atol=0.1)
    logits = tf.constant([[0.0, -1000.0]])
    np.testing.assert_allclose(calibration.negative_log_likelihood([1], logits, from_logits=True), [1000.0])


def test_gaussian_likelihood_is_that_of_scipy(rng):
    targets, means, log_variances = rng.standard_normal((3, 6, 2)) * 3
    expected = -stats.norm(means, np.exp(log_variances / 2)).logpdf(targets).sum(-1)
    np.testing.assert_allclose(calibration.gaussian_negative_log_likelihood(targets, means, log_variances), expected)
    sharp = calibration.gaussian_negative_log_likelihood(*tf.constant([[0.0], [0.0], [-100.0]]))
    assert float(sharp) == pytest.approx(0.5 * np.log(2 * np.pi) - 50)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_disagreement_counts_pairs(rng, size):
    members = rng.dirichlet(np.ones(3), size=(size, 7))
    classes = members.argmax(-1)
    pairs = list(itertools.combinations(range(size), 2))
    expected = sum(classes[one] != classes[two] for one, two in pairs) / len(pairs)
    np.testing.assert_allclose(calibration.disagreement(members), expected, rtol=1e-6, atol=1e-7)
    with pytest.raises(errors.InvalidArgumentError, match="K > 1"):
        calibration.disagreement(members[:1])


def test_predictions_of_one_event_get_its_absence():
    expected = [[0.75, 0.25], [0.5, 0.5]]
    for given in ([0.25, 0.5], [[0.25], [0.5]], expected):
        np.testing.assert_allclose(calibration.with_all_classes(np.asarray(given)), expected)
    logits = special.logit(np.asarray([0.25, 0.5]))
    np.testing.assert_allclose(special.softmax(calibration.with_all_classes(logits, from_logits=True), -1), expected)


@pytest.mark.parametrize("labels, shape", [((4, 3), (4, 2)), ((4, 2, 1), (4, 2)), ((4,), (4, 1)), ((), (4, 2))])
def test_shapes_that_do_not_fit_are_refused(labels, shape):
    with pytest.raises(errors.InvalidArgumentError, match="one-hot labels.*Received: predictions of shape"):
        calibration.brier_score(np.zeros(labels), np.zeros(shape))
