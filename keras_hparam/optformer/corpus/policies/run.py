"""The record of one run of a policy on a problem.

Axes: T trials that the run may make, B trials proposed at a time, D parameters.
"""

import math

import numpy as np

from keras_hparam.optformer.study import Status, Study

_FRESH_TRIES = 4  # replacements drawn at random for proposals that were already made


class Run:
    """Trials of a problem, made one batch at a time and not repeated while fresh ones are at hand.

    Args:
        rng: `np.random.Generator`.
        problem: `problems.Problem`.
        num_trials: T; fewer are made where the space has fewer configurations.
        repeats: whether a proposal may repeat an earlier trial.

    Attributes:
        tokens: int32 [T, D]; rows from `count` on are not yet made.
        objectives: float [T], as recorded; NaN where a trial failed.
        scores: float [T], larger is better; -inf where a trial failed.
    """

    def __init__(self, rng, problem, num_trials, repeats=False):
        self.rng, self.problem, self.space = rng, problem, problem.space
        size = num_trials if repeats else min(num_trials, self.space.size)
        self.num_trials = int(size if math.isfinite(size) else num_trials)
        self.tokens = np.zeros((self.num_trials, len(self.space.parameters)), np.int32)
        self.objectives, self.scores = np.full((2, self.num_trials), np.nan)
        self.count = 0
        self._seen = None if repeats else set()

    @property
    def left(self):
        """How many trials are still to be made."""
        return self.num_trials - self.count

    def random(self, count):
        """Random tokens [count, D]."""
        return self.space.random_tokens(self.rng, count, self.problem.num_bins)

    def mutate(self, tokens, scale, rate=None):
        """Local mutations of tokens [B, D]; `scale` and `rate` as of `SearchSpace.mutate_tokens`."""
        return self.space.mutate_tokens(self.rng, tokens, scale, self.problem.num_bins, rate)

    def best(self, count):
        """Indices of the `count` best trials so far, best first; failed ones come last."""
        order = np.argsort(-self.scores[: self.count], kind="stable")
        return order[:count]

    def make(self, tokens):
        """Makes the trials of tokens [B, D] that are new, as many as are left; returns their indices, perhaps fewer.

        Where none is new, random ones take their place; where those are not new either, one trial is repeated.
        """
        fresh = self._fresh(tokens, self.left)
        for _ in range(_FRESH_TRIES):
            if len(fresh):
                break
            fresh = self._fresh(self.random(16), 1)
        fresh = fresh if len(fresh) else tokens[:1]
        made = slice(self.count, self.count + len(fresh))
        self.tokens[made] = fresh
        self.objectives[made] = self.problem.observe(self.rng, fresh)
        scores = self.problem.sign * self.objectives[made]
        self.scores[made] = np.where(np.isfinite(scores), scores, -np.inf)
        self.count += len(fresh)
        return np.arange(made.start, made.stop)

    def study(self, metadata):
        """The `Study` of the trials made so far, under that `Metadata`; objectives are NaN where trials failed."""
        objectives = self.objectives[: self.count]
        failed = ~np.isfinite(objectives)
        return Study(
            space=self.space,
            metadata=metadata,
            goal=self.problem.goal,
            tokens=self.tokens[: self.count],
            objectives=np.where(failed, np.nan, objectives),
            statuses=np.where(failed, Status.FAILED, Status.COMPLETED).astype(np.int8),
        )

    def _fresh(self, tokens, most):
        """The rows that were not made before, at most `most`; they count as made from now on."""
        if self._seen is None:
            return tokens[:most]
        rows = []
        for row, key in enumerate(map(bytes, np.ascontiguousarray(tokens, np.int32))):
            if len(rows) < most and key not in self._seen:
                self._seen.add(key)
                rows.append(row)
        return tokens if len(rows) == len(tokens) else tokens[rows]
