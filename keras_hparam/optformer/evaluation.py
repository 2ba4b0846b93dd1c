"""How good predicted distributions of the objective are: log-likelihood, calibration, order.

A prediction gives a probability to each bin of the unit interval, an outcome is known as its bin. The end bins hold
what was clipped. Where in its bin an outcome lies is therefore unknown, and its place in the predicted distribution is
taken as uniform between the distribution function before and after the bin: with calibrated predictions, these places
are together uniform on [0, 1] whatever the bins, so that central intervals hold their share of outcomes exactly.

Source: Czado, Gneiting & Held 2009, "Predictive model assessment for count data", Biometrics 65(4), section 2.1 (the
nonrandomised probability integral transform).

Axes: … any leading axes, N bins, B studies, T trials.
"""

import numpy as np
from keras import ops

from keras_hparam.networks.values import bin_centres
from keras_hparam.optformer import losses

LEVELS = (0.5, 0.9)  # of the central intervals
LEAST_PROBABILITY = 1e-9  # counted for an outcome, so that one that was thought impossible does not decide everything


def _at(values, bins):
    return ops.take_along_axis(values, bins[..., None], axis=-1)[..., 0]


def log_likelihood(probabilities, bins):
    """log p(bin) [...] of outcomes, in nats, at least that of `LEAST_PROBABILITY`.

    Args:
        probabilities: float [..., N], which sum to 1.
        bins: int [...], in 0..N - 1.
    """
    return ops.log(ops.maximum(_at(ops.cast(probabilities, "float32"), bins), LEAST_PROBABILITY))


def central_coverage(probabilities, bins, level):
    """How much of each outcome [...], from 0 to 1, lies in the central interval of its prediction.

    The mean over calibrated predictions is `level`. The interval's ends lie within bins, by linear interpolation.

    Args:
        probabilities: float [..., N], which sum to 1.
        bins: int [...], in 0..N - 1.
        level: float in (0, 1), such as 0.9 for the interval between the quantiles 0.05 and 0.95.

    Example:

    ```python
    ops.mean(central_coverage(probabilities, bins, 0.9))  # of calibrated predictions: about 0.9
    ```
    """
    probabilities = ops.cast(probabilities, "float32")
    upper, mass = _at(ops.cumsum(probabilities, axis=-1), bins), _at(probabilities, bins)
    lower = upper - mass
    low, high = 0.5 - 0.5 * level, 0.5 + 0.5 * level
    inside = ops.maximum(ops.minimum(upper, high) - ops.maximum(lower, low), 0.0)
    point = ops.cast((lower >= low) & (lower <= high), "float32")
    has_mass = mass > LEAST_PROBABILITY
    return ops.where(has_mass, inside / ops.where(has_mass, mass, 1.0), point)


def predicted_mean(probabilities):
    """The mean [...] of distributions [..., N] over bins, in the unit interval."""
    return ops.matmul(ops.cast(probabilities, "float32"), bin_centres(probabilities.shape[-1]))


def _ranks(values):
    """Ranks [n] from 0 of values [n], ties averaged."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - 0.5 * (counts + 1))[inverse]


def rank_correlation(predicted, truth):
    """Spearman's rank correlation of two arrays [n] of finite numbers; NaN where one of them is constant.

    Source: Spearman 1904, "The proof and measurement of association between two things".
    """
    first, second = (_ranks(np.asarray(values)) for values in (predicted, truth))
    first, second = first - first.mean(), second - second.mean()
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / scale) if scale else float("nan")


def held_out_sums(model, batch):
    """Sums for the means over the trials that the normalisation of their study's objectives has not seen.

    Args:
        model: `OptFormer`, or a callable that does the same.
        batch: as of `batches.make_batch`.

    Returns:
        {name: (Σ w x, Σ w)} of "held_out_nll", nats a trial with failure as an outcome, and of "coverage_50" and
        "coverage_90" over the trials that did not fail, of the prediction given that they do not.
    """
    logits, _ = model(batch)
    targets, num_bins = batch["objective_targets"], logits.shape[-1] - 1
    weights = ops.cast(batch["unseen"] == 1, "float32")
    nll = losses.negative_log_likelihood(logits, ops.maximum(targets, 0))
    sums = {"held_out_nll": losses.weighted_sums(nll, weights)}
    completed = weights * ops.cast(targets < num_bins, "float32")
    probabilities = ops.softmax(ops.cast(logits[..., :-1], "float32"), axis=-1)
    bins = ops.clip(targets, 0, num_bins - 1)
    for level in LEVELS:
        covered = central_coverage(probabilities, bins, level)
        sums[f"coverage_{100 * level:.0f}"] = losses.weighted_sums(covered, completed)
    return sums
