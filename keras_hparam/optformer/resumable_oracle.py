"""A KerasTuner Oracle that survives exceptions, kills and restarts.

KerasTuner's own base class keeps its lock for ever after an exception, replaces seed 0 by a random one, adds the
metrics of a retry to those of the failed run, forgets values of names that occur in several scopes, writes its files in
place, and on reload runs finished trials again.
"""

import contextlib
import logging
import time

import keras_tuner as kt
import numpy as np
import tensorflow as tf
from keras_tuner.engine.trial import Trial, TrialStatus

from keras_hparam import errors
from keras_hparam.spaces.convert import from_hyperparameters
from keras_hparam.spaces.rounding import restore_exact

_logger = logging.getLogger(__name__)
_IDLE_SECONDS = 0.1


@contextlib.contextmanager
def naming(path):
    """What reading the file raises becomes a CorruptFileError that names it."""
    try:
        yield
    except errors.CorruptFileError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, tf.errors.OpError) as error:
        raise errors.CorruptFileError(
            f"Expected {path} to be a whole file of a search, with the files that it names. Received: {error!r}."
        ) from error


def _require_types(trial):
    """Raises a ValueError for a trial that KerasTuner has not written."""
    known = {value for name, value in vars(TrialStatus).items() if name.isupper()}
    is_number = isinstance(trial.score, int | float | None)
    if not isinstance(trial.trial_id, str) or trial.status not in known or not is_number:
        raise ValueError(f"trial {trial.trial_id!r} of status {trial.status!r} and score {trial.score!r}")


class ResumableOracle(kt.Oracle):
    """Base of the package's Oracles: lock-safe, seeded, saved atomically, reloaded exactly.

    A subclass says in `next_trial()` what `populate_space` returns, and may raise. What it raises is logged, kept in
    `error`, and ends the search.

    Args:
        seed: int >= 0, or None for a random one. Proposal number t draws from a generator of its own, made from the
            seed and t, so that a resumed search needs no saved random state to continue as if never interrupted.
        **kwargs: arguments of `keras_tuner.Oracle`.
    """

    def __init__(self, *, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.seed = seed if seed is not None else int(np.random.SeedSequence().generate_state(1)[0])
        self._seed_state = self.seed
        self.error = None

    def next_trial(self):
        """A dict of the status and the values of the next trial, as `keras_tuner.Oracle.populate_space` returns."""
        raise NotImplementedError

    def populate_space(self, trial_id):
        """As KerasTuner's; called under its lock, and therefore never raises."""
        if self.error is None:
            try:
                return self.next_trial()
            except Exception as error:
                _logger.exception("The proposal of trial %s failed; the search stops.", trial_id)
                self.error = error
        return {"status": TrialStatus.STOPPED}

    def generator(self):
        """The `np.random.Generator` of the next trial: a function of the seed and the number of trials."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(len(self.trials),)))

    def create_trial(self, tuner_id):
        """As KerasTuner's; a worker that must wait waits here, without the lock, instead of polling at full speed."""
        trial = self._with_lock(self._create_trial, tuner_id)
        if trial.status == TrialStatus.IDLE:
            time.sleep(_IDLE_SECONDS)
        return trial

    def update_trial(self, trial_id, metrics, step=0):
        return self._with_lock(super().update_trial, trial_id, metrics, step=step)

    def end_trial(self, trial):
        return self._with_lock(self._end_trial, trial)

    def save(self):
        self._with_lock(self._save)

    def reload(self):
        """Restores the state of a project.

        Raises:
            CorruptFileError: if a file of the project is missing or is not what an Oracle wrote.
        """
        self.trials, self.error = {}, None
        for path in tf.io.gfile.glob(f"{self._project_dir}/trial_*/trial.json"):
            with naming(path):
                trial = Trial.load(path)
                _require_types(trial)
                self.trials[trial.trial_id] = trial
        with naming(self._get_oracle_fname()):
            super(kt.Oracle, self).reload(self._get_oracle_fname())
            self._retry_queue += [trial.trial_id for trial in self.ongoing_trials.values()]
            self.ongoing_trials = {}
            from_hyperparameters(self.hyperparameters)  # which raises if they are not legal
            if self.hyperparameters.values and not self.hyperparameters.space:
                raise ValueError("values of a space without parameters")
            if not set(self.end_order) | set(self._retry_queue) <= set(self.start_order):
                raise ValueError("trials that ended and never began")
            # A kill between the two files leaves a trial that the Oracle has not yet counted: it is proposed again.
            self.trials = {trial_id: self.trials[trial_id] for trial_id in self.start_order}
        waiting = set(self._retry_queue) - set(self.end_order)
        self._retry_queue = [trial_id for trial_id in reversed(self.start_order) if trial_id in waiting]

    def _with_lock(self, method, *args, **kwargs):
        """Calls under KerasTuner's lock and raises what the call raised after the lock is free."""
        result, error = self._caught(method, args, kwargs)
        if error is not None:
            raise error
        return result

    @kt.synchronized
    def _caught(self, method, args, kwargs):
        try:
            return method(*args, **kwargs), None
        except BaseException as error:
            return None, error

    def _create_trial(self, tuner_id):
        if tuner_id not in self.ongoing_trials and self._retry_queue:
            trial = self.trials[self._retry_queue[-1]]  # the one that KerasTuner runs next
            trial.metrics, trial.score, trial.message = type(trial.metrics)(), None, None
        return super().create_trial(tuner_id)

    def _end_trial(self, trial):
        restore_exact(trial.hyperparameters.values, self.trials[trial.trial_id].hyperparameters.values)
        super().end_trial(trial)

    def _record_values(self, trial):
        """As KerasTuner's, which forgets a name's active value if a later parameter of that name is inactive."""
        hp, values = trial.hyperparameters, dict(trial.hyperparameters.values)
        super()._record_values(trial)
        active = {entry.name for entry in hp.space if hp.is_active(entry)}
        hp.values.update({name: value for name, value in values.items() if name in active})

    def _save(self):
        self._replace(self._get_oracle_fname(), super(kt.Oracle, self).save)

    def _save_trial(self, trial):
        self._replace(f"{self._get_trial_dir(trial.trial_id)}/trial.json", trial.save)

    def _replace(self, path, write):
        write(f"{path}.tmp")
        tf.io.gfile.rename(f"{path}.tmp", path, overwrite=True)
