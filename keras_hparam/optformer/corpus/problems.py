"""A problem: a space, an objective on it, and what is observed of it. The policies run on problems.

Axes: N configurations, D parameters.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws, names
from keras_hparam.optformer.corpus.features import Features
from keras_hparam.optformer.corpus.objectives import FAMILIES, random_objective
from keras_hparam.optformer.corpus.outcomes import Outcome
from keras_hparam.optformer.corpus.search_spaces import random_space

THEMED_SHARES = {"gaussian_process": 0.4, "black_box": 0.15, "response": 0.92, "network": 0.35, "trees": 0.5}
FAILURE_REGION_SHARE = 0.07  # of the studies fail in a part of the space
FAILURE_CHANCE_SHARE = 0.07  # of the studies have trials that fail at random
NOISY_RECORDS_SHARE = 0.35  # of the studies of real trainings get noise
_REFERENCE = 64  # random configurations that fix location and scale
_MOST_FAILING = 0.6


class Problem:
    """What there is to tune.

    Args:
        rng: `np.random.Generator`.
        space: `SearchSpace`.
        objective: tokens [N, D] to latent values [N], larger is better, NaN where a configuration fails.
        metric: kind of metric, a key of `names.METRICS`.
        family: key of `objectives.FAMILIES`, for what is usual of it.
        num_bins: the number of tokens of a numeric parameter.

    Attributes:
        goal: "max" or "min".
        outcome: `Outcome`.
    """

    def __init__(self, rng, space, objective, metric, family, num_bins=1000):
        self.space, self.num_bins, self.family = space, num_bins, family
        self.goal = names.METRICS[metric][1]
        self.sign = 1.0 if self.goal == "max" else -1.0
        self._objective = objective
        self._region = None
        self._failure_rate = rng.beta(1.0, 8.0) if draws.chance(rng, FAILURE_CHANCE_SHARE) else 0.0
        tokens = space.random_tokens(rng, _REFERENCE, num_bins)
        latent = objective(tokens)
        self._worst = None  # instead of failing, where nearly everything would fail
        failing = ~np.isfinite(latent)
        if failing.mean() > _MOST_FAILING:
            self._worst = latent[~failing].min() - 1.0 if not failing.all() else 0.0
            latent = np.where(failing, self._worst, latent)
        if draws.chance(rng, FAILURE_REGION_SHARE):
            self._region = _FailureRegion(rng, space, tokens, num_bins)
        self.outcome = Outcome(rng, latent, metric, family)

    def latent(self, tokens):
        """Latent values [N], larger is better, of tokens [N, D]; NaN where they always fail."""
        values = self._objective(tokens)
        if self._worst is not None:
            values = np.where(np.isfinite(values), values, self._worst)
        if self._region is not None:
            values = np.where(self._region(tokens), np.nan, values)
        return values

    def noiseless(self, tokens):
        """Objectives [N] of tokens [N, D] without noise and without failures by chance."""
        return self.outcome.noiseless(self.latent(tokens))

    def observe(self, rng, tokens):
        """Objectives [N] of tokens [N, D] as recorded, NaN where a trial failed."""
        values = self.outcome.observe(rng, self.latent(tokens))
        if self._failure_rate:
            values[rng.random(len(values)) < self._failure_rate] = np.nan
        return values


class RecordedProblem:
    """A problem whose objective gives what was recorded of real trainings, with a little noise in some studies.

    Args:
        rng: `np.random.Generator`.
        space: `SearchSpace`.
        objective: tokens [N, D] to values [N], larger is better.
        goal: "max" or "min", the direction in which the recorded metric improves.
        num_bins: the number of tokens of a numeric parameter.
    """

    def __init__(self, rng, space, objective, goal, num_bins=1000):
        self.space, self.num_bins, self.goal, self.latent = space, num_bins, goal, objective
        self.sign = 1.0 if goal == "max" else -1.0
        self._noise = 0.0
        if draws.chance(rng, NOISY_RECORDS_SHARE):
            values = objective(space.random_tokens(rng, _REFERENCE, num_bins))
            spread = np.subtract(*np.nanquantile(values, (0.75, 0.25)))
            self._noise = draws.log_between(rng, 0.005, 0.2) * spread

    def noiseless(self, tokens):
        """Objectives [N] of tokens [N, D] as recorded."""
        return self.sign * self.latent(tokens)

    def observe(self, rng, tokens):
        """Objectives [N] of tokens [N, D], with noise where the problem has some."""
        return self.noiseless(tokens) + self._noise * rng.standard_normal(len(tokens))


class _FailureRegion:
    """A half space of the features in which trials fail, with at most 40% of a reference sample in it."""

    def __init__(self, rng, space, tokens, num_bins):
        self._features = Features(rng, space, num_bins)
        direction = rng.standard_normal(self._features.size)
        self._direction = direction * (rng.random(len(direction)) < 2.0 / len(direction))
        self._threshold = np.quantile(self._features(tokens) @ self._direction, draws.between(rng, 0.6, 0.98))

    def __call__(self, tokens):
        return self._features(tokens) @ self._direction > self._threshold


def random_problem(rng, max_parameters=12, family=None, num_bins=1000):
    """A random `Problem` and the `Metadata` of its study.

    Args:
        rng: `np.random.Generator`.
        max_parameters: the largest number of parameters.
        family: key of `objectives.FAMILIES`; at random where it is None.
        num_bins: the number of tokens of a numeric parameter.
    """
    family = family or draws.pick_from(rng, FAMILIES)
    space, theme = random_space(rng, max_parameters, draws.chance(rng, THEMED_SHARES[family]))
    kind, metric, _ = names.random_metric(rng, theme)
    objective = random_objective(rng, space, family, num_bins)
    problem = Problem(rng, space, objective, kind, family, num_bins)
    return problem, names.random_metadata(rng, theme, metric)
