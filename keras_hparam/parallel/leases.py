"""Which worker runs which trial, and until when nobody else may: a lease that its worker renews while it lives."""

import json
import pathlib
import threading
import time
from typing import NamedTuple

from keras_hparam import atomic, errors


class Lease(NamedTuple):
    """A trial that a worker runs.

    Attributes:
        tuner_id: str, KerasTuner's name of the worker.
        session: str, that process; None: a worker of KerasTuner's own, which cannot renew: its lease never ends.
        expires: float, seconds on the clock.
    """

    tuner_id: str
    session: str | None
    expires: float


class Leases:
    """All leases of a search. Every method may be called from any thread.

    Args:
        seconds: float > 0, how long a lease lasts that is not renewed.
        clock: callable -> seconds.

    Example:
        >>> leases = Leases(60.0)
        >>> leases.take("0007", "worker-1", session="4fa1")
        >>> leases.renew("4fa1")
        >>> leases.holds("0007", "4fa1")
        True
    """

    def __init__(self, seconds, clock=time.monotonic):
        self.seconds, self._clock = seconds, clock
        self._leases, self._lock = {}, threading.Lock()

    def take(self, trial_id, tuner_id, session):
        """A worker begins a trial."""
        with self._lock:
            self._leases[trial_id] = Lease(tuner_id, session, self._end(session))

    def renew(self, session):
        """A worker has shown that it lives: all that it holds is held longer."""
        with self._lock:
            for trial_id, lease in self._leases.items():
                if lease.session == session:
                    self._leases[trial_id] = lease._replace(expires=self._end(session))

    def holds(self, trial_id, session):
        """Whether that process holds the trial."""
        with self._lock:
            return trial_id in self._leases and self._leases[trial_id].session == session

    def end(self, trial_id):
        """The `Lease` that is over, or None."""
        with self._lock:
            return self._leases.pop(trial_id, None)

    def expired(self):
        """Trials whose workers have not renewed in time: list of trial ids."""
        with self._lock:
            return [trial_id for trial_id, lease in self._leases.items() if lease.expires <= self._clock()]

    def all(self):
        """dict from trial id to `Lease`."""
        with self._lock:
            return dict(self._leases)

    def of_sessions(self):
        """What a restarted chief has to know: dict of trial id: (tuner id, session), of workers that renew."""
        return {t: (lease.tuner_id, lease.session) for t, lease in self.all().items() if lease.session is not None}

    def restore(self, saved):
        """Takes up what `of_sessions` gave; every lease begins anew, so that workers have time to be heard."""
        for trial_id, (tuner_id, session) in saved.items():
            self.take(trial_id, tuner_id, session)

    def _end(self, session):
        return float("inf") if session is None else self._clock() + self.seconds


def write(path, held, losses, sessions):
    """Writes what a restarted chief has to know.

    Args:
        path: of the file.
        held: as of `Leases.of_sessions`.
        losses: dict of trial id: how many workers were lost in it.
        sessions: list of the workers that live.
    """
    atomic.write_bytes(path, json.dumps({"leases": held, "losses": losses, "workers": sessions}).encode())


def read(path):
    """What `write` wrote; nothing if there is no file.

    Returns:
        (held, losses, sessions).

    Raises:
        CorruptFileError: if the file is truncated, altered or foreign.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return {}, {}, []
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        held = {trial_id: (str(tuner_id), str(session)) for trial_id, (tuner_id, session) in saved["leases"].items()}
        losses = {trial_id: int(count) for trial_id, count in saved["losses"].items()}
        return held, losses, [str(session) for session in saved["workers"]]
    except (*errors.MALFORMED, KeyError, AttributeError, OverflowError) as error:
        raise errors.CorruptFileError(f"Expected {path} of an earlier chief. Received: {error!r}.") from error
