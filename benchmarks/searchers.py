"""Searchers under one interface: `ask()` gives the next trial's values (`None`: stopped), `tell(objective)` its result.

KerasTuner Oracles, ours among them, are driven as a tuner drives them (create_trial, update_trial, end_trial) but
without a tuner, silently and in a temporary directory; Optuna's samplers through their ask and tell.
"""

import tempfile
import warnings

import keras_tuner as kt
import numpy as np

from benchmarks.problems import sampling
from keras_hparam import errors
from keras_hparam.spaces.convert import from_hyperparameters


class LocalMutationOracle(kt.Oracle):
    """Mutates the best trial so far; the first ones are random.

    Args:
        objective: as in `kt.Oracle`.
        max_trials: as in `kt.Oracle`.
        hyperparameters: the complete space.
        seed: int.
        num_initial: random trials before the first mutation.
        scale: standard deviation of a numeric step in the unit interval.
        resample: probability that a categorical parameter is drawn anew.
        rate: probability that a parameter is touched; one always is.
    """

    def __init__(self, objective, max_trials, hyperparameters, seed, num_initial=5, scale=0.15, resample=0.2, rate=0.5):
        super().__init__(objective=objective, max_trials=max_trials, hyperparameters=hyperparameters, seed=seed)
        self._rng = np.random.default_rng(seed)
        self._search_space = from_hyperparameters(hyperparameters)
        self._num_initial, self._scale, self._resample, self._rate = num_initial, scale, resample, rate

    def populate_space(self, trial_id):
        """A mutation of the best trial that has not been tried yet."""
        for _ in range(100):
            values = sampling.random_values(self._search_space, self._rng)
            if len(self.trials) >= self._num_initial:
                best = self.get_best_trials(1)[0].hyperparameters.values
                values = sampling.neighbour(
                    self._search_space, best, self._rng, self._scale, self._resample, self._rate
                )
            if not self._duplicate(values):
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED"}


class OracleSearcher:
    """Drives a KerasTuner Oracle.

    Args:
        oracle: a `kt.Oracle` whose objective is the problem's metric.
        problem: `Problem`.
    """

    def __init__(self, oracle, problem):
        self._directory = tempfile.TemporaryDirectory(prefix="search_benchmark_")
        oracle._set_project_dir(self._directory.name, "search")
        oracle.verbose = 0
        self._oracle, self._metric, self._trial = oracle, problem.metadata.metric, None

    def ask(self):
        """Values of a new trial, or `None` when the Oracle stops; raises what made ours stop, if it was an error."""
        self._trial = self._oracle.create_trial("tuner0")
        if getattr(self._oracle, "error", None) is not None:
            raise self._oracle.error
        if self._trial.status == "STOPPED":
            return None
        if self._trial.status != "RUNNING":
            raise errors.UnavailableError(f"Expected a trial that is RUNNING. Received: {self._trial.status}.")
        return dict(self._trial.hyperparameters.values)

    def tell(self, objective):
        """Reports the objective of the trial that was asked for last."""
        self._oracle.update_trial(self._trial.trial_id, {self._metric: objective})
        self._trial.status = "COMPLETED"
        self._oracle.end_trial(self._trial)


class OptunaSearcher:
    """Drives an Optuna study.

    Args:
        sampler: name of an Optuna sampler, which gets its defaults; but the TPE models groups of parameters where
            there are conditions, as Optuna's own warning advises.
        problem: `Problem`; conditional parameters are suggested only where they are active.
        seed: int.
    """

    def __init__(self, sampler, problem, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self._space, self._trial = from_hyperparameters(problem.build()), None
        options = {}
        if sampler == "TPESampler" and any(parameter.conditions for parameter in self._space.parameters):
            options = {"multivariate": True, "group": True}
        direction = "maximize" if problem.goal == "max" else "minimize"
        made = getattr(optuna.samplers, sampler)(seed=seed, **options)
        self._study = optuna.create_study(sampler=made, direction=direction)

    def ask(self):
        """Values of a new trial."""
        self._trial = self._study.ask()
        values = {}
        for parameter in self._space.parameters:
            if sampling.is_active(parameter, values):
                values[parameter.name] = self._suggest(parameter)
        return values

    def _suggest(self, parameter):
        """Optuna's suggestion for one parameter."""
        if parameter.is_categorical or parameter.kind == "choice":
            return self._trial.suggest_categorical(parameter.name, list(parameter.values))
        if parameter.scale == "reverse_log" or (parameter.scale == "log" and parameter.step is not None):
            raise errors.InvalidArgumentError(
                f"Expected a scale that Optuna has (linear, or log without step) for {parameter.name!r}. "
                f"Received: {parameter.scale!r} with step {parameter.step!r}."
            )
        suggest = self._trial.suggest_int if parameter.kind == "int" else self._trial.suggest_float
        step = {} if parameter.step is None else {"step": parameter.step}
        return suggest(parameter.name, parameter.low, parameter.high, log=parameter.scale == "log", **step)

    def tell(self, objective):
        """Reports the objective of the trial that was asked for last."""
        self._study.tell(self._trial, objective)
