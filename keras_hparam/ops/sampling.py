"""Choosing tokens from logits: the legal ones, temperature, nucleus, a step of beam search. Pure functions.

Log-probabilities are −∞ where there is no probability.

Axes: … any leading axes, W beams, N tokens.
"""

import math

from keras import ops


def legal_log_softmax(logits, legal):
    """Log-probabilities [..., N] of the legal tokens, which share all probability.

    Args:
        logits: float [..., N].
        legal: bool, broadcastable to [..., N], at least one token everywhere.
    """
    return ops.log_softmax(ops.where(legal, logits, -math.inf), axis=-1)


def nucleus(logits, top_p):
    """Logits [..., N] with the tokens outside the nucleus set to −∞.

    The nucleus is the smallest set of most probable tokens whose probabilities sum to at least `top_p`; it always holds
    the most probable one. Of equally probable tokens the first enter.

    Args:
        logits: float [..., N].
        top_p: in (0, 1].

    Source: Holtzman et al. 2020, arXiv 1904.09751.
    """
    ordered = -ops.sort(-logits, axis=-1)
    probabilities = ops.softmax(ordered, axis=-1)
    before = ops.cumsum(probabilities, axis=-1) - probabilities  # mass of the more probable tokens
    kept = ops.concatenate([ops.ones_like(before[..., :1], bool), before[..., 1:] < top_p], axis=-1)
    last = ops.min(ops.where(kept, ordered, math.inf), axis=-1, keepdims=True)
    above, ties = logits > last, logits == last
    room = ops.sum(ops.cast(kept, "int32"), -1, keepdims=True) - ops.sum(ops.cast(above, "int32"), -1, keepdims=True)
    first = ties & (ops.cumsum(ops.cast(ties, "int32"), axis=-1) <= room)
    return ops.where(above | first, logits, -math.inf)


def restrict(logits, temperature=1.0, top_p=1.0):
    """Logits [..., N], tempered, then cut to their nucleus; the largest becomes 0.

    Args:
        logits: float [..., N], −∞ for what must not be drawn.
        temperature: > 0; below 1 sharpens. Towards 0 only the most probable token is left, towards infinity all that
            have any probability get the same.
        top_p: in (0, 1]; see `nucleus`. At 1 nothing is sorted.
    """
    tempered = (logits - ops.max(logits, axis=-1, keepdims=True)) / temperature
    return ops.cond(top_p < 1.0, lambda: nucleus(tempered, top_p), lambda: tempered)


def beam_step(scores, log_probabilities, width):
    """The best continuations of W sequences by one token each.

    Args:
        scores: float [..., W], log-probabilities of the sequences so far; −∞ for a place without a sequence.
        log_probabilities: float [..., W, N] of each sequence's next token.
        width: int, sequences to keep, at most W · N.

    Returns:
        scores: float [..., width], best first; −∞ where there are fewer continuations than places.
        parents: int [..., width], the sequence that each continues.
        tokens: int [..., width], the token that it gets.

    Source: Sutskever et al. 2014, arXiv 1409.3215, section 3.2.

    Example:
        >>> scores, parents, tokens = beam_step(np.zeros(1), np.log([[0.1, 0.7, 0.2]]), 2)
        >>> tokens.numpy()
        array([1, 2], dtype=int32)
    """
    num_tokens = log_probabilities.shape[-1]
    totals = ops.expand_dims(scores, -1) + log_probabilities
    totals = ops.reshape(totals, (*ops.shape(scores)[:-1], -1))  # [..., W · N]
    scores, indices = ops.top_k(totals, width)
    return scores, indices // num_tokens, indices % num_tokens
