"""Trials of the Oracle: given ones, those that discover the space, that run, fail or run again."""

import math
import time

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer.study import Status
from tests.optformer.oracles import RandomProposer, finish, make, mixed_space, run


def test_initial_trials_come_first_exactly_and_only_once(tmp_path):
    initial = [{"rate": 0.0123456789}, {"rate": 0.0123456789}, {"optimizer": "adam", "width": np.int64(16)}]
    values = run(make(tmp_path, mixed_space(), initial_trials=initial), 3)
    assert values[0] == {"rate": 0.0123456789, "width": 8, "optimizer": "sgd", "momentum": 0.0}
    assert values[1] == {"rate": 1e-4, "width": 16, "optimizer": "adam"}
    assert type(values[1]["width"]) is int and values[2]["rate"] not in (0.0123456789, 1e-4)


@pytest.mark.parametrize(
    "initial, message",
    [
        ([{"rat": 0.1}], r"initial_trials\[0\].*Received: 'rat'"),
        ([{}, {"rate": 1.0}], r"initial_trials\[1\]\['rate'\].*float in \[0.0001, 0.1\].*Received: 1.0"),
        ([{"width": 9}], r"step 8.*Received: 9"),
        ([{"optimizer": "lion"}], r"one of \('sgd', 'adam'\).*Received: 'lion'"),
        ([{"rate": math.nan}], "Received: nan"),
        ([{"rate": "0.1"}], "Received: '0.1'"),
        ([{"rate": None}], "Received: 'rate': None"),
        ({"rate": 0.1}, "list of mappings"),
        ([3], "list of mappings"),
    ],
)
def test_bad_initial_trials_are_refused_at_once(tmp_path, initial, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        make(tmp_path, mixed_space(), initial_trials=initial)


def test_initial_trials_of_an_unknown_space_run_after_the_defaults(tmp_path):
    oracle = make(tmp_path, initial_trials=[{"width": 32}])
    first = oracle.create_trial("worker")
    first.hyperparameters.Int("width", 8, 64)
    finish(oracle, first)
    assert oracle.create_trial("worker").hyperparameters.values == {"width": 32}
    oracle = make(tmp_path, initial_trials=[{"wdith": 32}])
    first = oracle.create_trial("worker")
    first.hyperparameters.Int("width", 8, 64)
    finish(oracle, first)
    assert oracle.create_trial("worker").status == "STOPPED" and "wdith" in str(oracle.error)


def test_an_empty_space_begins_with_the_defaults_and_grows(tmp_path):
    oracle = make(tmp_path)
    first = oracle.create_trial("worker")
    assert first.status == "RUNNING" and first.hyperparameters.values == {}
    assert first.hyperparameters.Int("width", 8, 64) == 8
    finish(oracle, first)
    second = oracle.create_trial("worker")
    assert list(second.hyperparameters.values) == ["width"]
    second.hyperparameters.Choice("kind", ["a", "b"], default="b")
    finish(oracle, second)
    third = oracle.create_trial("worker")
    assert list(third.hyperparameters.values) == ["width", "kind"]
    study = oracle.study()
    assert study.tokens.shape == (3, 2) and study.space.from_tokens(study.tokens[0], 100)["kind"] == "b"


def test_workers_wait_while_the_first_trial_discovers_the_space(tmp_path):
    oracle = make(tmp_path)
    first = oracle.create_trial("one")
    begin = time.monotonic()
    assert oracle.create_trial("two").status == "IDLE"
    assert time.monotonic() - begin > 0.05
    first.hyperparameters.Int("width", 8, 64)
    finish(oracle, first)
    assert oracle.create_trial("two").status == "RUNNING"


def test_no_hyperparameters_at_all_stops_after_one_trial(tmp_path):
    assert run(make(tmp_path), 5) == [{}]


def test_new_entries_are_refused_or_left_alone(tmp_path):
    oracle = make(tmp_path / "a", mixed_space(), tune_new_entries=False)
    trial = oracle.create_trial("worker")
    trial.hyperparameters.Int("extra", 1, 9)
    finish(oracle, trial)
    assert "extra" not in oracle.create_trial("worker").hyperparameters.values
    oracle = make(tmp_path / "b", mixed_space(), allow_new_entries=False)
    trial = oracle.create_trial("worker")
    trial.hyperparameters.Int("extra", 1, 9)
    with pytest.raises(RuntimeError, match="extra"):
        finish(oracle, trial)


def test_the_callers_hyperparameters_are_not_changed(tmp_path):
    hp = mixed_space()
    oracle = make(tmp_path, hp)
    trial = oracle.create_trial("worker")
    trial.hyperparameters.Int("extra", 1, 9)
    finish(oracle, trial)
    assert len(oracle.space) == 5 and len(hp.space) == 4


def test_running_trials_are_pending_in_the_order_in_which_they_began(tmp_path):
    proposer = RandomProposer()
    oracle = make(tmp_path, mixed_space(), proposer=proposer)
    trials = [oracle.create_trial(f"worker{i}") for i in range(3)]
    finish(oracle, trials[1], 0.25)
    oracle.create_trial("worker1")
    study = proposer.studies[-1]
    assert study.statuses.tolist() == [Status.PENDING, Status.COMPLETED, Status.PENDING]
    assert study.objectives[1] == 0.25 and np.isnan(study.objectives[[0, 2]]).all()
    for row, trial in zip(study.tokens, trials, strict=True):
        assert np.array_equal(row, study.space.to_tokens(trial.hyperparameters.values, 100))
    assert oracle.create_trial("worker0") is trials[0]


def test_failed_invalid_and_non_finite_trials_are_represented(tmp_path):
    oracle = make(tmp_path, mixed_space())
    ends = [{"status": "FAILED"}, {"value": 1.0}, {"status": "INVALID"}, {"value": math.nan}, {"value": math.inf}]
    for end in ends:
        finish(oracle, oracle.create_trial("worker"), **end)
    failed, completed = Status.FAILED, Status.COMPLETED
    assert oracle.study().statuses.tolist() == [failed, completed, failed, failed, failed]
    assert oracle.create_trial("worker").status == "RUNNING"


def test_a_retry_counts_alone(tmp_path):
    oracle = make(tmp_path, mixed_space(), max_retries_per_trial=1)
    first = oracle.create_trial("worker")
    finish(oracle, first, math.nan)
    assert oracle.study().statuses.tolist() == [Status.PENDING]
    again = oracle.create_trial("worker")
    assert again.trial_id == first.trial_id and oracle.max_retries_per_trial == 1
    finish(oracle, again, 0.5)
    assert oracle.study().statuses.tolist() == [Status.COMPLETED] and oracle.study().objectives.tolist() == [0.5]
    for _ in range(2):
        finish(oracle, oracle.create_trial("worker"), status="INVALID")
    assert oracle.study().statuses.tolist() == [Status.COMPLETED, Status.FAILED]
