"""The chief of a search on several workers: an Oracle, who runs which of its trials, and what becomes of lost ones.

KerasTuner's own chief waits for ever for a worker that died, answers one call at a time, and keeps its lock after an
exception. This one knows its workers, so that trials of those that are not heard of are given to others, and what they
still send later counts no more.
"""

import contextlib
import errno
import logging
import pathlib
import threading
import time

from keras_tuner.engine.trial import TrialStatus

from keras_hparam import errors
from keras_hparam.parallel import leases
from keras_hparam.spaces.rounding import restore_exact

LEASES_FILE = "leases.json"
AHEAD = "prepared-ahead"  # the tuner id of a trial that no worker has yet
SLOW = 0.5  # seconds of a proposal from which on the next one is prepared while the workers train
WAIT = 1.0  # seconds that a worker without a trial waits in a call
_LOGGER = logging.getLogger(__name__)


class Ended(Exception):
    """The search has ended before its time; its text says why."""


class Chief:
    """One search. A worker is a session, a text of its own for each process; None: one of KerasTuner's own clients.

    Args:
        oracle: `keras_tuner.Oracle` in its project directory; unfinished trials of workers that are still known go on.
        settings: `ParallelSettings`.
        on_trial_begin, on_trial_end: callable(trial) or None, called when a trial is given to a worker, and after
            each end of one.

    Attributes:
        error: what ended the search before its time, or None.
        losses: dict of trial id: how many workers were lost in it.
    """

    def __init__(self, oracle, settings, on_trial_begin=None, on_trial_end=None):
        self.oracle, self.settings = oracle, settings
        self.on_trial_begin, self.on_trial_end = on_trial_begin, on_trial_end
        self.leases, self.losses, self.error = leases.Leases(settings.lease_seconds), {}, None
        self._turn = threading.Condition(threading.RLock())  # of everything that changes the Oracle
        self._heard, self._is_over, self._proposal_seconds = {}, False, 0.0
        self._take_up()

    @contextlib.contextmanager
    def turn(self, session=None):
        """A worker's turn to change the Oracle; what goes wrong in it ends the search.

        Raises:
            Ended: before or after the turn, if something went wrong.
        """
        self.hear(session)
        with self._turn:
            self.refuse_after_an_error(session)
            with self._catching():
                yield
            self.refuse_after_an_error(session)

    def refuse_after_an_error(self, session):
        """Raises `Ended` if something went wrong; the worker knows it then."""
        if self.error is not None:
            self._tell(session)
            raise Ended(f"The search has ended: {self.error}"[:2000])

    def hear(self, session):
        """A worker has shown that it lives."""
        if session is not None:
            self.leases.renew(session)
            self._heard[session] = (time.monotonic(), self._heard.get(session, (0.0, False))[1])

    def watch(self):
        """Gives away what lost workers held; whether the search is over and all workers that live know it."""
        with self._turn, self._catching():
            if self.error is None:
                for trial_id in self.leases.expired():
                    self._lose(trial_id)
            return not self._waiting() and (self.error is not None or (self._is_over and not self.leases.all()))

    def next_trial(self, tuner_id, session):
        """In a worker's turn: the `Trial` that it shall run, or one of status IDLE or STOPPED."""
        began, mine = time.monotonic(), self.oracle.ongoing_trials.get(tuner_id)
        if mine is not None and not self.leases.holds(mine.trial_id, session):
            _LOGGER.warning("Worker %s waits: a process of the same name was heard of lately.", tuner_id)
            return self._idle(type(mine)(mine.hyperparameters.copy()))
        trial = self._handed_out(tuner_id) or self.oracle.create_trial(tuner_id)
        if trial.status == TrialStatus.RUNNING:
            self._proposal_seconds = max(time.monotonic() - began, 0.9 * self._proposal_seconds)
            self.leases.take(trial.trial_id, tuner_id, session)
            self._save()
            if self.on_trial_begin is not None:
                self.on_trial_begin(trial)
            if self._proposal_seconds > SLOW:
                threading.Thread(target=self._prepare, daemon=True).start()
        elif trial.status == TrialStatus.STOPPED:
            self._is_over = True
            if self.leases.all() and getattr(self.oracle, "error", None) is None:
                self.oracle.tuner_ids.add(tuner_id)
                return self._idle(trial)  # one of those that run may be lost, and be run again
            self._tell(session)
        elif trial.status == TrialStatus.IDLE:
            self._turn.wait(WAIT)
        return trial

    def end_trial(self, trial, session):
        """In a worker's turn: its trial has ended, unless another one has it by now or has ended it."""
        if self.leases.holds(trial.trial_id, session):
            restore_exact(trial.hyperparameters.values, self.oracle.trials[trial.trial_id].hyperparameters.values)
            self._end(trial)

    def _idle(self, trial):
        self._turn.wait(WAIT)
        trial.status = TrialStatus.IDLE
        return trial

    def _handed_out(self, tuner_id):
        """The trial that was prepared ahead, now that worker's; None if there is none."""
        if tuner_id in self.oracle.ongoing_trials or AHEAD not in self.oracle.ongoing_trials:
            return None
        trial = self.oracle.ongoing_trials[tuner_id] = self.oracle.ongoing_trials.pop(AHEAD)
        self.oracle.tuner_ids.add(tuner_id)
        self.oracle.save()
        return trial

    def _prepare(self):
        with self._turn, self._catching():
            if AHEAD not in self.oracle.ongoing_trials and self.error is None and not self._is_over:
                self.oracle.create_trial(AHEAD)
                self.oracle.tuner_ids.discard(AHEAD)

    def _end(self, trial):
        self.oracle.end_trial(trial)
        self.leases.end(trial.trial_id)
        self._save()
        self._turn.notify_all()
        if self.on_trial_end is not None:
            self.on_trial_end(self.oracle.trials[trial.trial_id])

    def _lose(self, trial_id):
        """A worker is lost: its trial runs again, or has failed if it was lost too often."""
        lease, trial = self.leases.end(trial_id), self.oracle.trials[trial_id]
        losses = self.losses[trial_id] = self.losses.get(trial_id, 0) + 1
        self.oracle.tuner_ids.discard(lease.tuner_id)
        seconds = self.settings.lease_seconds
        _LOGGER.warning("Worker %s was not heard of for %g s in trial %s.", lease.tuner_id, seconds, trial_id)
        if losses >= self.settings.max_losses:
            trial.status, trial.message = TrialStatus.FAILED, f"{losses} workers were lost in this trial."
            self._end(trial)
            return
        self.oracle.ongoing_trials.pop(lease.tuner_id, None)
        trial.metrics, trial.score, trial.message = type(trial.metrics)(), None, None
        self.oracle._retry_queue.append(trial_id)
        self.oracle._save_trial(trial)
        self.oracle.save()
        self._save()
        self._turn.notify_all()

    def _take_up(self):
        """Trials that were running when an earlier chief ended stay with their workers, which may still run them."""
        oracle = self.oracle
        held, self.losses, sessions = leases.read(self._path())
        held = {trial_id: lease for trial_id, lease in held.items() if trial_id in oracle._retry_queue}
        for trial_id, (tuner_id, _) in held.items():
            oracle._retry_queue.remove(trial_id)
            oracle.trials[trial_id].status = TrialStatus.RUNNING
            oracle.ongoing_trials[tuner_id] = oracle.trials[trial_id]
            oracle.tuner_ids.add(tuner_id)
        self._heard = {session: (time.monotonic(), False) for session in sessions}
        self.leases.restore(held)

    def _save(self):
        leases.write(self._path(), self.leases.of_sessions(), self.losses, self._waiting())

    def _path(self):
        return pathlib.Path(self.oracle._project_dir) / LEASES_FILE

    @contextlib.contextmanager
    def _catching(self):
        try:
            yield
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                error = errors.UnavailableError(
                    f"Expected room on the disk of {self.oracle._project_dir}. Received: {error}. What was finished is "
                    "kept: make room and start again."
                )
            self.error = error

    def _waiting(self):
        """Sessions of workers that live and do not know that the search has ended."""
        living = time.monotonic() - self.settings.lease_seconds
        return [session for session, (heard, told) in list(self._heard.items()) if heard > living and not told]

    def _tell(self, session):
        if session in self._heard:
            self._heard[session] = (time.monotonic(), True)
