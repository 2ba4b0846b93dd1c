"""The Oracle after kills, restarts, exceptions, and with several workers."""

import json
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer.study import Status
from tests.optformer.oracles import RandomProposer, finish, make, mixed_space, reopened, run


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
    with pytest.raises(errors.CorruptFileError, match=name if damage == "truncated" else "oracle.json"):
        reopened(tmp_path, hyperparameters=mixed_space())


@pytest.mark.parametrize("space", [[], {}])
def test_values_without_a_space_are_not_what_an_oracle_wrote(tmp_path, space):
    run(make(tmp_path, mixed_space()), 1)
    path = tmp_path / "project" / "oracle.json"
    state = json.loads(path.read_text())
    assert state["hyperparameters"]["values"]
    state["hyperparameters"]["space"] = space
    path.write_text(json.dumps(state))
    with pytest.raises(errors.CorruptFileError, match="oracle.json.*values of a space without parameters"):
        reopened(tmp_path, hyperparameters=mixed_space())


def test_a_killed_process_leaves_a_project_that_continues(tmp_path):
    program = f"""
import os, pathlib, sys
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
import oracles
oracle = oracles.make(pathlib.Path({str(tmp_path / "parts")!r}), oracles.mixed_space())
oracles.run(oracle, 3)
oracle.create_trial("worker")
os._exit(9)
"""
    root = pathlib.Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, cwd=root)
    assert done.returncode == 9, done.stderr
    whole = run(make(tmp_path / "whole", mixed_space()), 6)
    assert run(reopened(tmp_path / "parts", hyperparameters=mixed_space()), 3) == whole[3:]


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
