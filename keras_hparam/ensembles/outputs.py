"""What the output of a member means, and how members' outputs become one output of the same meaning.

The kind of an output follows from the loss that it was trained with. "probabilities" and "logits" are of C classes on
the last axis; "binary_probabilities" and "binary_logits" are of one event per element; "gaussian" is D means and then D
log-variances on the last axis; "point" is everything else.

Axes: K members, n examples, C classes, D targets; more axes may stand between n and the last.
"""

import functools

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.ensembles.losses import GaussianNegativeLogLikelihood
from keras_hparam.ops import mixtures

OUTPUT_KINDS = ("probabilities", "logits", "binary_probabilities", "binary_logits", "gaussian", "point")
_AXES = {"probabilities": "[K, n, …, C]", "logits": "[K, n, …, C]", "gaussian": "[K, n, …, 2D]"}
HOWS = ("mean", "trimmed_mean")
_KIND_OF_FUNCTION = {
    keras.losses.categorical_crossentropy: "probabilities",
    keras.losses.sparse_categorical_crossentropy: "probabilities",
    keras.losses.categorical_focal_crossentropy: "probabilities",
    keras.losses.categorical_generalized_cross_entropy: "probabilities",
    keras.losses.kl_divergence: "probabilities",
    keras.losses.binary_crossentropy: "binary_probabilities",
    keras.losses.binary_focal_crossentropy: "binary_probabilities",
}


def kind_of(loss):
    """The kind of output, one of `OUTPUT_KINDS`, that a loss is for.

    Args:
        loss: name, function (also a `functools.partial` of one) or `keras.losses.Loss`; of one output.

    Raises:
        InvalidArgumentError: if it is not a loss, or its classes are not on the last axis.

    Example:
        >>> kind_of(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        'logits'
    """
    try:
        found = keras.losses.get(loss) if isinstance(loss, str) else loss
    except ValueError:
        found = None
    if not callable(found):
        raise errors.InvalidArgumentError(
            f"Expected `loss` to be one output's: a name, a function or a keras.losses.Loss. Received: {loss!r}."
        )
    if isinstance(found, GaussianNegativeLogLikelihood):
        return "gaussian"
    is_partial = isinstance(found, functools.partial)
    settings = found.keywords if is_partial else getattr(found, "__dict__", {})
    function = found.func if is_partial else getattr(found, "fn", found)  # that of a keras.losses.Loss
    kind = _KIND_OF_FUNCTION.get(function, "point")
    if kind == "probabilities" and settings.get("axis", -1) != -1:
        raise errors.InvalidArgumentError(f"Expected a `loss` with axis=-1. Received: axis={settings['axis']}.")
    return kind.replace("probabilities", "logits") if settings.get("from_logits") else kind


def combine(members, kind, how="mean", trim=1, weights=None):
    """The ensemble's output [n, …], of the same form as one member's, so that its loss and metrics fit.

    Probabilities are averaged, also those behind logits: of these, the logarithm of the averaged softmax is returned,
    or the logit of the averaged sigmoid. Normal distributions become the one with mean and variance of their mixture.

    A trimmed mean leaves out, for each element, the `trim` members that are farthest from the members' median (of
    equally far ones those that come last): of the probability of each class, which are then made to sum to 1 again; of
    a normal distribution's mean, together with its variance. Where the probabilities that are left are 0 for all
    classes, the plain mean is taken.

    Args:
        members: float [K, n, …].
        kind: one of `OUTPUT_KINDS`.
        how: "mean" or "trimmed_mean".
        trim: int in 0..(K − 1) // 2, for the trimmed mean alone.
        weights: None for equal ones, or [K] numbers ≥ 0 that sum to 1, for the mean alone.

    Returns:
        float32 (float64 if members are), differentiable with respect to the members.

    Raises:
        InvalidArgumentError: if an argument is none of these.

    Source: Lakshminarayanan et al. 2017, arXiv 1612.01474, section 2.4.

    Example:
        >>> combine([[0.1], [0.3], [0.9]], "point", how="trimmed_mean")
        [0.2]
    """
    members = checked_members(members, kind)
    size, average = members.shape[0], _COMBINED.get(kind, mixtures.mean)
    if how not in HOWS:
        raise errors.InvalidArgumentError(f"Expected `how` to be one of {HOWS}. Received: {how!r}.")
    if how == "mean":
        shares = np.reshape(checked_weights(weights, size), (size,) + (1,) * (len(members.shape) - 1))
        return average(members, ops.convert_to_tensor(shares, members.dtype))
    if weights is not None:
        raise errors.InvalidArgumentError(f"Expected no `weights` with how='trimmed_mean'. Received: {weights}.")
    if isinstance(trim, bool) or not isinstance(trim, int) or not 0 <= trim <= (size - 1) // 2:
        raise errors.InvalidArgumentError(
            f"Expected `trim` in 0..{(size - 1) // 2}, less than half of the {size} members. Received: {trim!r}."
        )
    values = _SCALE[kind](members) if kind in _SCALE else members
    return _normalized(average(members, mixtures.trimmed_shares(values, trim)), members, kind)


def to_probabilities(members, kind):
    """Probabilities [K, n, …, C] of classes; of a single event [K, n] or [K, n, 1]: [K, n, 2], its absence first.

    Several events on the last axis, L > 1 of them, become [K, n, …, L, 2].

    Args:
        members: float [K, n, …].
        kind: one of `OUTPUT_KINDS`.

    Raises:
        InvalidArgumentError: if the kind has no classes.
    """
    members = checked_members(members, kind)
    if kind in ("gaussian", "point"):
        raise errors.InvalidArgumentError(f"Expected outputs with classes. Received: outputs of the kind {kind!r}.")
    if kind in ("probabilities", "logits"):
        return ops.softmax(members, axis=-1) if kind == "logits" else members
    if len(members.shape) > 2 and members.shape[-1] == 1:
        members = members[..., 0]
    if kind == "binary_logits":
        return ops.stack([ops.sigmoid(-members), ops.sigmoid(members)], axis=-1)
    return ops.stack([1.0 - members, members], axis=-1)


def checked_weights(weights, size):
    """Weights float64 [K] of members, equal ones for None.

    Raises:
        InvalidArgumentError: if they are not K numbers >= 0 that sum to 1.
    """
    if weights is None:
        return np.full(size, 1.0 / size)
    values = np.asarray(weights, "float64")
    if values.shape != (size,) or not (values >= 0.0).all() or abs(values.sum() - 1.0) > 1e-5:
        raise errors.InvalidArgumentError(
            f"Expected `weights` to be {size} numbers >= 0 that sum to 1, one a member. Received: {weights}."
        )
    return values


def split_gaussian(outputs):
    """(means, log-variances), each [..., D], of outputs [..., 2D]."""
    size = outputs.shape[-1] // 2
    return outputs[..., :size], outputs[..., size:]


def checked_members(members, kind):
    """Members as a tensor of float32 or float64.

    Raises:
        InvalidArgumentError: if the kind is unknown, or the shape does not fit it.
    """
    if kind not in OUTPUT_KINDS:
        raise errors.InvalidArgumentError(f"Expected `kind` to be one of {OUTPUT_KINDS}. Received: {kind!r}.")
    members = ops.convert_to_tensor(members)
    axes = _AXES.get(kind, "[K, n, …]")
    is_odd = kind == "gaussian" and members.shape[-1] % 2
    if len(members.shape) < (3 if kind in _AXES else 2) or not members.shape[0] or is_odd:
        raise errors.InvalidArgumentError(
            f"Expected `members` {axes} with K >= 1 for {kind!r}. Received: shape {tuple(members.shape)}."
        )
    return ops.cast(members, keras.backend.result_type(members.dtype, "float32"))


def _normalized(combined, members, kind):
    """Trimmed probabilities, or their logarithms, that sum to 1 over the classes; other kinds as they are."""
    if kind == "logits":
        return ops.log_softmax(combined, axis=-1)
    if kind != "probabilities":
        return combined
    total = ops.sum(combined, axis=-1, keepdims=True)
    return ops.where(total > 0.0, combined / ops.where(total > 0.0, total, 1.0), ops.mean(members, axis=0))


def _gaussian(members, shares):
    return ops.concatenate(mixtures.matched_moments(*split_gaussian(members), shares), axis=-1)


_COMBINED = {  # of the others, the plain mean
    "logits": mixtures.mean_logits,
    "binary_logits": mixtures.mean_binary_logits,
    "gaussian": _gaussian,
}
_SCALE = {  # on which outliers are told; of the others, their own
    "logits": functools.partial(ops.softmax, axis=-1),
    "binary_logits": ops.sigmoid,
    "gaussian": lambda members: split_gaussian(members)[0],
}
