"""A worker's side of a search: KerasTuner's client of a chief, with signs of life; it waits for a restarted chief."""

import json
import logging
import os
import secrets
import threading
import time

import grpc
import keras
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FailedTrialError
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_client import OracleClient

from keras_hparam import errors
from keras_hparam.parallel.service import LIMITS, SESSION, TUNER
from keras_hparam.parallel.settings import address

LAUNCHER = "KERAS_HPARAM_LAUNCHER"  # the process that started this one, and without which it ends
HUNG, ORPHANED = 70, 71  # exit statuses
IDLE, RETRY = 0.1, 0.5  # seconds
# A chief that is started again is soon found again; by itself gRPC waits for up to two minutes between its attempts.
CHANNEL = [(f"grpc.{name}_reconnect_backoff_ms", 500) for name in ("initial", "min", "max")]
_LOGGER = logging.getLogger(__name__)


class WorkerOracle(OracleClient):
    """What a worker's tuner has in the place of its Oracle.

    Args:
        oracle: `keras_tuner.Oracle`, the worker's own, of which nothing but its settings is used.
        chief_seconds: > 0, how long to wait for a chief that cannot be reached.
        leave: callable(status) that ends the process from a thread, while the main one hangs.

    Attributes:
        reason: str, why the trial that runs counts no more; None while it does.
    """

    def __init__(self, oracle, chief_seconds=600.0, leave=os._exit):
        super().__init__(oracle)
        self.session, self.reason, self._chief_seconds = secrets.token_hex(8), None, chief_seconds
        self._channel = grpc.insecure_channel(address(), CHANNEL)
        identified = grpc.intercept_channel(self._channel, _Identify(self.tuner_id, self.session))
        self._pulse = protos.get_service_grpc().OracleStub(identified)
        self.stub = protos.get_service_grpc().OracleStub(grpc.intercept_channel(identified, _Insist(self)))
        self.limits, self.ended = {"lease_seconds": 4.0, "trial_seconds": None}, None
        self._trial_id, self._began, self._is_closed, self._wake = None, 0.0, False, threading.Event()
        self._launcher = os.environ.get(LAUNCHER)
        self._leave = leave
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def create_trial(self, tuner_id):
        trial = super().create_trial(tuner_id)
        if trial.status == TrialStatus.IDLE:
            time.sleep(IDLE)
        elif trial.status == TrialStatus.RUNNING:
            self._trial_id, self._began, self.reason = trial.trial_id, time.monotonic(), None
            self._wake.set()  # by now it knows the chief's limits
        return trial

    def end_trial(self, trial):
        super().end_trial(trial)
        self._trial_id = None

    def close(self):
        """Ends the signs of life."""
        self._is_closed = True
        self._wake.set()
        self._thread.join()
        self._channel.close()

    def _live(self):
        while not self._is_closed:
            if self._launcher and os.getppid() != int(self._launcher):
                self._leave(ORPHANED)
            if self._trial_id is not None:
                self._check_time(time.monotonic() - self._began, self.limits["trial_seconds"])
                self._show_life(self._trial_id)
            self._wake.wait(self.limits["lease_seconds"] / 4)
            self._wake.clear()

    def _check_time(self, seconds, limit):
        if limit is not None and seconds > limit:
            self.reason = f"Expected a trial to take at most trial_seconds {limit:g}. It took longer."
            if seconds > limit + self.limits["lease_seconds"]:  # it does not come to the end of a batch
                _LOGGER.error("Worker %s hangs in trial %s and leaves.", self.tuner_id, self._trial_id)
                self._leave(HUNG)

    def _show_life(self, trial_id):
        try:
            self._pulse.GetTrial(protos.get_service().GetTrialRequest(trial_id=trial_id), timeout=10)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.FAILED_PRECONDITION and trial_id == self._trial_id:
                self.reason = error.details()
            elif error.code() == grpc.StatusCode.ABORTED:
                self.ended = self.reason = error.details()


class StopLost(keras.callbacks.Callback):
    """Ends a trial that counts no more, or that takes too long, at the end of a batch."""

    def __init__(self, oracle):
        super().__init__()
        self._oracle = oracle

    def __deepcopy__(self, memo):
        """KerasTuner gives each execution of a trial copies of the callbacks."""
        return StopLost(self._oracle)

    def on_train_batch_end(self, batch, logs=None):
        if self._oracle.reason is not None:
            raise FailedTrialError(self._oracle.reason)


class _Identify(grpc.UnaryUnaryClientInterceptor):
    """Sends along who calls."""

    def __init__(self, tuner_id, session):
        self._metadata = ((TUNER, tuner_id), (SESSION, session))

    def intercept_unary_unary(self, continuation, details, request):
        return continuation(_Details(details, metadata=self._metadata), request)


class _Insist(grpc.UnaryUnaryClientInterceptor):
    """Calls again while the chief cannot be reached, and learns the chief's limits."""

    def __init__(self, oracle):
        self._oracle = oracle

    def intercept_unary_unary(self, continuation, details, request):
        oracle, has_said = self._oracle, False
        deadline = time.monotonic() + oracle._chief_seconds
        while True:
            if oracle.ended is not None:
                raise errors.UnavailableError(oracle.ended)
            # A call may take as long as a proposal does; one to a chief that is gone fails at once.
            call = continuation(_Details(details, timeout=None, wait_for_ready=False), request)
            code = call.code()
            if code == grpc.StatusCode.OK:
                told = dict(call.trailing_metadata() or ()).get(LIMITS)
                oracle.limits = json.loads(told) if told else oracle.limits
                return call
            if code == grpc.StatusCode.ABORTED:
                oracle.ended = call.details()
                continue
            if code != grpc.StatusCode.UNAVAILABLE:
                return call
            if time.monotonic() > deadline:
                raise errors.UnavailableError(
                    f"Expected the chief at {address()} to be reached within {oracle._chief_seconds:g} s. "
                    f"Received: {call.details()}."
                )
            if not has_said:
                _LOGGER.warning("Worker %s waits for the chief at %s.", oracle.tuner_id, address())
                has_said = True
            time.sleep(RETRY)


class _Details(grpc.ClientCallDetails):
    """The details of a call, some of them replaced."""

    def __init__(self, details, **replaced):
        for name in ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression"):
            setattr(self, name, replaced.get(name, getattr(details, name, None)))
