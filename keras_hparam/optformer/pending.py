"""Trials that run while others are proposed: their objective predicted, or candidates kept apart from them.

US20230401451A1, claims 5 to 8 and 15.

Axes: T trials, N candidates, M pending trials, D parameters of the space.
"""

import dataclasses

import numpy as np

from keras_hparam.networks.values import bin_centres
from keras_hparam.ops import acquisitions
from keras_hparam.optformer.study import Status

RADIUS = 0.05  # of the neighbourhood of a pending trial, in the units of `distances`


def filled(study, probabilities, normalizer):
    """The `Study` with predictions in place of what its M pending trials will come to.

    A trial is completed with the median of its predicted objective, or failed where that is more likely than not.

    Args:
        study: `Study` with T trials.
        probabilities: float [M, num_bins + 1], predicted for the pending trials; the last one is of failure.
        normalizer: `Normalizer` of the objective that was predicted.
    """
    num_bins = probabilities.shape[1] - 1
    succeeding = np.maximum(1.0 - probabilities[:, -1:], 1e-9)
    median = np.asarray(acquisitions.quantile(probabilities[:, :-1] / succeeding, bin_centres(num_bins), 0.5))
    scores = normalizer.from_unit(np.clip(median, 0.5 / num_bins, 1.0 - 0.5 / num_bins))
    rows = np.flatnonzero(np.asarray(study.statuses) == Status.PENDING)
    objectives, statuses = np.array(study.objectives, float), np.array(study.statuses)
    objectives[rows] = scores if study.goal == "max" else -scores
    statuses[rows] = np.where(probabilities[:, -1] > 0.5, Status.FAILED, Status.COMPLETED)
    return dataclasses.replace(study, objectives=objectives, statuses=statuses)


def distances(space, rows, others, num_bins):
    """Root mean square difference [N, M] of two sets of tokens [N, D] and [M, D], over parameters that vary.

    Numbers differ by their distance in the unit interval; categories, and an inactive parameter from an active one, by
    1.
    """
    varies = np.array([parameter.num_values != 1 for parameter in space.parameters], bool)
    categorical = np.array([parameter.is_categorical for parameter in space.parameters], bool)[varies]
    rows, others = rows[:, None, varies], others[None, :, varies]
    numbers = (rows >= 0) & (others >= 0) & ~categorical
    difference = np.where(numbers, (rows - others) / num_bins, rows != others)
    return np.sqrt(np.sum(difference**2, axis=-1) / max(varies.sum(), 1))


def discount(scores, distance):
    """Scores [N] that fall to the lowest of them where candidates come close to pending trials at `distance` [N, M].

    Source: González et al. 2016, "Batch Bayesian Optimization via Local Penalization", arXiv 1505.08052; the radius of
    the penalty is fixed here.
    """
    lowest = np.min(scores)
    return lowest + (scores - lowest) * np.prod(1.0 - np.exp(-0.5 * (distance / RADIUS) ** 2), axis=1)
