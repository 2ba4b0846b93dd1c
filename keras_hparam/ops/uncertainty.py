"""How uncertain an ensemble is: how spread its mean prediction is, and how far its members differ.

Members are probabilities of classes where the arguments say [K, ..., C]. Members with weights count as the weights say,
equally without. Values and gradients are finite for probabilities of 0, where the gradient's part is 0.

Axes: K members, … any axes of examples, C classes, D targets.
"""

from keras import ops

from keras_hparam import errors


def entropy(probabilities):
    """−Σ_c p log p [...] in nats, from 0 to log C, of probabilities [..., C]."""
    return -ops.sum(_times_log(probabilities, probabilities), axis=-1)


def predictive_entropy(members, weights=None):
    """The entropy [...] of the members' mean [K, ..., C], in nats, from 0 to log C: of data and of members together.

    Args:
        members: float [K, ..., C], probabilities.
        weights: float [K], which sum to 1, or None.

    Example:
        >>> predictive_entropy([[[1.0, 0.0]], [[0.0, 1.0]]])
        [0.6931]
    """
    members = ops.convert_to_tensor(members)
    return entropy(_mean(members, weights))


def mutual_information(members, weights=None):
    """The entropy of the mean minus the mean of the members' entropies [...], in nats, from 0 to log K.

    It is the part of the predictive entropy that is due to the members' differences. Arguments as of
    `predictive_entropy`.

    Source: Depeweg et al. 2018, arXiv 1710.07283, equation 3; US patent application CN115516466A.

    Example:
        >>> mutual_information([[[0.5, 0.5]], [[0.5, 0.5]]])  # uncertain, but all of one mind
        [0.0]
    """
    members = ops.convert_to_tensor(members)
    difference = entropy(_mean(members, weights)) - _mean(entropy(members), weights)
    return ops.maximum(difference, 0.0)  # it can be below 0 by rounding alone


def kl_to_mean(members, weights=None):
    """Σ_k KL(p_k ‖ mean) [...] in nats, from 0 to K log K: K times the mutual information.

    With weights, each member's part counts K times its weight. Arguments as of `predictive_entropy`.

    Source: Lakshminarayanan et al. 2017, arXiv 1612.01474, section 3.4; CN115516466A.
    """
    members = ops.convert_to_tensor(members)
    mean = _mean(members, weights)
    divergences = ops.sum(_times_log(members, members) - _times_log(members, mean[None]), axis=-1)  # [K, ...]
    return ops.maximum(members.shape[0] * _mean(divergences, weights), 0.0)


def score_range(members, classes=None, weights=None):
    """The highest score of any of the classes by any member, minus the lowest one by any, [...].

    Args:
        members: float [K, ..., C].
        classes: list of int in 0..C − 1, the classes that matter; None for all.
        weights: float [K] or None; members of weight 0 do not count, otherwise weights change nothing.

    Raises:
        InvalidArgumentError: if a class does not exist, or none is given.

    Source: CN115516466A, on scores of a predetermined subset of the categories.

    Example:
        >>> score_range([[[0.7, 0.2, 0.1]], [[0.4, 0.3, 0.3]]], classes=[0])  # 0.7 − 0.4
        [0.3]
    """
    members = ops.convert_to_tensor(members)
    num_classes = members.shape[-1]
    if classes is not None:
        if len(classes) == 0 or not all(index in range(num_classes) for index in classes):
            raise errors.InvalidArgumentError(
                f"Expected `classes` to be some of 0..{num_classes - 1}, or None. Received: {classes}."
            )
        members = ops.take(members, ops.convert_to_tensor([int(index) for index in classes], "int32"), axis=-1)
    if weights is None:
        return ops.max(members, axis=(0, -1)) - ops.min(members, axis=(0, -1))
    counts = _by_member(weights, members) > 0.0
    highest = ops.where(counts, members, -float("inf"))
    lowest = ops.where(counts, members, float("inf"))
    return ops.max(highest, axis=(0, -1)) - ops.min(lowest, axis=(0, -1))


def variance(members, weights=None):
    """The members' variance about their mean (÷ K), summed over classes or targets: [...] of [K, ..., C].

    Args:
        members: float [K, ..., C], probabilities, or [K, ..., D] predictions.
        weights: float [K], which sum to 1, or None.

    Example:
        >>> variance([[[1.0]], [[3.0]]])
        [1.0]
    """
    members = ops.convert_to_tensor(members)
    return ops.sum(_mean(ops.square(members - _mean(members, weights)), weights), axis=-1)


def aleatoric_variance(log_variances, weights=None):
    """The mean of the members' predicted variances, summed over targets: [...] of logarithms [K, ..., D].

    With `variance` of the members' means it sums to the variance of their mixture.

    Source: Kendall & Gal 2017, arXiv 1703.04977, equation 9.
    """
    return ops.sum(_mean(ops.exp(ops.convert_to_tensor(log_variances)), weights), axis=-1)


def _by_member(weights, values):
    """Weights [K] with axes of length 1 for those of values [K, ...]."""
    weights = ops.convert_to_tensor(weights, values.dtype)
    return ops.reshape(weights, (values.shape[0],) + (1,) * (len(values.shape) - 1))


def _mean(values, weights):
    return ops.mean(values, axis=0) if weights is None else ops.sum(_by_member(weights, values) * values, axis=0)


def _times_log(factors, probabilities):
    """f log p, 0 where p is 0, in value and gradient."""
    positive = probabilities > 0.0
    return ops.where(positive, factors * ops.log(ops.where(positive, probabilities, 1.0)), 0.0)
