"""Another KerasTuner Oracle as the planner's prior policy: it proposes candidates, the model chooses among them."""

import copy
import math

import keras_tuner as kt
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus

from keras_hparam import errors
from keras_hparam.optformer.history import complete_values
from keras_hparam.optformer.settings import as_shares


def with_oracles(prior, host):
    """A `prior` of `PlanningSettings` in which KerasTuner Oracles have become functions that serve `host`."""
    if prior is None:
        return None
    return [(OraclePrior(p, host) if isinstance(p, kt.Oracle) else p, share) for p, share in as_shares(prior)]


class OraclePrior:
    """Candidates of a KerasTuner Oracle: a function of (study, rng, count), as the planner's `prior` may be.

    Each call returns the Oracle to the state in which it was given, seeds it, tells it the trials of the host so far,
    those that run among them, and then asks for proposals as from workers that run at the same time. So candidates
    follow the search and depend on nothing but its trials and the generator. An Oracle that stops or waits proposes
    fewer. It belongs to the prior from then on, writes no files and prints nothing.

    Args:
        oracle: `keras_tuner.Oracle`, such as `keras_tuner.oracles.BayesianOptimizationOracle`. A random state that is
            not made from its `seed` is not reproduced when a search continues.
        host: `keras_tuner.Oracle` whose search it serves, with the same objective.
        most: int >= 1, candidates of a call at most: each costs the Oracle a proposal.

    Raises:
        InvalidArgumentError: if the Oracle has another objective or trials of its own, or walks a grid, which knows no
            other trials than its own.
    """

    def __init__(self, oracle, host, most=8):
        if isinstance(oracle, kt.oracles.GridSearchOracle):
            raise errors.InvalidArgumentError(
                "Expected `prior` to be an Oracle that follows any trials. Received: a GridSearchOracle, which follows "
                "its own; small spaces are enumerated without it."
            )
        if (oracle.objective.name, oracle.objective.direction) != (host.objective.name, host.objective.direction):
            raise errors.InvalidArgumentError(
                f"Expected `prior` to be an Oracle with the objective {host.objective.name!r} "
                f"({host.objective.direction}). Received: {oracle.objective.name!r} ({oracle.objective.direction})."
            )
        if oracle.trials:
            raise errors.InvalidArgumentError(
                f"Expected `prior` to be an Oracle without trials. Received: one with {len(oracle.trials)}."
            )
        self._oracle, self._host, self._most = oracle, host, most
        self._state = copy.deepcopy(oracle.get_state())
        oracle.verbose, oracle.max_trials, oracle.max_consecutive_failed_trials = 0, None, math.inf
        oracle.save = oracle._save_trial = lambda *args, **kwargs: None

    def __call__(self, study, rng, count):
        """At most `count` dicts of values; the trials are the host's, so that of the study only the space counts."""
        self._reset(int(rng.integers(1, 2**31 - 1)))
        for trial_id in self._host.start_order:
            self._tell(self._host.trials[trial_id], trial_id in self._host.end_order)
        proposals = []
        for number in range(min(count, self._most)):
            trial = self._oracle.create_trial(f"candidate{number}")
            if trial.status != TrialStatus.RUNNING:
                break
            proposals.append(complete_values(study.space, trial.hyperparameters.values))
        return proposals

    def _reset(self, seed):
        oracle = self._oracle
        oracle.trials = {}
        oracle.set_state(copy.deepcopy({**self._state, "seed": seed, "seed_state": seed}))
        oracle.hyperparameters = self._host.hyperparameters.copy()
        if isinstance(oracle, kt.oracles.BayesianOptimizationOracle):
            oracle._random_state = np.random.RandomState(seed)  # neither its state nor a seed that changes reaches it

    def _tell(self, known, has_ended):
        """Enters one trial of the host as if the Oracle had proposed it."""
        oracle = self._oracle
        trial = Trial(known.hyperparameters.copy(), known.trial_id, TrialStatus.RUNNING)
        oracle.trials[trial.trial_id] = oracle.ongoing_trials[f"trial{trial.trial_id}"] = trial
        oracle.start_order.append(trial.trial_id)
        if not has_ended:
            oracle._record_values(trial)
            return
        completed = known.status == TrialStatus.COMPLETED and known.score is not None and math.isfinite(known.score)
        trial.status = TrialStatus.COMPLETED if completed else TrialStatus.FAILED
        if completed:
            trial.metrics.register(oracle.objective.name, oracle.objective.direction)
            trial.metrics.update(oracle.objective.name, known.score)
        oracle.end_trial(trial)
