"""KerasTuner's protocol in front of a chief."""

import contextlib
import json

import grpc
from keras_tuner.engine.hyperparameters import HyperParameters
from keras_tuner.engine.trial import Trial
from keras_tuner.src import protos
from keras_tuner.src.engine import conditions

from keras_hparam.parallel.chief import Ended

TUNER, SESSION = "keras-hparam-tuner", "keras-hparam-session"  # what workers send along with each call
LIMITS = "keras-hparam-limits"  # what they are told
conditions.print = lambda *_: None  # KerasTuner writes each condition that it sends to the standard output


class Service(protos.get_service_grpc().OracleServicer):
    """Answers calls of workers, many at once.

    Args:
        chief: `Chief`.
    """

    def __init__(self, chief):
        self._chief, self._oracle = chief, chief.oracle
        settings = chief.settings
        self._limits = json.dumps({"lease_seconds": settings.lease_seconds, "trial_seconds": settings.trial_seconds})

    def GetSpace(self, request, context):
        with self._turn(context):
            space = self._oracle.get_space()
        return protos.get_service().GetSpaceResponse(hyperparameters=space.to_proto())

    def UpdateSpace(self, request, context):
        with self._turn(context):
            self._oracle.update_space(HyperParameters.from_proto(request.hyperparameters))
        return protos.get_service().UpdateSpaceResponse()

    def CreateTrial(self, request, context):
        context.set_trailing_metadata(((LIMITS, self._limits),))
        with self._turn(context) as session:
            trial = self._chief.next_trial(request.tuner_id, session)
        return protos.get_service().CreateTrialResponse(trial=trial.to_proto())

    def UpdateTrial(self, request, context):
        with self._turn(context) as session:
            trial = self._oracle.get_trial(request.trial_id)
            if self._chief.leases.holds(request.trial_id, session):
                trial = self._oracle.update_trial(request.trial_id, dict(request.metrics), step=request.step)
        return protos.get_service().UpdateTrialResponse(trial=trial.to_proto())

    def EndTrial(self, request, context):
        with self._turn(context) as session:
            self._chief.end_trial(Trial.from_proto(request.trial), session)
        return protos.get_service().EndTrialResponse()

    def GetTrial(self, request, context):
        """Also a worker's sign of life; it does not wait for its turn."""
        session = _session(context)
        self._chief.hear(session)
        with _told(context):
            self._chief.refuse_after_an_error(session)
        if session is not None and not self._chief.leases.holds(request.trial_id, session):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"Trial {request.trial_id} was given to another worker.")
        return protos.get_service().GetTrialResponse(trial=self._oracle.get_trial(request.trial_id).to_proto())

    def GetBestTrials(self, request, context):
        with self._turn(context):
            trials = self._oracle.get_best_trials(request.num_trials)
        return protos.get_service().GetBestTrialsResponse(trials=[trial.to_proto() for trial in trials])

    @contextlib.contextmanager
    def _turn(self, context):
        session = _session(context)
        with _told(context), self._chief.turn(session):
            yield session


def _session(context):
    return dict(context.invocation_metadata()).get(SESSION)


@contextlib.contextmanager
def _told(context):
    """A worker is told that the search has ended."""
    try:
        yield
    except Ended as ended:
        context.abort(grpc.StatusCode.ABORTED, str(ended))
