"""Measures of an ensemble's uncertainty by name, for each kind of output.

Axes: K members, n examples, C classes, D targets.
"""

from keras import ops

from keras_hparam import errors
from keras_hparam.ensembles import outputs
from keras_hparam.ops import uncertainty


def _epistemic(members, weights):
    return uncertainty.variance(outputs.split_gaussian(members)[0], weights)


def _aleatoric(members, weights):
    return uncertainty.aleatoric_variance(outputs.split_gaussian(members)[1], weights)


_CLASSIFICATION = {
    "predictive_entropy": uncertainty.predictive_entropy,
    "mutual_information": uncertainty.mutual_information,
    "kl_to_mean": uncertainty.kl_to_mean,
    "score_range": uncertainty.score_range,
    "variance": uncertainty.variance,
}
_GAUSSIAN = {
    "total_variance": lambda members, weights: _epistemic(members, weights) + _aleatoric(members, weights),
    "variance": _epistemic,
    "aleatoric_variance": _aleatoric,
}
_POINT = {"variance": uncertainty.variance}

MEASURES = {
    kind: {"gaussian": _GAUSSIAN, "point": _POINT}.get(kind, _CLASSIFICATION) for kind in outputs.OUTPUT_KINDS
}


def measure(members, kind, name, classes=None, weights=None):
    """The uncertainty [n] of an ensemble about each of n examples; larger is more uncertain.

    Classes: "predictive_entropy" of the mean, "mutual_information" of prediction and member, "kl_to_mean" (the sum of
    the members' divergences from the mean), "score_range" (highest minus lowest score of the chosen classes by any
    member), "variance" of the members' probabilities, summed over classes. Normal distributions: "total_variance", of
    the mixture, and its parts "variance", of the members' means, and "aleatoric_variance", the mean of the predicted
    ones. Points: "variance". Variances are summed over targets.

    Args:
        members: float [K, n, …], outputs of the members.
        kind: one of `outputs.OUTPUT_KINDS`.
        name: str, a measure that the kind has: `MEASURES[kind]`.
        classes: list of int in 0..C − 1, for "score_range" alone; None for all classes.
        weights: None for equal ones, or [K] numbers ≥ 0 that sum to 1.

    Raises:
        InvalidArgumentError: if the kind lacks the measure, or an argument is none of these.

    Source: Wenzel et al. 2020, arXiv 2006.13570; CN115516466A; formulas in `ops.uncertainty`.

    Example:
        >>> measure([[[1.0, 0.0]], [[0.0, 1.0]]], "probabilities", "mutual_information")
        [0.6931]
    """
    check_measure(kind, name, classes)
    if kind not in ("gaussian", "point"):
        members = outputs.to_probabilities(members, kind)
    else:
        members = outputs.checked_members(members, kind)
    if kind == "point" and len(members.shape) == 2:
        members = members[..., None]
    if weights is not None:
        weights = ops.convert_to_tensor(outputs.checked_weights(weights, members.shape[0]), members.dtype)
    if name == "score_range":
        return uncertainty.score_range(members, classes, weights)
    return MEASURES[kind][name](members, weights)


def check_measure(kind, name, classes=None):
    """Raises InvalidArgumentError unless outputs of the kind have the measure; costs nothing, so call it first."""
    if kind not in MEASURES:
        raise errors.InvalidArgumentError(f"Expected `kind` to be one of {tuple(MEASURES)}. Received: {kind!r}.")
    if name not in MEASURES[kind]:
        raise errors.InvalidArgumentError(
            f"Expected `measure` to be one of {tuple(MEASURES[kind])} for outputs of the kind {kind!r}. "
            f"Received: {name!r}."
        )
    if classes is not None and name != "score_range":
        raise errors.InvalidArgumentError(f"Expected `classes` with 'score_range' alone. Received: {name!r}.")
