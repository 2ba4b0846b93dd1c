"""The Oracle, driven directly: what it shows the proposer, what it proposes, what it refuses."""

import itertools
import json
import sys
import types

import keras_tuner as kt
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer.oracle import OptFormerOracle
from keras_hparam.optformer.study import Metadata
from tests.optformer.oracles import RandomProposer, make, mixed_space, run, small_space


@pytest.mark.parametrize("goal", ["max", "min"])
def test_the_study_shows_raw_objectives_with_their_goal(tmp_path, goal):
    oracle = make(tmp_path, mixed_space(), kt.Objective("score", goal))
    run(oracle, 6)
    study = oracle.study()
    assert study.goal == goal and len(study) == 6
    np.testing.assert_allclose(study.objectives, [oracle.trials[i].score for i in oracle.start_order])
    best = oracle.get_best_trials()[0].score
    assert best == {"max": max, "min": min}[goal](study.objectives)
    assert np.nanmax(study.scores) == (best if goal == "max" else -best)


def test_multi_objective_is_minimised_as_kerastuner_sums_it(tmp_path):
    oracle = make(tmp_path, mixed_space(), ["val_loss", kt.Objective("val_accuracy", "max")])
    for loss, accuracy in [(1.0, 0.2), (0.5, 0.9)]:
        trial = oracle.create_trial("worker")
        metrics = {"val_loss": loss, "val_accuracy": accuracy}
        oracle.update_trial(trial.trial_id, {**metrics, "multi_objective": oracle.objective.get_value(metrics)})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    study = oracle.study()
    assert study.goal == "min"
    np.testing.assert_allclose(study.objectives, [0.8, -0.4])


def test_values_are_plain_and_legal_and_only_active_ones(tmp_path):
    oracle = make(tmp_path, mixed_space())
    for values in run(oracle, 30):
        assert [type(v) for n, v in values.items() if n != "momentum"] == [float, int, str]
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
        assert 1e-4 <= values["rate"] <= 1e-1 and values["width"] in range(8, 65, 8)
        json.dumps(values)


def test_one_name_in_two_scopes_keeps_its_active_value(tmp_path):
    hp = kt.HyperParameters()
    hp.Choice("model", ["wide", "deep"])
    with hp.conditional_scope("model", ["wide"]):
        hp.Int("units", 100, 200)
    with hp.conditional_scope("model", ["deep"]):
        hp.Int("units", 1, 20)
    trials = run(make(tmp_path, hp), 30)
    ranges = {"wide": range(100, 201), "deep": range(1, 21)}
    assert {values["model"] for values in trials} == set(ranges)
    assert all(values["units"] in ranges[values["model"]] for values in trials)
    assert len({values["units"] for values in trials if values["model"] == "wide"}) > 1


def test_seeds_are_respected_zero_included(tmp_path):
    runs = [run(make(tmp_path / str(i), mixed_space(), seed=seed), 5) for i, seed in enumerate([0, 0, 1, None, None])]
    assert runs[0] == runs[1]
    assert len({json.dumps(values) for values in runs}) == 4


def test_no_values_twice_and_a_clean_stop_when_a_finite_space_is_exhausted(tmp_path):
    for tries in (256, 1, 0):  # good at finding untried rows, poor at it, unable to
        oracle = make(tmp_path / str(tries), small_space(), proposer=RandomProposer(tries))
        values = run(oracle, 50)
        expected = {
            *(("x", b, 3, d) for b, d in itertools.product([False, True], [1, 2, 3])),
            *(("y", b, 3, None) for b in [False, True]),
        }
        assert len(values) == 8
        assert {(v["a"], v["b"], v["c"], v.get("d")) for v in values} == expected
        assert oracle.error is None and oracle.create_trial("worker").status == "STOPPED"


def test_a_continuous_space_with_all_bins_tried_goes_on_between_them(tmp_path):
    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    oracle = make(tmp_path, hp, max_trials=120)
    values = [v["x"] for v in run(oracle, 200)]
    assert len(set(values)) == 120 and 0.0 <= min(values) and max(values) <= 1.0


def test_finite_space_with_more_values_than_bins_is_searched_to_its_end(tmp_path):
    hp = kt.HyperParameters()
    hp.Int("x", 1, 130)
    values = [v["x"] for v in run(make(tmp_path, hp, max_trials=200), 200)]
    assert sorted(values) == list(range(1, 131))


def repeated_choice():
    hp = kt.HyperParameters()
    hp.Choice("a", [1, 2, 1])
    return hp


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"max_trials": 0}, "max_trials.*Received: 0"),
        ({"max_trials": 2.5}, "max_trials.*Received: 2.5"),
        ({"max_trials": True}, "max_trials.*Received: True"),
        ({"seed": -1}, "seed.*Received: -1"),
        ({"max_retries_per_trial": -1}, "max_retries_per_trial"),
        ({"max_consecutive_failed_trials": 0}, "max_consecutive_failed_trials"),
        ({"objective": "val_acuracy"}, "objective.*Received: 'val_acuracy'"),
        ({"objective": kt.Objective("score", "maximum")}, "objective.*maximum"),
        ({"objective": 3}, "objective.*Received: 3"),
        ({"objective": ["val_loss", "nothing"]}, "objective.*nothing"),
        ({"pending": "mask"}, "pending.*'predict', 'placeholder'.*Received: 'mask'"),
        ({"decoding": "bream"}, "decoding.*Received: 'bream'"),
        ({"prior": "lokal"}, "prior.*Received: 'lokal'"),
        ({"hyperparameters": {"a": 1}}, "keras_tuner.HyperParameters.*Received"),
        ({"tune_new_entries": False}, "at least one parameter"),
        ({"allow_new_entries": False, "hyperparameters": kt.HyperParameters()}, "at least one parameter"),
        ({"hyperparameters": repeated_choice()}, "differ from one another"),
        ({"metadata": {"tusk": "x"}}, "metadata.*tusk"),
        ({"metadata": 3}, "metadata.*Received: 3"),
    ],
)
def test_bad_arguments_say_what_was_expected_and_received(tmp_path, arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        make(tmp_path, **arguments)


@pytest.mark.parametrize(
    "metadata, expected",
    [
        (None, Metadata(metric="score")),
        ("обучение", Metadata(task="обучение", metric="score")),
        ({"model": "cnn", "metric": "top-1"}, Metadata(model="cnn", metric="top-1")),
        (Metadata(dataset="digits"), Metadata(dataset="digits", metric="score")),
    ],
)
def test_metadata_reach_the_study(tmp_path, metadata, expected):
    assert make(tmp_path, mixed_space(), metadata=metadata).study().metadata == expected


def test_weights_and_decoding_are_loaded_before_any_trial(monkeypatch):
    calls = []

    def load(weights, settings):
        calls.append((weights, settings.decoding, settings.top_p))
        if weights != "known":
            raise errors.InvalidArgumentError(f"Expected `weights` ... Received: {weights!r}.")
        return RandomProposer()

    planning = types.SimpleNamespace(Proposer=types.SimpleNamespace(load=load))
    monkeypatch.setitem(sys.modules, "keras_hparam.optformer.planning", planning)
    OptFormerOracle("val_loss", weights="known", decoding="nucleus", top_p=0.9)
    assert calls == [("known", "nucleus", 0.9)]
    with pytest.raises(errors.InvalidArgumentError, match="weights"):
        OptFormerOracle("val_loss", weights="unknown")
