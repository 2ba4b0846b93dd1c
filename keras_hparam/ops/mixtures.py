"""The average of an ensemble's members, on whatever scale they give their predictions. Pure functions of `keras.ops`.

Shares are the weights of members in an average: numbers >= 0 that sum to 1 over the members, of shape [K, 1, …], or of
the shape of the members where each element has its own.

Axes: K members, … any axes of examples and outputs, C classes.
"""

from keras import ops


def mean(members, shares):
    """Σ_k shares · members [...], of members [K, ...]."""
    return ops.sum(shares * members, axis=0)


def log_mean(log_members, shares):
    """log Σ_k shares · exp(log_members) [...]; a share of 0 has no part in it."""
    counts = shares > 0.0
    log_shares = ops.where(counts, ops.log(ops.where(counts, shares, 1.0)), -float("inf"))
    return ops.logsumexp(log_members + log_shares, axis=0)


def mean_logits(logits, shares):
    """The logarithm [..., C] of the average softmax of logits [K, ..., C]."""
    return log_mean(ops.log_softmax(logits, axis=-1), shares)


def mean_binary_logits(logits, shares):
    """The logit [...] of the average sigmoid of logits [K, ...]."""
    return log_mean(ops.log_sigmoid(logits), shares) - log_mean(ops.log_sigmoid(-logits), shares)


def matched_moments(means, log_variances, shares):
    """(mean, log-variance), each [...], of the mixture of normal distributions [K, ...].

    The variance is the mean of the variances plus the variance of the means.

    Source: Lakshminarayanan et al. 2017, arXiv 1612.01474, section 2.4.
    """
    centre, log_within = mean(means, shares), log_mean(log_variances, shares)
    between = mean(ops.square(means - centre), shares)
    varies = between > 0.0  # the logarithm has no derivative at 0
    log_between = ops.log(ops.where(varies, between, 1.0))
    return centre, ops.where(varies, ops.logaddexp(log_within, log_between), log_within)


def trimmed_shares(members, trim):
    """Shares [K, ...] of a trimmed mean: none for the `trim` values of each element that are farthest from its median.

    Args:
        members: float [K, ...].
        trim: int in 0..K − 1; of equally far values those that come last are left out.

    Example:
        >>> trimmed_shares([[0.1], [0.3], [0.9]], 1)
        [[0.5], [0.5], [0.0]]
    """
    members = ops.convert_to_tensor(members)
    size = members.shape[0]
    ordered = ops.sort(members, axis=0)
    median = 0.5 * (ordered[(size - 1) // 2] + ordered[size // 2])
    ranks = ops.argsort(ops.argsort(ops.abs(members - median), axis=0), axis=0)
    return ops.cast(ranks < size - trim, members.dtype) / (size - trim)
