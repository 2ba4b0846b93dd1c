"""Synthetic studies, each a pure function of a seed and an index.

Axes: T trials, D parameters.
"""

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.policies import POLICIES, SHARES, Run
from keras_hparam.optformer.corpus.problems import random_problem

NUM_BINS = 1000
REPEATING_SHARE = 0.03  # of the studies may repeat trials
FEW_TRIALS_SHARE = 0.08  # of the studies have fewer than `_FEW` trials
REAL_SHARE = 0.55  # of the studies are of real trainings, where there is data of them
_FEW = 10


def random_num_trials(rng, max_trials):
    """T, mostly from 10 to `max_trials`, sometimes fewer or just that many."""
    if draws.chance(rng, FEW_TRIALS_SHARE):
        return draws.whole_between(rng, 1, min(_FEW, max_trials))
    if draws.chance(rng, 0.15):
        return max_trials
    return draws.whole_between(rng, min(_FEW, max_trials), max_trials)


def generate_study(seed, index, max_trials=100, max_parameters=12, real=None):
    """A random study: a space, an objective on it, its metadata, and a policy's trials.

    Args:
        seed: int >= 0, of the corpus.
        index: int >= 0, of the study within the corpus; the study depends on nothing else but the limits.
        max_trials: largest T, at least 1.
        max_parameters: largest D, at least 1.
        real: `real.RealProblems`, of which `REAL_SHARE` of the studies are, or None.

    Returns:
        `Study` with tokens of 1000 bins; objectives are NaN where the status is FAILED.

    Raises:
        InvalidArgumentError: if an argument is out of its range.

    Example:
        >>> study = generate_study(seed=0, index=7, max_trials=20)
        >>> 1 <= len(study) <= 20
        True
    """
    for name, value, least in (
        ("seed", seed, 0),
        ("index", index, 0),
        ("max_trials", max_trials, 1),
        ("max_parameters", max_parameters, 1),
    ):
        if not isinstance(value, (int, np.integer)) or value < least:
            raise errors.InvalidArgumentError(f"Expected `{name}` to be an int >= {least}. Received: {value!r}.")
    rng = np.random.default_rng([seed, index])
    source = real if real is not None and draws.chance(rng, REAL_SHARE) else random_problem
    problem, metadata = source(rng, max_parameters, num_bins=NUM_BINS)
    run = Run(rng, problem, random_num_trials(rng, max_trials), repeats=draws.chance(rng, REPEATING_SHARE))
    POLICIES[draws.pick_from(rng, SHARES)](run)
    return run.study(metadata)
