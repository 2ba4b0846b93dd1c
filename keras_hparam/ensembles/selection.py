"""Greedy selection of the members of an ensemble among candidates, by the ensemble's loss on held-out examples.

Every loss depends on the candidates through statistics that are averaged over the members (probabilities, predictions,
the first two moments), so that a step needs the sum over the members so far and one addition for each candidate.

Axes: M candidates, n examples, C classes, D targets; s a statistic's own axes.
"""

import numbers
from typing import NamedTuple

import numpy as np

from keras_hparam import errors
from keras_hparam.ensembles import candidates
from keras_hparam.ops.calibration import LEAST_PROBABILITY

_BLOCK = 2**22  # numbers that are worked on at a time


class Selection(NamedTuple):
    """The members that were selected.

    Attributes:
        members: tuple of int, indices of candidates in order of selection, with repeats.
        weights: tuple of float, the weight of each of `unique_members`, which sum to 1.
        losses: tuple of float, the ensemble's loss after each step.
    """

    members: tuple
    weights: tuple
    losses: tuple

    @property
    def unique_members(self):
        """Tuple of int: the members without repeats, in the order of their first selection."""
        return tuple(dict.fromkeys(self.members))


def greedy_selection(probabilities, labels, ensemble_size, loss="nll", replacement=True, unique=False):
    """Selects members one by one: at each step the candidate that lowers the ensemble's loss most.

    A step is always made, also where every candidate raises the loss; `Selection.losses` shows it. Of equally good
    candidates the one with the lowest index is taken. Probabilities and points are averaged over members; normal
    distributions become the one with mean and variance of their mixture.

    With replacement, a candidate can be selected again, which gives it more weight; `ensemble_size` counts repeats.
    With `unique` it counts different candidates instead, as many steps as that takes: a candidate that is a member
    already is then selected again only where it lowers the loss, and at most `ensemble_size` times in succession; else
    the best one that is no member yet is selected. So the selection ends after at most `ensemble_size`² steps.

    Args:
        probabilities: float [M, n, C]. For "mse" predictions [M, n] or [M, n, D], for "gaussian_nll" [M, n, 2D], means
            and then log-variances; for a function, any finite [M, n, ...].
        labels: classes int [n] or one-hot [n, C]; targets [n] or [n, D]; for a function, anything.
        ensemble_size: int >= 1.
        loss: "nll", "brier", "error" (share of examples of another class), "mse", "gaussian_nll" (both summed over
            targets), each a mean over examples; or a function (labels, mean of the members [n, ...]) -> float, smaller
            is better.
        replacement: bool, whether a candidate can be selected again.
        unique: bool, what `ensemble_size` counts with replacement.

    Returns:
        `Selection`.

    Raises:
        InvalidArgumentError: if an argument is none of these; if a candidate's predictions are not finite or, for a
            loss of probabilities, are none (as logits are not); if there are too few candidates; if a function gives
            no finite number.

    Source: Caruana et al. 2004, "Ensemble selection from libraries of models"; Wenzel et al. 2020, arXiv 2006.13570,
    algorithm 1.

    Example:
        >>> greedy_selection([[[0.9, 0.1]], [[0.6, 0.4]]], [0], ensemble_size=1).members
        (0,)
    """
    statistics, labels, score = _prepared(probabilities, labels, loss)
    _check_size(ensemble_size, len(statistics), replacement, unique)
    total, members, losses, repeats = np.zeros(statistics.shape[1:]), [], [], 0
    while len(set(members) if unique else members) < ensemble_size:
        step = _step_losses(score, labels, total, statistics, len(members) + 1)
        chosen = int(np.argmin(step))
        repeated = chosen in members
        idle = repeated and (step[chosen] >= losses[-1] or repeats >= ensemble_size)
        if repeated and not replacement or idle and unique:
            chosen, repeated = _best_of_others(step, members), False
        repeats = repeats + 1 if repeated else 0
        total += statistics[chosen]
        members.append(chosen)
        losses.append(float(step[chosen]))
    weights = tuple(members.count(member) / len(members) for member in dict.fromkeys(members))
    return Selection(tuple(members), weights, tuple(losses))


def _best_of_others(step, members):
    others = np.array(step)
    others[members] = np.inf
    return int(np.argmin(others))


def _step_losses(score, labels, total, statistics, count):
    """The ensemble's loss [M] with each candidate added."""
    block = max(1, _BLOCK // max(1, total.size))
    parts = [statistics[first : first + block] for first in range(0, len(statistics), block)]
    step = np.concatenate([score((total + part) / count, labels) for part in parts])
    if not np.isfinite(step).all():
        raise errors.InvalidArgumentError(f"Expected `loss` to give finite numbers. Received: {step.tolist()}.")
    return step


def _check_size(ensemble_size, num_candidates, replacement, unique):
    if isinstance(ensemble_size, bool) or not isinstance(ensemble_size, numbers.Integral) or ensemble_size < 1:
        raise errors.InvalidArgumentError(f"Expected `ensemble_size` to be an int >= 1. Received: {ensemble_size!r}.")
    if (unique or not replacement) and ensemble_size > num_candidates:
        raise errors.InvalidArgumentError(
            f"Expected `ensemble_size` <= {num_candidates}, the number of candidates. Received: {ensemble_size}."
        )


def _prepared(predictions, labels, loss):
    """(statistics [M, n, s], labels, score of their means (means [..., n, s], labels) -> [...])."""
    predictions = candidates.checked_predictions(predictions)
    if callable(loss):
        return predictions, labels, lambda means, labels: np.array([float(loss(labels, one)) for one in means])
    if loss not in _PREPARED:
        raise errors.InvalidArgumentError(f"Expected `loss` in {tuple(_PREPARED)} or a function. Received: {loss!r}.")
    return _PREPARED[loss](predictions, labels)


def _nll(probabilities, labels):
    labels = candidates.checked_classes(probabilities, labels)
    chosen = probabilities[:, np.arange(len(labels)), labels]
    return chosen, labels, lambda means, _: -np.log(np.maximum(means, LEAST_PROBABILITY)).mean(-1)


def _brier(probabilities, labels):
    differences = probabilities - np.eye(probabilities.shape[-1])[candidates.checked_classes(probabilities, labels)]
    return differences, labels, lambda means, _: np.square(means).sum(-1).mean(-1)


def _error(probabilities, labels):
    labels = candidates.checked_classes(probabilities, labels)
    return probabilities, labels, lambda means, labels: (means.argmax(-1) != labels).mean(-1)


def _mse(predictions, targets):
    deviations = predictions - candidates.checked_targets(predictions, targets)
    flat = deviations.reshape(*deviations.shape[:2], -1)
    return flat, targets, lambda means, _: np.square(means).sum(-1).mean(-1)


def _gaussian_nll(predictions, targets):
    """Moments about the target, which lose no digits where targets are far from 0."""
    means, log_variances = candidates.checked_gaussians(predictions)
    deviations = means - candidates.checked_targets(means, targets)
    moments = np.stack([deviations, np.square(deviations), np.exp(log_variances)], axis=-1)  # [M, n, D, 3]

    def score(means, _):
        deviation, square, within = np.moveaxis(means, -1, 0)
        variance = within + np.maximum(square - np.square(deviation), 0.0)
        return 0.5 * (np.log(2.0 * np.pi * variance) + np.square(deviation) / variance).sum(-1).mean(-1)

    return moments, targets, score


_PREPARED = {"nll": _nll, "brier": _brier, "error": _error, "mse": _mse, "gaussian_nll": _gaussian_nll}
