"""Calls of a chief without a network, for tests."""

import grpc
import keras_tuner as kt
from keras_tuner.engine.trial import Trial
from keras_tuner.src import protos

from keras_hparam.parallel.chief import Chief
from keras_hparam.parallel.service import SESSION, Service
from keras_hparam.parallel.settings import ParallelSettings


class Aborted(Exception):
    """What a worker would get."""


class Context:
    """The context of a call of a worker's session; None: of one of KerasTuner's own."""

    def __init__(self, session):
        self._session = session

    def invocation_metadata(self):
        return () if self._session is None else ((SESSION, self._session),)

    def set_trailing_metadata(self, metadata):
        self.told = metadata

    def abort(self, code, details):
        assert isinstance(code, grpc.StatusCode)
        raise Aborted(code.name, details)


class Worker:
    """Calls a chief as a worker does."""

    def __init__(self, chief, name, session=""):
        self.chief, self.name, self.session = chief, name, name if session == "" else session

    def create(self):
        request = protos.get_service().CreateTrialRequest(tuner_id=self.name)
        return Trial.from_proto(Service(self.chief).CreateTrial(request, Context(self.session)).trial)

    def update(self, trial, value):
        metrics = {"score": value}
        request = protos.get_service().UpdateTrialRequest(trial_id=trial.trial_id, metrics=metrics, step=0)
        Service(self.chief).UpdateTrial(request, Context(self.session))

    def end(self, trial, status="COMPLETED"):
        trial.status = status
        request = protos.get_service().EndTrialRequest(trial=trial.to_proto())
        Service(self.chief).EndTrial(request, Context(self.session))

    def run(self, value=1.0):
        trial = self.create()
        self.update(trial, value)
        self.end(trial)
        return trial

    def beat(self, trial):
        request = protos.get_service().GetTrialRequest(trial_id=trial.trial_id)
        return Service(self.chief).GetTrial(request, Context(self.session))


def make_oracle(directory, max_trials=6, kind=kt.oracles.RandomSearchOracle, **kwargs):
    """An Oracle in its directory, as a tuner of a first or of a later process has it."""
    hp = kt.HyperParameters()
    hp.Float("x", -1.0, 1.0)
    oracle = kind(kt.Objective("score", "min"), max_trials, hyperparameters=hp, seed=1, **kwargs)
    oracle._set_project_dir(str(directory), "search")
    oracle.verbose = 0
    if (directory / "search" / "oracle.json").exists():
        oracle.reload()
    return oracle


def make_chief(directory, on_trial_end=None, lease_seconds=60.0, max_losses=3, **kwargs):
    """A chief, and its clock: a list of one number of seconds."""
    settings = ParallelSettings(lease_seconds, None, max_losses)
    chief = Chief(make_oracle(directory, **kwargs), settings, None, on_trial_end)
    now = [0.0]
    chief.leases._clock = lambda: now[0]
    chief.leases.restore(chief.leases.of_sessions())
    return chief, now
