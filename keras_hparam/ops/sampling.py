"""Sampling from logits: temperature, nucleus, greedy. Pure functions.

Axes: … any leading axes, N tokens.
"""

from keras import ops

NEGATIVE = -1e9


def nucleus(logits, top_p):
    """Logits [..., N] with the tokens outside the nucleus set to −1e9.

    The nucleus is the smallest set of most probable tokens whose probabilities sum to at least `top_p`; it always holds
    the most probable one. `restrict` skips the sort where `top_p` is 1.

    Source: Holtzman et al. 2020, arXiv 1904.09751.
    """
    ordered = -ops.sort(-logits, axis=-1)
    probabilities = ops.softmax(ordered, axis=-1)
    before = ops.cumsum(probabilities, axis=-1) - probabilities  # mass of the more probable tokens
    kept = before < top_p
    kept = ops.concatenate([ops.ones_like(kept[..., :1]), kept[..., 1:]], axis=-1)
    threshold = ops.min(ops.where(kept, ordered, ops.max(ordered)), axis=-1, keepdims=True)
    return ops.where(logits >= threshold, logits, NEGATIVE)


def restrict(logits, legal, temperature=1.0, top_p=1.0):
    """Logits [..., N] of legal tokens only, tempered, then cut to their nucleus.

    Args:
        logits: float [..., N].
        legal: bool [..., N]; what is not legal gets −1e9 and so probability 0.
        temperature: > 0; below 1 sharpens. (Greedy decoding takes the argmax and needs no temperature.)
        top_p: in (0, 1]; see `nucleus`.
    """
    tempered = ops.where(legal, logits / temperature, NEGATIVE)
    return ops.cond(top_p < 1.0, lambda: nucleus(tempered, top_p), lambda: tempered)
