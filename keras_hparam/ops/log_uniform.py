"""Log-uniform distributions by the logarithms of their bounds: log λ is uniform on [log_lower, log_upper].

All functions work elementwise on tensors that broadcast against each other, and differentiate (reparameterised).
"""

from keras import ops

_SMALL = 0.5  # below this half-width the series of sinh(h)/h is used; its error there is below 1e-16


def sample(uniform, log_lower, log_upper):
    """λ = exp(log_lower + uniform·(log_upper − log_lower)), a reparameterised draw.

    Args:
        uniform: floats in [0, 1).
        log_lower, log_upper: logarithms of the bounds, log_lower <= log_upper.
    """
    return ops.exp(log_lower + uniform * (log_upper - log_lower))


def log_mean(log_lower, log_upper):
    """log E[λ], where E[λ] = (upper − lower) / (log upper − log lower).

    Computed as the middle of the logarithms plus log(sinh(h)/h), with h half the width: exact for bounds that coincide,
    where the quotient above is 0/0, as well as for bounds that lie far apart.

    Args:
        log_lower, log_upper: logarithms of the bounds, log_lower <= log_upper.
    """
    half_width = (log_upper - log_lower) / 2
    return (log_lower + log_upper) / 2 + log_sinhc(half_width)


def log_sinhc(h):
    """log(sinh(h)/h) for h >= 0, with its limit 0 at 0; value and gradient are exact and never overflow."""
    is_small = h < _SMALL
    squared = ops.square(ops.where(is_small, h, 0.0))
    series = 1.0
    for factor in (156, 110, 72, 42, 20, 6):  # (2k+1)·2k of Σ h^(2k) / (2k+1)!, by Horner's rule
        series = 1.0 + squared / factor * series
    large = ops.where(is_small, 1.0, h)
    return ops.where(is_small, ops.log(series), large + ops.log1p(-ops.exp(-2 * large)) - ops.log(2 * large))


def entropy(log_lower, log_upper):
    """Differential entropy of λ in nats: log(log_upper − log_lower) + (log_lower + log_upper) / 2.

    Args:
        log_lower, log_upper: logarithms of the bounds, log_lower < log_upper.
    """
    return ops.log(log_upper - log_lower) + (log_lower + log_upper) / 2


def project(log_lower, log_upper, log_min, log_max, gap):
    """The nearest bounds with log_min <= log_lower, log_lower + gap <= log_upper and log_upper <= log_max.

    Args:
        log_lower, log_upper: logarithms of the bounds, of any order.
        log_min, log_max: logarithms of the limits, log_max − log_min >= gap.
        gap: the least width, > 0.

    Returns:
        (log_lower, log_upper)
    """
    middle = (log_lower + log_upper) / 2
    is_narrow = log_upper - log_lower < gap
    log_lower = ops.where(is_narrow, middle - gap / 2, log_lower)
    log_upper = ops.where(is_narrow, middle + gap / 2, log_upper)
    return ops.clip(log_lower, log_min, log_max - gap), ops.clip(log_upper, log_min + gap, log_max)
