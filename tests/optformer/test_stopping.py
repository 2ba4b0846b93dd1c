"""Hopeless trials are stopped, promising ones are not; learning curves are given, nothing is trained."""

import copy
import types

import keras
import keras_tuner as kt
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer import curves, stopping
from keras_hparam.optformer.planning import Proposer
from keras_hparam.optformer.study import Metadata
from keras_hparam.optformer.tuner import OptFormer

EPOCHS = 6


class SteadyProposer:
    """The planner's contract with a model that expects the same of every trial: seldom a new best."""

    num_bins = 100
    model = types.SimpleNamespace(config=types.SimpleNamespace(max_trials=50))

    def __init__(self):
        self.predicted = []

    def propose(self, study, rng, exclude):
        rows = study.space.random_tokens(rng, 64, self.num_bins)
        return next((row for row in rows if row.tobytes() not in exclude), None)

    def predict(self, study, tokens, seed=0):
        self.predicted.append((study, tokens))
        return np.array([[1.0] * 75 + [0.5] * 25 + [10.0]]) / 97.5  # failure comes last


class CurveTuner(OptFormer):
    """A trial's objective rises to its `quality`, most of the way in its first epochs."""

    def run_trial(self, trial, callbacks=(), **kwargs):
        model = types.SimpleNamespace(stop_training=False)
        for callback in (running := copy.deepcopy(list(callbacks))):
            callback.set_model(model)
            callback.set_params({"epochs": EPOCHS})
            callback.on_train_begin()
        for epoch in range(EPOCHS):
            value = self.sign * trial.hyperparameters.get("quality") * (1 - 0.3 ** (epoch + 1))
            for callback in running:
                callback.on_epoch_end(epoch, {"score": value})
            if model.stop_training:
                break
        self.epochs_run.append(epoch + 1)
        return {"score": value}


def make(tmp_path, qualities, goal="max", proposer=None, cls=CurveTuner, hypermodel=None, **kwargs):
    space = kt.HyperParameters()
    space.Float("quality", 0.0, 1.0)
    tuner = cls(
        hypermodel,
        kt.Objective("score", goal),
        max_trials=len(qualities),
        hyperparameters=space,
        seed=0,
        proposer=proposer or SteadyProposer(),
        initial_trials=[{"quality": quality} for quality in qualities],
        directory=str(tmp_path),
        project_name="search",
        **kwargs,
    )
    tuner.sign, tuner.epochs_run = (1 if goal == "max" else -1), []
    return tuner


QUALITIES = [0.5, 0.9, 0.7, 0.8, 0.1, 0.95, 0.2, 0.89]


@pytest.mark.parametrize("goal", ["max", "min"])
def test_hopeless_trials_stop_and_promising_ones_do_not(tmp_path, goal, caplog):
    caplog.set_level("INFO", logger=stopping.__name__)
    tuner = make(tmp_path, QUALITIES, goal)
    callback = stopping.StopHopeless(tuner)
    tuner.search(callbacks=[callback], verbose=0)
    run = tuner.epochs_run
    assert run[:4] == [EPOCHS] * 4  # nothing is known of what remains
    assert run[4] < 4 and run[6] < 4 and run[5] == run[7] == EPOCHS
    stopped = [index for index, epochs in enumerate(run) if epochs < EPOCHS]
    assert callback.num_stopped == len(stopped) == len(caplog.records)
    assert f"stops after {run[4]} of {EPOCHS} epochs" in caplog.text
    for index, (trial, quality) in enumerate(zip(tuner.oracle.trials.values(), QUALITIES, strict=True)):
        assert trial.status == "COMPLETED"
        assert abs(trial.score) == pytest.approx(quality * (1 - 0.3 ** run[index]))
        assert curves.is_stopped(trial) == (index in stopped)
    assert 0 <= tuner.oracle.trials["4"].metrics.get_last_value("stopped_hopeless") < callback.threshold
    assert abs(tuner.oracle.get_best_trials()[0].score) == pytest.approx(0.95, rel=1e-3)


def test_the_prediction_is_asked_for_once_per_trial_without_the_trial_itself(tmp_path):
    tuner = make(tmp_path, QUALITIES[:6])
    tuner.search(callbacks=[stopping.StopHopeless(tuner, threshold=1e-9)], verbose=0)
    predicted = tuner.oracle.proposer.predicted
    assert [len(study) for study, _ in predicted] == [4, 5]
    for (study, tokens), quality in zip(predicted, QUALITIES[4:6], strict=True):
        assert study.objectives.tolist() == pytest.approx(QUALITIES[: len(study)], rel=1e-3)
        assert study.space.from_tokens(tokens[0], 100)["quality"] == pytest.approx(quality, abs=0.006)
    assert tuner.epochs_run == [EPOCHS] * 6


def test_a_search_that_continues_knows_the_curves(tmp_path):
    tuner = make(tmp_path, QUALITIES[:4])
    tuner.search(callbacks=[stopping.StopHopeless(tuner)], verbose=0)
    tuner = make(tmp_path, QUALITIES)
    tuner.oracle.initial_trials = [{"quality": quality} for quality in QUALITIES]
    callback = stopping.StopHopeless(tuner)
    tuner.search(callbacks=[callback], verbose=0)
    again = make(tmp_path, QUALITIES)
    assert tuner.epochs_run[0] < 4
    assert stopping.StopHopeless(again).num_stopped == callback.num_stopped >= 2


def test_min_epochs_and_min_trials_are_kept(tmp_path):
    for name, kwargs, fewest in (("a", {"min_epochs": 4}, 4), ("b", {"min_trials": 5}, 1)):
        tuner = make(tmp_path / name, QUALITIES[:7])
        tuner.search(callbacks=[stopping.StopHopeless(tuner, **kwargs)], verbose=0)
        run = tuner.epochs_run
        assert run[6] < EPOCHS and min(run) >= fewest and (run[4] == EPOCHS) == (name == "b")


class Line(kt.HyperModel):
    """Models whose training is a given curve, so that KerasTuner's own `run_trial` runs them."""

    def build(self, hp):
        hp.Float("quality", 0.0, 1.0)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    def fit(self, hp, model, callbacks, verbose):
        run = keras.callbacks.CallbackList(callbacks, add_history=True, model=model, epochs=EPOCHS)
        model.stop_training = False
        run.on_train_begin()
        for epoch in range(EPOCHS):
            run.on_epoch_end(epoch, {"score": hp.get("quality") * (1 - 0.3 ** (epoch + 1))})
            if model.stop_training:
                break
        return model.history


def test_two_executions_of_a_keras_model_in_kerastuner(tmp_path):
    tuner = make(tmp_path, QUALITIES[:5], cls=OptFormer, hypermodel=Line(), executions_per_trial=2)
    callback = stopping.StopHopeless(tuner)
    tuner.search(callbacks=[callback], verbose=0)
    *whole, stopped = tuner.oracle.trials.values()
    assert callback.num_stopped == 1 and curves.is_stopped(stopped) and stopped.score < 0.1
    for trial, quality in zip(whole, QUALITIES, strict=False):
        assert trial.score == pytest.approx(quality, rel=1e-3)
        assert curves.value_at(trial, tuner.oracle.objective, 0) == pytest.approx(0.7 * quality)


def test_an_objective_that_is_not_in_the_logs_stops_nothing_and_is_said(tmp_path, caplog):
    tuner = make(tmp_path, QUALITIES[:1])
    tuner.oracle.objective = kt.Objective("other", "max")
    callback = stopping.StopHopeless(tuner)
    trial = tuner.oracle.create_trial(tuner.tuner_id)
    callback.on_epoch_end(0, {"score": 1.0})
    assert "goes on" in caplog.text and "other" in caplog.text
    assert not trial.metrics.metrics


def test_wrong_arguments_are_errors(tmp_path):
    tuner = make(tmp_path, QUALITIES)
    for kwargs in ({"threshold": 0}, {"threshold": 1.0}, {"threshold": True}, {"min_epochs": 0}, {"min_trials": 3}):
        with pytest.raises(errors.InvalidArgumentError, match=f"{next(iter(kwargs))}.*Received"):
            stopping.StopHopeless(tuner, **kwargs)
    other = kt.RandomSearch(Line(), kt.Objective("score", "max"), directory=str(tmp_path / "other"))
    for wrong in (other, tuner.oracle, None):
        with pytest.raises(errors.InvalidArgumentError, match="`tuner` with an Oracle that predicts.*Received"):
            stopping.StopHopeless(wrong)


def test_the_chance_of_becoming_the_best_grows_with_what_is_reached():
    gains, prior = np.array([0.1, 0.05, 0.2, 0.12]), np.full(100, 0.01)
    chances = [stopping.chance_of_best(prior, reached, gains) for reached in np.linspace(0.0, 0.8, 17)]
    assert chances == sorted(chances) and chances[0] < 0.1 and chances[-1] == 1.0
    hopeful = np.where(np.arange(100) > 75, 9.0, 1.0)
    assert stopping.chance_of_best(hopeful / hopeful.sum(), 0.5, gains) > stopping.chance_of_best(prior, 0.5, gains)


def test_the_prediction_of_a_model(model, vocabulary, tmp_path):
    """With the network itself: probabilities of the bins in the scale of the trials that it was shown."""
    proposer = Proposer(model, vocabulary)
    tuner = make(tmp_path, QUALITIES[:4], proposer=proposer, metadata=Metadata("regression"))
    tuner.search(verbose=0)
    tuner.oracle.max_trials = 5
    trial = tuner.oracle.create_trial("worker")
    prior, normalizer = stopping.predict(tuner.oracle, trial)
    assert prior.shape == (proposer.num_bins,) and prior.sum() == pytest.approx(1.0)
    assert normalizer.to_unit(0.9 * (1 - 0.3**EPOCHS)) == 0.75


def test_few_stops_are_wrong_and_many_epochs_saved(rng):
    """Simulated searches: exponential curves of random height and speed, a model that knows nothing."""
    saved, stops, wrong = [], 0, 0
    for _ in range(20):
        heights, speeds = rng.random(25), np.exp(rng.normal(-1.5, 0.7, size=25))
        values = heights[:, None] * (1 - np.exp(-speeds[:, None] * np.arange(1, 31)))  # [trials, epochs]
        for index in range(6, 25):
            done = values[:index]
            normalizer = stopping.Normalizer.fit(done[:, -1])
            for epoch in range(29):
                gains = normalizer.to_unit(done[:, -1]) - normalizer.to_unit(done[:, epoch])
                reached = float(normalizer.to_unit(values[index, epoch]))
                if stopping.chance_of_best(np.full(100, 0.01), reached, gains) < 0.05:
                    break
            stopped = epoch < 28
            saved.append((29 - epoch) / 30 if stopped else 0.0)
            stops += stopped
            wrong += stopped and values[index, -1] > done[:, -1].max()
    assert np.mean(saved) > 0.25 and wrong <= 0.05 * stops
