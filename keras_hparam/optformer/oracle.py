"""The KerasTuner Oracle whose trials a pre-trained sequence model proposes.

Source: US20230401451A1; Chen et al. 2022, "Towards Learning Universal Hyperparameter Optimizers with Transformers",
https://arxiv.org/abs/2205.13320.
"""

import dataclasses
import logging

import numpy as np
from keras_tuner.engine.trial import TrialStatus

from keras_hparam import errors, parallel
from keras_hparam.optformer import arguments, history
from keras_hparam.optformer.prior_oracle import with_oracles
from keras_hparam.optformer.resumable_oracle import ResumableOracle
from keras_hparam.optformer.settings import PlanningSettings
from keras_hparam.spaces.convert import from_hyperparameters

_logger = logging.getLogger(__name__)


class OptFormerOracle(ResumableOracle):
    """Proposes trials with a pre-trained sequence model over the study so far.

    Running trials are part of the model's input with a predicted or an unknown objective, failed ones as failed. No
    values are proposed twice; a finite space that is exhausted ends the search. An Oracle never raises while KerasTuner
    holds its lock: what goes wrong in a proposal is logged, kept in `error`, and ends the search
    (`keras_hparam.tuners.OptFormer` then raises it).

    Args:
        objective: str, `keras_tuner.Objective`, or a list of these, as for every KerasTuner Oracle.
        max_trials: int >= 1, the most trials to run.
        hyperparameters: `keras_tuner.HyperParameters` that declares or overrides parameters. Without it the first
            trial of an Oracle used alone runs the defaults, and the space is what that trial asks for.
        metadata: what the study is about: a text (the task), a `Metadata`, or a mapping of its fields.
        weights: name of shipped weights, or path of a folder with weights.
        decoding: "sample_and_rank" (planning, see `PlanningOracle`), "beam", "sample", "nucleus" or "greedy".
        pending: how running trials are shown to the model: "predict" (with its own prediction) or "placeholder".
        initial_trials: list of dicts of values to run first, in this order; missing parameters take their default.
        seed: int >= 0, or None for a random one.
        allow_new_entries: bool, whether the model may ask for parameters that are not in `hyperparameters`.
        tune_new_entries: bool, whether those are tuned; if not, they keep their default.
        max_retries_per_trial: int >= 0, how often a crashed or invalid trial runs again.
        max_consecutive_failed_trials: int >= 1, how many failures in a row end the search.
        proposer: an object with `num_bins` and `propose(study, rng, exclude)` instead of the weights and all that says
            how to propose (advanced).
        **planning: other fields of `PlanningSettings`: `temperature`, `top_p`, `beam_width`, `acquisition`, `prior`, …
            (a `prior` may also be a KerasTuner Oracle).

    Raises:
        InvalidArgumentError: if an argument is not one of the above, the parameters of `hyperparameters` are not
            legal (a `Choice` whose values repeat), or an initial trial does not fit them.
        CorruptFileError: if the weights are truncated or foreign.

    Example:

    ```python
    oracle = OptFormerOracle("val_accuracy", max_trials=20, seed=0, initial_trials=[{"learning_rate": 1e-3}])
    tuner = keras_tuner.Tuner(oracle, build)
    ```
    """

    def __init__(
        self,
        objective=None,
        max_trials=10,
        hyperparameters=None,
        metadata=None,
        weights="optformer-small",
        decoding="sample_and_rank",
        pending="predict",
        initial_trials=None,
        seed=None,
        allow_new_entries=True,
        tune_new_entries=True,
        max_retries_per_trial=0,
        max_consecutive_failed_trials=3,
        proposer=None,
        **planning,
    ):
        arguments.check_hyperparameters(hyperparameters, allow_new_entries and tune_new_entries)
        try:
            super().__init__(
                objective=objective,
                max_trials=arguments.as_integer("max_trials", max_trials, 1),
                hyperparameters=hyperparameters and hyperparameters.copy(),
                allow_new_entries=allow_new_entries,
                tune_new_entries=tune_new_entries,
                seed=seed if seed is None else arguments.as_integer("seed", seed, 0),
                max_retries_per_trial=arguments.as_integer("max_retries_per_trial", max_retries_per_trial, 0),
                max_consecutive_failed_trials=arguments.as_integer(
                    "max_consecutive_failed_trials", max_consecutive_failed_trials, 1
                ),
            )
        except errors.InvalidArgumentError:
            raise
        except (ValueError, TypeError) as error:  # the objective is all that KerasTuner itself checks
            raise arguments.unknown_objective(objective) from error
        arguments.check_directions(self.objective, objective)
        self.metadata = arguments.as_metadata(metadata)
        if not self.metadata.metric and objective is not None:
            self.metadata = dataclasses.replace(self.metadata, metric=self.objective.name)
        self.initial_trials = arguments.as_initial_trials(initial_trials)
        self._num_initial_used = 0
        self._space = self._encoder = None
        if self.space.parameters:  # which raises if they are not legal
            self.validate_initial_trials()
        planning["prior"] = with_oracles(planning.get("prior"), self)
        settings = PlanningSettings(decoding=decoding, pending=pending, **planning)
        if proposer is None and parallel.role() != "worker":  # whose chief proposes
            proposer = _load_proposer(weights, settings)
        self.proposer = proposer

    @property
    def space(self):
        """The `SearchSpace` as it is now; it may grow while trials run."""
        space = from_hyperparameters(self.hyperparameters)
        if space != self._space:  # an equal one is kept, with the tables that it has computed
            self._space, self._encoder = space, None
        return self._space

    def study(self):
        """The `Study` of the trials so far, in the order in which they began."""
        return self._with_lock(self._study)[0]

    def validate_initial_trials(self):
        """Checks `initial_trials` against the space.

        Raises:
            InvalidArgumentError: if an initial trial has a name or a value outside the space.
        """
        for index, values in enumerate(self.initial_trials):
            history.validate_initial_trial(self.space, values, index)

    def get_state(self):
        own = {"initial_trials": self.initial_trials, "num_initial_used": self._num_initial_used}
        return {**super().get_state(), "optformer": own}

    def set_state(self, state):
        super().set_state(state)
        self.initial_trials = arguments.as_initial_trials(state["optformer"]["initial_trials"])
        self._num_initial_used = arguments.as_integer("num_initial_used", state["optformer"]["num_initial_used"], 0)

    def _study(self):
        space = self.space
        if self._encoder is None:
            self._encoder = history.TrialEncoder(space, self.proposer.num_bins)
        trials = [self.trials[trial_id] for trial_id in self.start_order]
        goal = self.objective.direction
        return history.study_from_trials(self._encoder, self.metadata, goal, trials, set(self.end_order))

    def next_trial(self):
        """Status and values of the next trial; may raise."""
        space = self.space
        if not space.parameters:
            return self._discover()
        study, tried = self._study()
        if len(tried) >= space.size:
            _logger.info("All %d configurations of the space have been tried; the search stops.", space.size)
            return {"status": TrialStatus.STOPPED}
        values = self._next_initial(space, tried)
        return {"status": TrialStatus.RUNNING, "values": values or self._propose(study, tried)}

    def _discover(self):
        """The defaults while the space is unknown: one trial, for which others wait."""
        if not self.start_order:
            return {"status": TrialStatus.RUNNING, "values": {}}
        if set(self.start_order) - set(self.end_order):
            return {"status": TrialStatus.IDLE}
        _logger.warning("Expected trials to declare hyperparameters. Received: none; the search stops.")
        return {"status": TrialStatus.STOPPED}

    def _next_initial(self, space, tried):
        if self._num_initial_used == 0:
            self.validate_initial_trials()
        while self._num_initial_used < len(self.initial_trials):
            given = self.initial_trials[self._num_initial_used]
            self._num_initial_used += 1
            values = history.complete_values(space, given)
            if space.key(values) not in tried:
                return values
            _logger.info("The initial trial %s has run already; it is left out.", given)
        return None

    def _propose(self, study, tried):
        rng = self.generator()
        num_bins = self.proposer.num_bins
        exclude = {np.asarray(row, np.int32).tobytes() for row in study.tokens}
        tokens = self.proposer.propose(study, rng, exclude)  # [D]
        if tokens is None:
            return history.untried_values(study.space, tried, exclude, rng, num_bins)
        if np.asarray(tokens, np.int32).tobytes() in exclude:
            raise RuntimeError(f"Expected the proposer to leave out tried values. Received: {tokens}.")
        return study.space.from_tokens(tokens, num_bins)


def _load_proposer(weights, settings):
    from keras_hparam.optformer.planning import Proposer  # the network is imported only where it is used

    return Proposer.load(weights, settings)
