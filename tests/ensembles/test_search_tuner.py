"""What is read from a KerasTuner search."""

import keras_tuner as kt
import numpy as np
import pytest
from keras_tuner.engine.trial import Trial

from keras_hparam.ensembles.search_tuner import FinishedSearch
from tests.ensembles import searches


def tuner_with(trials, directory, direction="min"):
    """A tuner with trials (status, score, values) that nobody ran."""
    objective = kt.Objective("val_loss", direction)
    tuner = kt.RandomSearch(searches.CountingHyperModel(), objective, directory=str(directory), max_trials=9)
    for number, (status, score, values) in enumerate(trials):
        hyperparameters = tuner.oracle.get_space()
        hyperparameters.values = dict(values)
        trial = Trial(hyperparameters, str(number), status)
        trial.score = score
        tuner.oracle.trials[str(number)] = trial
    return tuner


TRIALS = [
    ("COMPLETED", 0.5, {"units": 2, "rate": 0.1}),
    ("COMPLETED", 0.3, {"units": 3, "rate": 0.1}),
    ("FAILED", None, {"units": 4, "rate": 0.1}),
    ("COMPLETED", float("nan"), {"units": 4, "rate": 0.01}),
    ("INVALID", 0.1, {"units": 5, "rate": 0.1}),
    ("COMPLETED", 0.4, {"units": 2, "rate": 0.1, "tuner/epochs": 3, "tuner/trial_id": "0"}),
    ("COMPLETED", 0.3, {"units": 5, "rate": 0.01}),
]


@pytest.mark.parametrize("direction, expected", [("min", ["1", "6", "5"]), ("max", ["0", "1", "6"])])
def test_settings_are_different_and_in_order(tmp_path, direction, expected):
    search = FinishedSearch(tuner_with(TRIALS, tmp_path, direction))
    assert [setting.trial.trial_id for setting in search.settings] == expected
    assert search.num_unusable == 3
    assert all(set(setting.values) == {"units", "rate"} for setting in search.settings)


def test_a_network_has_the_values_of_its_setting_and_the_epochs_of_its_trial(tmp_path):
    search = FinishedSearch(tuner_with(TRIALS, tmp_path))
    (x, y), _ = searches.data()
    model = search.build(search.settings[2])  # not from the weights of trial 0, which are nowhere
    assert model.layers[0].units == 2 and float(model.optimizer.learning_rate) == pytest.approx(0.1)
    search.fit(search.settings[2], model, x, y, verbose=0)
    steps = int(np.ceil(len(x) / 32))
    assert int(model.optimizer.iterations) == 3 * steps
    search.fit(search.settings[2], model, x, y, epochs=1, verbose=0)
    assert int(model.optimizer.iterations) == 4 * steps


def test_a_network_that_the_search_did_not_save_is_none(tmp_path, caplog):
    search = FinishedSearch(tuner_with(TRIALS, tmp_path))
    assert search.load(search.settings[0]) is None
    assert "cannot be loaded and is trained anew" in caplog.text


def test_searches_are_told_apart(tmp_path):
    described = [FinishedSearch(tuner_with(TRIALS, tmp_path / str(n))).describe() for n in range(2)]
    assert described[0] == described[1]
    tuner = tuner_with(TRIALS, tmp_path / "wide")
    tuner.oracle.hyperparameters.Int("width", 1, 3)
    assert FinishedSearch(tuner).describe() != described[0]
