"""The weighted objective: its value, its errors, and searches with it by KerasTuner's tuners."""

import copy
import math
from concurrent import futures

import grpc
import hypothesis
import keras
import keras_tuner as kt
import numpy as np
import pytest
from hypothesis import strategies
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from keras_hparam import errors
from keras_hparam.costs.callback import Costs
from keras_hparam.costs.objective import Weighted
from keras_hparam.optformer.tuner import OptFormer

LOGS = {"loss": 0.5, "val_accuracy": 0.75, "train_seconds": 4.0}
WEIGHTS = {"val_loss": -1.0, "train_seconds": -1e-4, "parameters": -1e-3, "flops": -1e-3}


def test_the_value_is_the_weighted_sum():
    objective = Weighted({"val_accuracy": 1, "train_seconds": np.float32(-0.125)})
    assert objective.has_value(LOGS) and objective.get_value(LOGS) == 0.75 - 0.5
    assert objective.direction == "max" and objective.better_than(0.2, 0.1)
    assert objective.costs == ("train_seconds",)


@hypothesis.given(
    strategies.dictionaries(strategies.sampled_from("abcdef"), strategies.floats(-1e3, 1e3), min_size=1),
    strategies.lists(strategies.floats(-1e3, 1e3), min_size=6, max_size=6),
)
def test_any_weights_and_logs(weights, values):
    logs = dict(zip("abcdef", values, strict=True))
    expected = math.fsum(weights[name] * logs[name] for name in weights)
    assert Weighted(weights).get_value(logs) == pytest.approx(expected, abs=1e-6)


def test_equal_objectives_are_equal_and_copies_too():
    objective = Weighted(WEIGHTS)
    assert objective == Weighted(WEIGHTS) == copy.deepcopy(objective)
    assert objective != Weighted(WEIGHTS | {"flops": -2.0}) and objective != Weighted(WEIGHTS, name="other")
    assert objective != kt.Objective("weighted", "max")
    assert "val_loss" in str(objective)


@pytest.mark.parametrize(
    "weights, named",
    [
        ({}, "weights"),
        (None, "weights"),
        ([("loss", 1.0)], "weights"),
        ({"weighted": 1.0}, "weighted"),
        ({"loss": math.nan}, "loss"),
        ({"loss": -math.inf}, "loss"),
        ({"loss": True}, "loss"),
        ({"loss": "1"}, "loss"),
        ({1: 1.0}, "weights"),
        ({"val_loss": 1.0}, "val_loss.*minimised.*<= 0"),
        ({"val_accuracy": -1.0}, "val_accuracy.*maximised.*>= 0"),
        ({"train_seconds": 0.01}, "train_seconds.*minimised"),
    ],
)
def test_wrong_weights_are_errors(weights, named):
    with pytest.raises(errors.InvalidArgumentError, match=named) as caught:
        Weighted(weights)
    assert "Received: " in str(caught.value)


def test_goals_say_the_direction_of_other_metrics():
    assert Weighted({"f1": 1.0}, {"f1": "max"}).goals == {"f1": "max"}
    assert Weighted({"val_loss": 1.0}, {"val_loss": "max"}).get_value({"val_loss": 2.0}) == 2.0
    with pytest.raises(errors.InvalidArgumentError, match="f1.*minimised.*Received: 1.0"):
        Weighted({"f1": 1.0}, {"f1": "min"})
    for goals in ({"f2": "max"}, {"f1": "up"}, "max"):
        with pytest.raises(errors.InvalidArgumentError, match="goals.*Received"):
            Weighted({"f1": 1.0}, goals)


def build(hp):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(hp.Int("units", 1, 20)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1)), "mse", run_eagerly=True)
    return model


X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
Y = X[:, :3] - X[:, 3:]


def search(tuner, *callbacks, epochs=1):
    tuner.search(X, Y, validation_data=(X, Y), epochs=epochs, batch_size=8, verbose=0, callbacks=list(callbacks))
    return [trial for trial in tuner.oracle.get_best_trials(100) if trial.status == "COMPLETED"]


def check(trials):
    """Scores are the weighted sums of what was measured, which is what is known in closed form."""
    for trial in trials:
        units = trial.hyperparameters.values["units"]
        metrics = {name: trial.metrics.get_last_value(name) for name in WEIGHTS}
        assert metrics["parameters"] == (6 * units + units) + (units * 3 + 3)
        assert metrics["flops"] == 2 * (6 * units + units * 3)
        assert metrics["train_seconds"] > 0
        assert trial.score == pytest.approx(sum(WEIGHTS[name] * metrics[name] for name in WEIGHTS), rel=1e-6)
    assert [trial.score for trial in trials] == sorted((trial.score for trial in trials), reverse=True)


class RandomProposer:
    """What OptFormer's Oracle asks of a model, with random answers."""

    num_bins = 100

    def propose(self, study, rng, exclude):
        return study.space.random_tokens(rng, 1, self.num_bins)[0]


TUNERS = {
    "random": (kt.RandomSearch, {"max_trials": 1, "executions_per_trial": 2}),
    "bayesian": (kt.BayesianOptimization, {"max_trials": 3, "num_initial_points": 2}),
    "hyperband": (kt.Hyperband, {"max_epochs": 2, "factor": 2}),
    "optformer": (OptFormer, {"max_trials": 2, "proposer": RandomProposer()}),
}


@pytest.mark.parametrize("name", TUNERS)
def test_any_tuner_searches_and_continues_with_it(tmp_path, name):
    cls, kwargs = TUNERS[name]
    kwargs = kwargs | {"directory": str(tmp_path), "project_name": "search", "seed": 1}
    tuner = cls(build, Weighted(WEIGHTS), **kwargs)
    trials = search(tuner, Costs())
    check(trials)
    assert trials
    tuner = cls(build, Weighted(WEIGHTS), **kwargs)
    assert [trial.score for trial in search(tuner, Costs())] == [trial.score for trial in trials]
    assert tuner.get_best_models()[0].count_params() == trials[0].metrics.get_last_value("parameters")


def test_the_model_of_the_best_epoch_is_kept(tmp_path):
    """With a large price on time the first epoch is the best, although the loss falls."""
    objective = Weighted({"loss": -1.0, "train_seconds": -1e6})
    tuner = kt.RandomSearch(build, objective, max_trials=1, directory=str(tmp_path), seed=1)
    assert search(tuner, Costs("train_seconds"), epochs=2)[0].best_step == 0


def test_a_missing_metric_ends_the_search_and_says_what_to_do(tmp_path):
    tuner = kt.RandomSearch(build, Weighted(WEIGHTS), max_trials=3, directory=str(tmp_path), seed=1)
    expected = "kh.callbacks.Costs.*Received: .*'val_loss'.*without .*'train_seconds'"
    with pytest.raises(errors.InvalidArgumentError, match=expected):
        search(tuner)
    assert len(tuner.oracle.trials) == 1
    with pytest.raises(errors.InvalidArgumentError, match=r"\['acuracy'\] of the objective\. Received: .*'loss'"):
        Weighted({"acuracy": 1.0}).get_value(LOGS)


def test_a_worker_reports_it_to_a_chief(tmp_path, monkeypatch):
    chief = kt.oracles.RandomSearchOracle(Weighted(WEIGHTS), max_trials=2, seed=1)
    chief._set_project_dir(str(tmp_path), "chief")
    chief.verbose = 0
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(chief), server)
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(server.add_insecure_port("127.0.0.1:0")))
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker")
    server.start()
    worker = kt.RandomSearch(build, Weighted(WEIGHTS), max_trials=2, directory=str(tmp_path / "worker"), seed=1)
    try:
        search(worker, Costs())
    finally:
        server.stop(None)
    trials = chief.get_best_trials(2)
    assert [trial.status for trial in trials] == ["COMPLETED"] * 2
    check(trials)
