"""What the tuners add to every training: measured costs, and the end of trials without prospect."""

import types

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.costs.objective import Weighted
from keras_hparam.optformer.planning_tuner import Planning
from keras_hparam.optformer.tuner import OptFormer


class CertainProposer:
    """The planner's contract with a model that is nearly certain that no trial will be the best."""

    num_bins = 100
    model = types.SimpleNamespace(config=types.SimpleNamespace(max_trials=50))

    def propose(self, study, rng, exclude):
        rows = study.space.random_tokens(rng, 64, self.num_bins)
        return next((row for row in rows if row.tobytes() not in exclude), None)

    def predict(self, study, tokens, seed=0):
        return np.array([[1.0] * 60 + [1e-6] * 40 + [0.0]]) / 60.0


def build(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, use_bias=False), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-4, 1e-2, sampling="log")), "mse")
    return model


def search(tuner, epochs=3):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((24, 2)).astype("float32")
    tuner.search(x, x.sum(axis=1), validation_data=(x, x.sum(axis=1)), epochs=epochs, batch_size=8, verbose=0)
    return [tuner.oracle.trials[trial_id] for trial_id in tuner.oracle.start_order]


@pytest.mark.parametrize("cls", [OptFormer, Planning])
def test_costs_of_a_weighted_objective_are_measured_without_a_callback(cls, tmp_path):
    objective = Weighted({"val_loss": -1.0, "parameters": -0.01, "train_seconds": -1e-6})
    proposer = {"proposer": CertainProposer()}
    trials = search(cls(build, objective, max_trials=2, seed=0, directory=tmp_path, **proposer))
    for trial in trials:
        metrics = {name: trial.metrics.get_best_value(name) for name in ("val_loss", "parameters", "train_seconds")}
        assert metrics["parameters"] == 2 * 3 + 3 + 1
        expected = -metrics["val_loss"] - 0.1 - 1e-6 * metrics["train_seconds"]
        assert trial.score == pytest.approx(expected, abs=1e-4)


def test_trials_without_prospect_are_stopped_only_where_that_is_wanted(tmp_path):
    options = {"max_trials": 7, "seed": 0, "proposer": CertainProposer()}
    to_the_end = search(OptFormer(build, "val_loss", directory=tmp_path / "a", **options))
    assert not any(trial.metrics.exists("stopped_hopeless") for trial in to_the_end)
    tuner = OptFormer(build, "val_loss", directory=tmp_path / "b", stop_hopeless=0.5, **options)
    stopped = [trial.metrics.exists("stopped_hopeless") for trial in search(tuner)]
    assert not any(stopped[:4]) and any(stopped[4:])


def test_a_threshold_out_of_range_is_refused_before_any_trial(tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match="threshold"):
        Planning(build, "val_loss", stop_hopeless=1.5, directory=tmp_path, proposer=CertainProposer())
