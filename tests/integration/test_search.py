"""Searches that train Keras models: KerasTuner, the Oracle and the tuner together."""

import threading
from concurrent import futures

import grpc
import keras
import keras_tuner as kt
import numpy as np
import pytest
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.distribute.oracle_client import OracleClient

from keras_hparam.optformer.oracle import OptFormerOracle
from keras_hparam.optformer.study import Status
from keras_hparam.optformer.tuner import OptFormer


class RandomProposer:
    """The planner's contract with random rows; keeps the last study."""

    num_bins = 1000

    def propose(self, study, rng, exclude):
        self.study = study
        rows = study.space.random_tokens(rng, 64, self.num_bins)
        return next((row for row in rows if row.tobytes() not in exclude), None)


def build(hp):
    """A line; learning rate 1e38 diverges to NaN."""
    optimizer = hp.Choice("optimizer", ["sgd", "adam"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        momentum = hp.Float("momentum", 0.0, 0.9) if optimizer == "sgd" else 0.0
    rate = hp.Choice("rate", [1e-3, 1e-1, 1e38])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    made = keras.optimizers.SGD(rate, momentum=momentum) if optimizer == "sgd" else keras.optimizers.Adam(rate)
    model.compile(made, "mse", metrics=["mae"], run_eagerly=True)  # eager: nothing to compile
    return model


@pytest.fixture(scope="module")
def data():
    x = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")
    return x, x @ np.array([[1.0], [-2.0]], "float32")


def test_a_search_with_a_diverging_trial_goes_on_and_saves_its_models(tmp_path, data):
    proposer = RandomProposer()
    tuner = OptFormer(
        build,
        "val_loss",
        max_trials=3,
        seed=0,
        proposer=proposer,
        metadata={"task": "regression", "dataset": "line"},
        initial_trials=[{"optimizer": "sgd", "rate": 1e38}, {"optimizer": "adam", "rate": 1e-1}],
        directory=str(tmp_path),
        project_name="line",
    )
    x, y = data
    tuner.search(x, y, validation_data=(x, y), epochs=2, batch_size=32, verbose=0)
    statuses = tuner.oracle.study().statuses.tolist()
    assert statuses[0] == Status.FAILED and statuses[1] == Status.COMPLETED and len(statuses) == 3
    assert proposer.study.statuses[0] == Status.FAILED
    assert (proposer.study.metadata.task, proposer.study.metadata.metric) == ("regression", "val_loss")
    best = tuner.get_best_models()[0]
    score = tuner.oracle.get_best_trials()[0].score
    assert best.evaluate(x, y, verbose=0)[0] == pytest.approx(score, rel=1e-5)


def test_two_executions_of_two_objectives(tmp_path, data):
    tuner = OptFormer(
        build,
        [kt.Objective("val_loss", "min"), kt.Objective("val_mae", "min")],
        max_trials=2,
        seed=0,
        proposer=RandomProposer(),
        initial_trials=[{"optimizer": "adam", "rate": 1e-3}, {"optimizer": "adam", "rate": 1e-1}],
        executions_per_trial=2,
        directory=str(tmp_path),
        project_name="two",
    )
    x, y = data
    tuner.search(x, y, validation_data=(x, y), epochs=1, batch_size=32, verbose=0)
    study = tuner.oracle.study()
    assert study.goal == "min" and study.statuses.tolist() == [Status.COMPLETED] * 2
    for trial, objective in zip(tuner.oracle.trials.values(), study.objectives, strict=True):
        assert len(trial.metrics.get_history("val_loss")) == 1
        parts = [trial.metrics.get_best_value(name) for name in ("val_loss", "val_mae")]
        assert objective == pytest.approx(sum(parts), rel=1e-6)


@pytest.fixture
def chief(tmp_path, monkeypatch):
    """An Oracle that serves clients on a loopback port."""
    hp = kt.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("dropout", 0.0, 0.5, step=0.1)
    hp.Choice("scale", [0.1, 0.3])
    oracle = OptFormerOracle(kt.Objective("score", "max"), 12, hp, proposer=RandomProposer(), seed=0)
    oracle._set_project_dir(str(tmp_path), "chief")
    oracle.verbose = 0
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(oracle), server)
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(server.add_insecure_port("127.0.0.1:0")))
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker")
    server.start()
    yield oracle
    server.stop(None)


def test_workers_of_a_chief_leave_its_values_exact(chief):
    def work(name):
        client = OracleClient(chief)
        while (trial := client.create_trial(name)).status == "RUNNING":
            client.update_trial(trial.trial_id, {"score": trial.hyperparameters.values["rate"]})
            trial.status = "COMPLETED"
            client.end_trial(trial)

    threads = [threading.Thread(target=work, args=(f"worker{i}",), daemon=True) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads) and chief.error is None
    study = chief.study()
    assert study.statuses.tolist() == [Status.COMPLETED] * 12 and len(study.space) == 3
    for trial, row in zip(chief.trials.values(), study.tokens, strict=True):
        assert trial.hyperparameters.values == study.space.from_tokens(row, RandomProposer.num_bins)
        assert trial.hyperparameters.values["scale"] in (0.1, 0.3)
