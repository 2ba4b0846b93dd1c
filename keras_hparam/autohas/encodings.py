"""Encodings as pure functions: logits of all bases in one vector, and the coefficients that they mean.

Sources: US20210383223A1; Jang et al. 2017, arXiv 1611.01144 (Gumbel-softmax, straight-through).

Axes: E logits of all bases one after the other, `sizes` those of each basis, K samples.
"""

import numpy as np
from keras import ops

RELAXATIONS = ("softmax", "gumbel", "straight_through")


def split(vector, sizes):
    """The parts [..., n] of each basis of a vector [..., E]."""
    ends = np.cumsum(sizes)
    return [vector[..., int(end) - size : int(end)] for end, size in zip(ends, sizes, strict=True)]


def probabilities(logits, sizes, temperature=1.0):
    """The softmax of each basis' logits / temperature: [..., E]."""
    parts = [_softmax(part / temperature) for part in split(ops.convert_to_tensor(logits), sizes)]
    return ops.concatenate(parts, axis=-1)


def relaxed(logits, sizes, relaxation="softmax", temperature=1.0, noise=None):
    """Coefficients that gradients reach the logits through: [..., E].

    Args:
        logits: float [..., E].
        sizes: list of ints that sum to E.
        relaxation: "softmax", the probabilities; "gumbel", a sample that is nearly one-hot at low temperatures; or
            "straight_through", a one-hot sample with the gradient of the former.
        temperature: float > 0.
        noise: float [..., E], standard Gumbel variates of the two samples.
    """
    if relaxation == "softmax":
        return probabilities(logits, sizes, temperature)
    soft = probabilities(ops.convert_to_tensor(logits) + noise, sizes, temperature)
    if relaxation == "gumbel":
        return soft
    hard = [ops.one_hot(ops.argmax(part, axis=-1), size) for part, size in zip(split(soft, sizes), sizes, strict=True)]
    return ops.stop_gradient(ops.concatenate(hard, axis=-1) - soft) + soft


def entropies(logits, sizes):
    """The entropy of each basis' distribution in nats: [..., number of bases]."""
    parts = [-ops.sum(_softmax(p) * ops.log_softmax(p, -1), -1) for p in split(ops.convert_to_tensor(logits), sizes)]
    return ops.stack(parts, axis=-1)


def log_probability(samples, logits, sizes):
    """The logarithm of the probability of one-hot samples [K, E] under logits [E]: [K]."""
    parts = [ops.log_softmax(part, axis=-1) for part in split(ops.convert_to_tensor(logits), sizes)]
    return ops.sum(samples * ops.concatenate(parts, axis=-1), axis=-1)


def sample(rng, logits, sizes, number):
    """One-hot samples float32 [K, E].

    Args:
        rng: `numpy.random.Generator`.
        logits: float array [E].
        number: int, K.
    """
    noisy = np.asarray(logits, "float64") + rng.gumbel(size=(number, len(logits)))
    return one_hot(noisy, sizes)


def one_hot(scores, sizes):
    """1 at the largest score of each basis, 0 elsewhere: float32 array [..., E]."""
    parts = [
        np.eye(size, dtype="float32")[np.argmax(part, axis=-1)]
        for part, size in zip(split(scores, sizes), sizes, strict=True)
    ]
    return np.concatenate(parts, axis=-1)


def rank_rewards(losses):
    """Rewards in [−½, ½] by the rank of the losses [K], lowest best; equal ones share; those not finite get −½."""
    losses = np.where(np.isfinite(losses), losses, np.inf)
    below = (losses[None] < losses[:, None]).sum(axis=1)
    equal = (losses[None] == losses[:, None]).sum(axis=1) - 1
    ranks = (below + 0.5 * equal) / max(len(losses) - 1, 1)
    return np.where(np.isfinite(losses), 0.5 - ranks, -0.5)


def entropy_gradient(logits, sizes):
    """The gradient of the sum of all entropies by the logits: −p (log p + H) of each basis, float array [E]."""
    found = []
    for part in split(np.asarray(logits, "float64"), sizes):
        logs = part - part.max()
        logs = logs - np.log(np.exp(logs).sum())
        entropy = -(np.exp(logs) @ logs)
        found.append(-np.exp(logs) * (logs + entropy))
    return np.concatenate(found)


def _softmax(part):
    return ops.exp(ops.log_softmax(part, axis=-1))  # that of Keras warns of a basis of one candidate
