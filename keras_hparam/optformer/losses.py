"""The weighted log-likelihood of a study's tokens: weight 0 on separators and placeholders, positive on the rest.

Separators and the placeholder of an inactive value are never targets, which is their weight of 0; the objective of a
trial that the input shows as pending is a target, since training knows it.

A mean over a batch is left as two sums, Σ w x and Σ w: a batch that is divided among devices has other weights on each,
and the mean of their means is not the mean of the batch.

US20230401451A1; Chen et al. 2022, arXiv 2205.13320, section 4.

Axes: B batch, T trials, G rows of (trial, parameter), N bins.
"""

from keras import ops

from keras_hparam.networks.transformer import NEGATIVE


def negative_log_likelihood(logits, targets, legal=None):
    """−log p(target) [...] under logits [..., N], renormalised over the legal tokens.

    Args:
        logits: float [..., N].
        targets: int [...], in 0..N - 1.
        legal: bool [..., N] or None.
    """
    logits = ops.cast(logits, "float32")
    if legal is not None:
        logits = ops.where(legal, logits, NEGATIVE)
    chosen = ops.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return ops.logsumexp(logits, axis=-1) - chosen


def weighted_sums(values, weights):
    """(Σ w x, Σ w) of values and weights of one shape."""
    return ops.sum(values * weights), ops.sum(weights)


def mean(total, weight):
    """Σ w x / Σ w, 0 where all weights are 0."""
    return total / ops.maximum(weight, 1e-6)


def study_losses(model, batch):
    """Negative log-likelihoods of a training batch, in nats a token: {"objective": (Σ w x, Σ w), "values": …}.

    Args:
        model: `OptFormer`, or a callable that does the same.
        batch: inputs with "objective_targets" and "objective_weights" [B, T], "rows" [B, G, 2], "targets" and
            "row_weights" [B, G], "legal" [B, D, N].
    """
    objective_logits, value_logits = model(batch)
    objective = negative_log_likelihood(objective_logits, ops.maximum(batch["objective_targets"], 0))
    legal = ops.take_along_axis(batch["legal"], batch["rows"][..., 1][..., None], axis=1)
    values = negative_log_likelihood(value_logits, batch["targets"], legal)
    return {
        "objective": weighted_sums(objective, batch["objective_weights"]),
        "values": weighted_sums(values, batch["row_weights"]),
    }
