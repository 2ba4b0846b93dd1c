"""Learning curves with the metrics of trials."""

import math

import keras_tuner as kt
import pytest
from keras_tuner.engine.trial import Trial

from keras_hparam.optformer import curves


def trial_of(values, objective, status="COMPLETED"):
    trial = Trial(kt.HyperParameters(), status=status)
    for epoch, value in enumerate(values):
        curves.record(trial, objective, {objective.name: value}, epoch)
    best = max if objective.direction == "max" else min
    trial.score = best((value for value in values if not math.isnan(value)), default=math.nan)
    return trial


MAX, MIN = kt.Objective("score", "max"), kt.Objective("score", "min")


@pytest.mark.parametrize("objective, expected", [(MAX, [1.0, 3.0, 3.0]), (MIN, [1.0, 1.0, -2.0])])
def test_the_value_is_the_best_so_far(objective, expected):
    trial = trial_of([1.0, 3.0, -2.0], objective)
    assert [curves.value_at(trial, objective, epoch) for epoch in range(3)] == expected
    assert curves.value_at(trial, objective, 9) == expected[-1]


def test_nan_is_no_value():
    trial = trial_of([math.nan, 2.0], MAX)
    assert math.isnan(curves.value_at(trial, MAX, 0)) and curves.value_at(trial, MAX, 1) == 2.0
    assert math.isnan(curves.value_at(trial_of([], MAX), MAX, 0))


def test_executions_are_averaged():
    trial = trial_of([1.0, 2.0], MAX)
    curves.record(trial, MAX, {"score": 3.0}, 0)
    assert curves.value_at(trial, MAX, 0) == 2.0


def test_only_trials_that_ran_longer_to_their_own_end_are_pairs():
    stopped = trial_of([0.1, 0.2, 0.3], MAX)
    curves.mark_stopped(stopped, 0.01, 2)
    trials = [
        trial_of([1.0, 2.0, 4.0], MAX),
        trial_of([3.0, 2.0], MAX),
        trial_of([3.0], MAX),
        trial_of([5.0, 6.0], MAX, status="FAILED"),
        trial_of([5.0, 6.0], MAX, status="RUNNING"),
        trial_of([math.nan, 1.0], MAX),
        trial_of([], MAX),
        stopped,
    ]
    assert curves.pairs(trials, MAX, 0) == [(1.0, 4.0), (3.0, 3.0)]
    assert curves.pairs(trials, MAX, 1) == [(2.0, 4.0)]
    assert curves.pairs(trials, MAX, 2) == []


def test_curves_and_stops_are_saved_with_a_trial(tmp_path):
    trial = trial_of([1.0, 3.0], MAX)
    curves.mark_stopped(trial, 0.01, 1)
    trial.save(tmp_path / "trial.json")
    again = Trial.load(tmp_path / "trial.json")
    assert curves.value_at(again, MAX, 1) == 3.0 and curves.is_stopped(again)
    assert not curves.is_stopped(trial_of([1.0], MAX))
