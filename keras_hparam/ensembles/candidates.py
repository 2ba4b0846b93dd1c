"""Checks of candidates' predictions and of the labels that they are compared with: NumPy arrays of float64.

Axes: M candidates, n examples, C classes, D targets.
"""

import numpy as np

from keras_hparam import errors

_ROUNDING = 1e-3  # of a sum of probabilities, which half precision leaves


def checked_predictions(predictions):
    """Predictions float64 [M, n, ...], M and n >= 1.

    Raises:
        InvalidArgumentError: if they have another rank, or one candidate's are not finite (which is named).
    """
    try:
        predictions = np.asarray(predictions, "float64")
    except (TypeError, ValueError) as error:
        raise errors.InvalidArgumentError(
            f"Expected `probabilities` to be numbers of one shape for all candidates. Received: {error}."
        ) from error
    if predictions.ndim < 2 or not predictions.size:
        raise errors.InvalidArgumentError(
            f"Expected `probabilities` [M, n, C] or [M, n], none of them 0. Received: shape {predictions.shape}."
        )
    _refuse(~np.isfinite(predictions), "to be finite", predictions)
    return predictions


def checked_classes(probabilities, labels):
    """Classes int64 [n] of labels, after a check of the probabilities [M, n, C] too.

    Raises:
        InvalidArgumentError: if probabilities are none, or labels are neither classes in range nor one-hot.
    """
    if probabilities.ndim != 3 or probabilities.shape[-1] < 2:
        raise errors.InvalidArgumentError(
            f"Expected `probabilities` [M, n, C] with C > 1. Received: shape {probabilities.shape}."
        )
    _refuse((probabilities < 0.0) | (probabilities > 1.0 + _ROUNDING), "in [0, 1] (logits are none)", probabilities)
    sums = probabilities.sum(axis=-1)
    _refuse(abs(sums - 1.0) > _ROUNDING, "to sum to 1 over the classes (logits do not)", sums)
    return _classes(np.asarray(labels), *probabilities.shape[1:])


def _classes(labels, num_examples, num_classes):
    if labels.shape == (num_examples, num_classes):
        if not ((labels == 0) | (labels == 1)).all() or not (labels.sum(axis=-1) == 1).all():
            raise errors.InvalidArgumentError(
                "Expected one-hot `labels` [n, C], one 1 in every row of 0. Received: other values."
            )
        return labels.argmax(axis=-1)
    if labels.shape == (num_examples, 1):
        labels = labels[:, 0]
    if labels.shape != (num_examples,) or labels.dtype.kind not in "biuf":
        raise errors.InvalidArgumentError(
            f"Expected `labels` to be integers [{num_examples}] or one-hot [{num_examples}, {num_classes}]. "
            f"Received: {labels.dtype} of shape {labels.shape}."
        )
    wrong = ~np.isin(labels, np.arange(num_classes))
    if wrong.any():
        raise errors.InvalidArgumentError(
            f"Expected `labels` to be integers in 0..{num_classes - 1}. Received: {labels[wrong][0]}."
        )
    return labels.astype("int64")


def checked_targets(predictions, targets):
    """Targets float64 of the shape of one candidate's predictions [n] or [n, D]; [n] and [n, 1] are the same.

    Raises:
        InvalidArgumentError: if the shape is another, or a target is not finite.
    """
    shape, received = predictions.shape[1:], np.shape(targets)
    if len(shape) > 2 or (received != shape and {received, shape} != {shape[:1], (shape[0], 1)}):
        raise errors.InvalidArgumentError(
            f"Expected `labels` to be targets {shape} for predictions [M, n] or [M, n, D], here {predictions.shape}. "
            f"Received: shape {received}."
        )
    targets = np.asarray(targets, "float64").reshape(shape)
    if not np.isfinite(targets).all():
        raise errors.InvalidArgumentError(
            f"Expected finite targets in `labels`. Received: {(~np.isfinite(targets)).sum()} that are not."
        )
    return targets


def checked_gaussians(predictions):
    """(means, variances' logarithms) [M, n, D] each, of predictions [M, n, 2D].

    Raises:
        InvalidArgumentError: if the shape is another.
    """
    if predictions.ndim != 3 or predictions.shape[-1] % 2:
        raise errors.InvalidArgumentError(
            "Expected `probabilities` [M, n, 2D] with the loss 'gaussian_nll', means and then log-variances. "
            f"Received: shape {predictions.shape}."
        )
    return np.split(predictions, 2, axis=-1)


def _refuse(is_wrong, expected, values):
    """Raises if something is wrong, naming the first candidate (axis 0) where it is."""
    if is_wrong.any():
        member = int(is_wrong.reshape(len(is_wrong), -1).any(axis=1).argmax())
        wrong = values[member][is_wrong[member]]
        raise errors.InvalidArgumentError(
            f"Expected `probabilities` of every candidate {expected}. Received: candidate {member} with {wrong.size} "
            f"that are not, such as {wrong.flat[0]}."
        )
