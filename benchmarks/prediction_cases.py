"""What predictions are asked for: held-out problems, trials on them, and new configurations with their outcomes.

Axes: N configurations, D parameters, T trials.
"""

import collections.abc
import dataclasses

import numpy as np

from benchmarks import problems
from keras_hparam import errors
from keras_hparam.optformer.corpus.problems import random_problem
from keras_hparam.optformer.study import Metadata, Status, Study
from keras_hparam.optformer.training_settings import HELD_OUT_SEED
from keras_hparam.spaces import SearchSpace
from keras_hparam.spaces.convert import from_hyperparameters

POLICIES = ("random", "mixed")
NUM_STARTS = 5  # random trials of "mixed" before the first mutation
NUM_BEST = 3  # trials that are mutated
SCALES = (0.02, 0.3)  # of the mutations


@dataclasses.dataclass(frozen=True)
class Case:
    """A problem as a source of trials.

    Args:
        name, suite: str.
        space: `SearchSpace`.
        metadata: `Metadata`.
        goal: "max" or "min".
        observe: callable (rng, tokens [N, D]) -> objectives [N] as they are recorded, NaN where a trial failed.
        truth: callable tokens [N, D] -> objectives [N] without noise.
    """

    name: str
    suite: str
    space: SearchSpace
    metadata: Metadata
    goal: str
    observe: collections.abc.Callable
    truth: collections.abc.Callable

    def run(self, rng, tokens):
        """The `Study` of trials of tokens [T, D]."""
        values = np.asarray(self.observe(rng, tokens), float)
        failed = ~np.isfinite(values)
        statuses = np.where(failed, Status.FAILED, Status.COMPLETED).astype(np.int8)
        return Study(self.space, self.metadata, self.goal, tokens, np.where(failed, np.nan, values), statuses)


def corpus_case(index, max_parameters=16):
    """A synthetic problem of the corpus whose seed no training may have."""
    problem, metadata = random_problem(np.random.default_rng([HELD_OUT_SEED, index]), max_parameters)
    observe, truth = problem.observe, problem.noiseless
    return Case(f"corpus_{index}", "corpus", problem.space, metadata, problem.goal, observe, truth)


def suite_case(problem):
    """A `problems.Problem`, which has no noise."""
    space = from_hyperparameters(problem.build())

    def truth(tokens):
        return np.array([problem.evaluate(space.from_tokens(row)) for row in tokens])

    def observe(rng, tokens):
        return truth(tokens)

    return Case(problem.name, problem.suite, space, problem.metadata, problem.goal, observe, truth)


def load(names, num_corpus, data_dir):
    """Cases by the names of suites or problems, as in `problems.load`; "corpus" are `num_corpus` synthetic ones."""
    cases = [corpus_case(index) for index in range(num_corpus)] if "corpus" in names else []
    return cases + [suite_case(problem) for problem in problems.load([n for n in names if n != "corpus"], data_dir)]


def history(case, policy, rng, num_trials):
    """A `Study` of T trials.

    Args:
        case: `Case`.
        policy: "random", or "mixed": of the trials after the first `NUM_STARTS`, half are mutations of the best ones,
            as a search leaves them.
        rng: `numpy.random.Generator`.
        num_trials: T.

    Raises:
        InvalidArgumentError: for an unknown policy.
    """
    if policy not in POLICIES:
        raise errors.InvalidArgumentError(f"Expected `policy` to be one of {POLICIES}. Received: {policy!r}.")
    starts = num_trials if policy == "random" else min(NUM_STARTS, num_trials)
    study = case.run(rng, case.space.random_tokens(rng, starts))
    while len(study) < num_trials:
        grown = case.run(rng, questions(case, policy, study, rng, 1))
        arrays = {name: (getattr(study, name), getattr(grown, name)) for name in ("tokens", "objectives", "statuses")}
        study = dataclasses.replace(study, **{name: np.concatenate(pair) for name, pair in arrays.items()})
    return study


def questions(case, policy, study, rng, count):
    """Tokens [count, D] of new configurations: random, under "mixed" half of them mutations of the best trials."""
    rows = case.space.random_tokens(rng, count)
    if policy == "random" or not np.isfinite(study.scores).any():
        return rows
    best = np.argsort(-np.nan_to_num(study.scores, nan=-np.inf), kind="stable")[:NUM_BEST]
    parents = study.tokens[rng.choice(best[np.isfinite(study.scores[best])], size=count)]
    scales = np.exp(rng.uniform(*np.log(SCALES), size=count))
    mutated = case.space.mutate_tokens(rng, parents, scales)
    return np.where(rng.random((count, 1)) < 0.5, mutated, rows)
