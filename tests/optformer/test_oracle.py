"""The Oracle, driven directly, with a proposer that draws random rows."""

import itertools
import json
import math
import subprocess
import sys
import threading
import time
import types

import keras_tuner as kt
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer.history import complete_values, nearest_legal
from keras_hparam.optformer.oracle import OptFormerOracle
from keras_hparam.optformer.resumable_oracle import restore_exact
from keras_hparam.optformer.study import Metadata, Status
from keras_hparam.spaces import Condition, Parameter, SearchSpace


class RandomProposer:
    """The planner's contract with random rows; keeps the studies it was shown."""

    num_bins = 100

    def __init__(self, tries=256):
        self.studies, self.tries = [], tries

    def propose(self, study, rng, exclude):
        self.studies.append(study)
        rows = study.space.random_tokens(rng, self.tries, self.num_bins) if self.tries else []
        return next((row for row in rows if row.tobytes() not in exclude), None)


def mixed_space():
    hp = kt.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Int("width", 8, 64, step=8)
    hp.Choice("optimizer", ["sgd", "adam"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9)
    return hp


def small_space():
    hp = kt.HyperParameters()
    hp.Choice("a", ["x", "y"])
    hp.Boolean("b")
    hp.Fixed("c", 3)
    with hp.conditional_scope("a", ["x"]):
        hp.Int("d", 1, 3)
    return hp  # 2 * 3 + 2 = 8 configurations


def make(tmp_path, hyperparameters=None, objective=None, proposer=None, **kwargs):
    oracle = OptFormerOracle(
        objective or kt.Objective("score", "max"),
        hyperparameters=hyperparameters,
        proposer=proposer or RandomProposer(),
        **{"seed": 0, "max_trials": 50, **kwargs},
    )
    oracle._set_project_dir(str(tmp_path), "project")
    oracle.verbose = 0
    return oracle


def score(values):
    return values.get("rate", 0.5) * 10 - values.get("width", 8) / 64


def finish(oracle, trial, value=None, status="COMPLETED"):
    if status == "COMPLETED":
        value = score(trial.hyperparameters.values) if value is None else value
        oracle.update_trial(trial.trial_id, {"score": value})
    trial.status = status
    oracle.end_trial(trial)


def run(oracle, num_trials, tuner_id="worker"):
    """Values of up to `num_trials` trials, run one after the other."""
    values = []
    for _ in range(num_trials):
        trial = oracle.create_trial(tuner_id)
        if trial.status == "STOPPED":
            break
        values.append(dict(trial.hyperparameters.values))
        finish(oracle, trial)
    return values


def reopened(tmp_path, **kwargs):
    oracle = make(tmp_path, **{"seed": 999, **kwargs})
    oracle.reload()
    return oracle


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


@pytest.mark.parametrize("killed", ["between", "running", "before_count", "after_trial"])
def test_a_reopened_search_continues_as_if_never_interrupted(tmp_path, killed):
    initial = [{"rate": 0.01}, {"rate": 0.02}, {"rate": 0.03}]
    whole = run(make(tmp_path / "whole", mixed_space(), initial_trials=initial), 8)
    oracle = make(tmp_path / "parts", mixed_space(), initial_trials=initial)
    parts = run(oracle, 2 if killed != "after_trial" else 5)
    if killed == "running":
        oracle.create_trial("worker")
    elif killed == "before_count":  # between the trial's own file and the Oracle's
        save, oracle._save = oracle._save, lambda: None
        oracle.create_trial("worker")
        assert save != oracle._save and (tmp_path / "parts/project/trial_02/trial.json").exists()
    oracle = reopened(tmp_path / "parts", hyperparameters=mixed_space())
    parts += run(oracle, 8 - len(parts))
    assert parts == whole
    assert len(oracle.trials) == 8 and set(oracle.study().statuses) == {Status.COMPLETED}


def test_a_random_seed_survives_a_restart(tmp_path):
    oracle = make(tmp_path, mixed_space(), seed=None)
    run(oracle, 2)
    twin = reopened(tmp_path, hyperparameters=mixed_space())
    assert twin.seed == oracle.seed and run(twin, 3) == run(oracle, 3)


def test_finished_trials_do_not_run_again_after_a_reload(tmp_path):
    oracle = make(tmp_path, mixed_space())
    finish(oracle, oracle.create_trial("a"))
    waiting = [oracle.create_trial(name).trial_id for name in "bc"]
    oracle = reopened(tmp_path, hyperparameters=mixed_space())
    assert [oracle.create_trial(name).trial_id for name in "xyz"] == [*waiting, "03"]


@pytest.mark.parametrize("name", ["oracle.json", "trial_01/trial.json"])
@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_damaged_project_files_are_named(tmp_path, name, damage):
    run(make(tmp_path, mixed_space()), 3)
    path = tmp_path / "project" / name
    if damage == "truncated":
        path.write_text(path.read_text()[:40])
    else:
        path.unlink()
    with pytest.raises(errors.CorruptFileError, match="oracle.json"):
        reopened(tmp_path, hyperparameters=mixed_space())


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
        ({"pending": "predict"}, "'mask'.*Received: 'predict'"),
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

    def load(weights, **options):
        calls.append((weights, options))
        if weights != "known":
            raise errors.InvalidArgumentError(f"Expected `weights` ... Received: {weights!r}.")
        return RandomProposer()

    planning = types.SimpleNamespace(Proposer=types.SimpleNamespace(load=load))
    monkeypatch.setitem(sys.modules, "keras_hparam.optformer.planning", planning)
    OptFormerOracle("val_loss", weights="known", decoding="nucleus", top_p=0.9)
    assert calls == [("known", {"decoding": "nucleus", "top_p": 0.9})]
    with pytest.raises(errors.InvalidArgumentError, match="weights"):
        OptFormerOracle("val_loss", weights="unknown")


class BrokenProposer(RandomProposer):
    def propose(self, study, rng, exclude):
        raise FloatingPointError("broken")


class RepeatingProposer(RandomProposer):
    def propose(self, study, rng, exclude):
        return study.space.random_tokens(np.random.default_rng(0), 1, self.num_bins)[0]


def test_an_exception_of_the_proposer_stops_the_search_and_is_remembered(tmp_path):
    oracle = make(tmp_path, mixed_space(), proposer=BrokenProposer())
    outcomes = []
    for name in "ab":  # a lock that is still held would keep the second thread for ever
        thread = threading.Thread(target=lambda n=name: outcomes.append(oracle.create_trial(n).status), daemon=True)
        thread.start()
        thread.join(5)
    assert outcomes == ["STOPPED", "STOPPED"] and isinstance(oracle.error, FloatingPointError)
    oracle = make(tmp_path, mixed_space(), proposer=RepeatingProposer())
    assert len(run(oracle, 3)) == 1 and "tried" in str(oracle.error)


def test_the_lock_is_free_after_an_exception_of_kerastuner(tmp_path):
    oracle = make(tmp_path, mixed_space(), max_consecutive_failed_trials=1)
    trial = oracle.create_trial("worker")
    with pytest.raises(ValueError, match="Objective value missing"):
        oracle.update_trial(trial.trial_id, {"loss": 1.0})
    with pytest.raises(RuntimeError, match="consecutive failures"):
        finish(oracle, trial, status="FAILED")
    other = threading.Thread(target=lambda: oracle.create_trial("other"), daemon=True)
    other.start()
    other.join(5)
    assert not other.is_alive() and "other" in oracle.ongoing_trials


def test_four_workers_at_once(tmp_path):
    proposer = RandomProposer()
    oracle = make(tmp_path, mixed_space(), proposer=proposer, max_trials=40)
    raised = []

    def work(name):
        try:
            while (trial := oracle.create_trial(name)).status == "RUNNING":
                time.sleep(0.001)
                finish(oracle, trial, status="INVALID" if int(trial.trial_id) % 7 == 3 else "COMPLETED")
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=work, args=(f"worker{i}",), daemon=True) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not raised and not any(thread.is_alive() for thread in threads)
    study = oracle.study()
    assert len({row.tobytes() for row in study.tokens}) == 40
    assert (study.statuses == Status.FAILED).tolist() == [i % 7 == 3 for i in range(40)]
    assert any((shown.statuses == Status.PENDING).sum() > 1 for shown in proposer.studies)
    assert reopened(tmp_path, hyperparameters=mixed_space()).start_order == oracle.start_order


def test_complete_values_follow_the_conditions():
    space = SearchSpace(
        (
            Parameter("a", "choice", values=("x", "y"), default="x"),
            Parameter("b", "boolean", default=True, conditions=(Condition("a", ("y",)),)),
            Parameter("c", "int", low=1, high=5, default=2, conditions=(Condition("b", (True,)),)),
        )
    )
    assert complete_values(space, {"b": True, "c": 3}) == {"a": "x"}
    assert complete_values(space, {"a": "y"}) == {"a": "y", "b": True, "c": 2}
    assert complete_values(space, {"a": "y", "b": False, "c": 3, "z": 0}) == {"a": "y", "b": False}


@pytest.mark.parametrize("value, expected", [(0.3, 0.3), (0.30000001192092896, 0.3), (7, 0.5), (-1.0, 0.1)])
def test_illegal_values_become_the_nearest_legal_one(value, expected):
    parameter = Parameter("x", "float", low=0.1, high=0.5, step=0.1, default=0.2)
    assert nearest_legal(parameter, value) == pytest.approx(expected, abs=1e-12)
    assert nearest_legal(parameter, "text") == 0.2


def test_float32_roundings_are_undone():
    values = {"a": float(np.float32(0.1)), "b": 0.25, "c": "x", "d": 2}
    restore_exact(values, {"a": 0.1, "b": 0.3, "c": "y", "d": 2})
    assert values == {"a": 0.1, "b": 0.25, "c": "x", "d": 2}


def test_a_killed_process_leaves_a_project_that_continues(tmp_path):
    program = f"""
import os, sys
sys.path.insert(0, {str(__file__).rpartition("/")[0]!r})
import pathlib, test_oracle as t
oracle = t.make(pathlib.Path({str(tmp_path / "parts")!r}), t.mixed_space())
t.run(oracle, 3)
oracle.create_trial("worker")
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 9
    whole = run(make(tmp_path / "whole", mixed_space()), 6)
    assert run(reopened(tmp_path / "parts", hyperparameters=mixed_space()), 3) == whole[3:]
