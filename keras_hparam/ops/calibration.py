"""How good predicted probabilities are: likelihood, Brier score, calibration; and whether members agree.

Labels are classes, int [...], or one-hot (or soft) labels, float [..., C]: the rank tells which. The last axis of
predictions has C > 1 classes.

Axes: … any leading axes of examples, C classes, D targets, B bins of confidence, K members.
"""

import math

from keras import ops

from keras_hparam import errors

LEAST_PROBABILITY = 1.2e-38  # counted for a label, so that a probability that underflowed costs 87 nats, not infinity


def one_hot_labels(labels, predictions):
    """Labels as float [..., C] of the type of predictions [..., C].

    Args:
        labels: int [...] or [..., 1], or float [..., C].
        predictions: float [..., C], C > 1.

    Raises:
        InvalidArgumentError: if the shapes do not fit.
    """
    predictions = ops.convert_to_tensor(predictions)
    labels, num_classes = ops.convert_to_tensor(labels), predictions.shape[-1]
    rank = len(predictions.shape)
    if len(labels.shape) == rank and labels.shape[-1] == num_classes:
        return ops.cast(labels, predictions.dtype)
    if len(labels.shape) == rank and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes < 2 or len(labels.shape) != rank - 1:
        raise errors.InvalidArgumentError(
            "Expected predictions [n, C] of C > 1 classes with classes [n] or one-hot labels [n, C]. "
            f"Received: predictions of shape {tuple(predictions.shape)}, labels of shape {tuple(labels.shape)}."
        )
    return ops.one_hot(ops.cast(labels, "int32"), num_classes, dtype=predictions.dtype)


def with_all_classes(predictions, from_logits=False):
    """Predictions [..., 2] of an event's absence and presence from those [n] or [..., 1] of one; others as they are.

    Args:
        predictions: float [..., C], probabilities, or logits with `from_logits`.
        from_logits: bool.
    """
    predictions = ops.convert_to_tensor(predictions)
    if len(predictions.shape) == 1:
        predictions = predictions[:, None]
    if predictions.shape[-1] != 1:
        return predictions
    other = ops.zeros_like(predictions) if from_logits else 1.0 - predictions
    return ops.concatenate([other, predictions], axis=-1)


def negative_log_likelihood(labels, predictions, from_logits=False):
    """−log p(label) [...] in nats; probabilities count as at least `LEAST_PROBABILITY`.

    Args:
        labels: int [...] or float [..., C].
        predictions: float [..., C], probabilities, or logits with `from_logits`.
        from_logits: bool.

    Raises:
        InvalidArgumentError: if the shapes do not fit.

    Example:
        >>> float(negative_log_likelihood([1], [[0.5, 0.5]])[0])
        0.6931472
    """
    predictions = ops.convert_to_tensor(predictions)
    labels = one_hot_labels(labels, predictions)
    if from_logits:
        return -ops.sum(labels * ops.log_softmax(predictions, axis=-1), axis=-1)
    return -ops.sum(labels * ops.log(ops.maximum(predictions, LEAST_PROBABILITY)), axis=-1)


def gaussian_negative_log_likelihood(targets, means, log_variances):
    """−log N(target; mean, exp(log-variance)) [...] in nats, summed over the targets of independent deviations.

    Args:
        targets, means, log_variances: float [..., D].

    Source: Nix & Weigend 1994, "Estimating the mean and variance of the target probability distribution".
    """
    deviations = (targets - means) * ops.exp(-0.5 * log_variances)
    return 0.5 * ops.sum(math.log(2.0 * math.pi) + log_variances + ops.square(deviations), axis=-1)


def brier_score(labels, probabilities):
    """Σ_c (p_c − y_c)² [...], from 0 to 2.

    Args:
        labels: int [...] or float [..., C].
        probabilities: float [..., C].

    Raises:
        InvalidArgumentError: if the shapes do not fit.

    Source: Brier 1950, "Verification of forecasts expressed in terms of probability", equation 2.

    Example:
        >>> float(brier_score([0], [[0.8, 0.2]])[0])  # 0.2² + 0.2²
        0.08
    """
    probabilities = ops.convert_to_tensor(probabilities)
    return ops.sum(ops.square(probabilities - one_hot_labels(labels, probabilities)), axis=-1)


def calibration_sums(labels, probabilities, num_bins, weights=None):
    """Sums over the examples in each bin of confidence: (weights, accuracy, confidence), each [B].

    An example's confidence is the probability of its most probable class. Bins are of equal width; an edge belongs to
    the bin below it, 0 to the lowest.

    Args:
        labels: int [...] or float [..., C].
        probabilities: float [..., C].
        num_bins: int >= 1.
        weights: float [...], or None for 1.

    Raises:
        InvalidArgumentError: if the shapes do not fit.
    """
    probabilities = ops.convert_to_tensor(probabilities)
    labels = one_hot_labels(labels, probabilities)
    confidence = ops.max(probabilities, axis=-1)
    correct = ops.cast(ops.argmax(probabilities, axis=-1) == ops.argmax(labels, axis=-1), probabilities.dtype)
    edges = ops.convert_to_tensor([edge / num_bins for edge in range(1, num_bins)], probabilities.dtype)
    bins = ops.sum(ops.cast(confidence[..., None] > edges, "int32"), axis=-1)
    inside = ops.one_hot(bins, num_bins, dtype=probabilities.dtype)  # [..., B]
    if weights is not None:
        inside = inside * ops.cast(weights, probabilities.dtype)[..., None]
    examples = tuple(range(len(inside.shape) - 1))
    return tuple(ops.sum(inside * part, axis=examples) for part in (1.0, correct[..., None], confidence[..., None]))


def calibration_error(weights, accuracy, confidence):
    """Expected calibration error, from 0 to 1, of the sums [B] of `calibration_sums`; 0 of no examples."""
    total = ops.sum(weights)
    return ops.sum(ops.abs(accuracy - confidence)) / ops.where(total > 0.0, total, 1.0)


def expected_calibration_error(labels, probabilities, num_bins=15, weights=None):
    """Σ_b (n_b / n) |accuracy_b − confidence_b|, a scalar from 0 to 1; arguments as of `calibration_sums`.

    Source: Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning"; Guo et al. 2017,
    arXiv 1706.04599, equation 3.

    Example:
        >>> float(expected_calibration_error([0, 1], [[0.9, 0.1], [0.9, 0.1]]))  # right half the time
        0.4
    """
    return calibration_error(*calibration_sums(labels, probabilities, num_bins, weights))


def disagreement(members):
    """The share of the K (K − 1) / 2 pairs of members whose most probable classes differ, [...], from 0 to 1.

    Args:
        members: float [K, ..., C], probabilities or logits, K > 1.

    Raises:
        InvalidArgumentError: if there are not two members.

    Source: Skalak 1996, "The sources of increased accuracy for two proposed boosting algorithms"; in deep ensembles:
    Fort et al. 2019, arXiv 1912.02757, section 4.2.

    Example:
        >>> disagreement([[[0.9, 0.1]], [[0.6, 0.4]], [[0.3, 0.7]]])  # of 3 pairs, 2 differ
        [0.6667]
    """
    members = ops.convert_to_tensor(members)
    size, num_classes = members.shape[0], members.shape[-1]
    if size < 2:
        raise errors.InvalidArgumentError(f"Expected K > 1 members [K, n, C]. Received: shape {tuple(members.shape)}.")
    votes = ops.sum(ops.one_hot(ops.argmax(members, axis=-1), num_classes, dtype="int32"), axis=0)  # [..., C]
    agreeing = ops.cast(ops.sum(votes * (votes - 1), axis=-1), "float32")  # ordered pairs
    return 1.0 - agreeing / (size * (size - 1))
