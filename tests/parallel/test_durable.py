"""KerasTuner's own Oracles between the moments at which they write."""

import json

import pytest

from keras_hparam import errors


@pytest.fixture
def calls():
    from tests.parallel import calls

    return calls


def reopened(calls, directory):
    from keras_hparam.parallel.durable import make_durable

    oracle = calls.make_oracle(directory)
    make_durable(oracle)
    return oracle


def test_a_kill_in_the_middle_of_writing_leaves_the_file_before(calls, tmp_path, monkeypatch):
    oracle = reopened(calls, tmp_path)
    trial = oracle.create_trial("worker-1")
    before = (tmp_path / "search" / "oracle.json").read_text()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", killed)
    for write in (oracle.save, lambda: oracle._save_trial(trial)):
        with pytest.raises(KeyboardInterrupt):
            write()
    monkeypatch.undo()
    assert (tmp_path / "search" / "oracle.json").read_text() == before
    assert reopened(calls, tmp_path)._retry_queue == ["0"]


def test_a_trial_that_the_oracle_had_not_noted_is_proposed_again(calls, tmp_path):
    oracle = reopened(calls, tmp_path)
    oracle.create_trial("worker-1")
    before = (tmp_path / "search" / "oracle.json").read_text()
    oracle.create_trial("worker-2")
    (tmp_path / "search" / "oracle.json").write_text(before)  # killed after trial_1/trial.json
    again = reopened(calls, tmp_path)
    assert set(again.trials) == {"0"}
    assert [again.create_trial(f"worker-{n}").trial_id for n in (3, 4)] == ["0", "1"]


def test_a_trial_that_had_just_ended_does_not_run_again(calls, tmp_path):
    oracle = reopened(calls, tmp_path)
    trial = oracle.create_trial("worker-1")
    oracle.update_trial(trial.trial_id, {"score": 1.0})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)
    state = json.loads((tmp_path / "search" / "oracle.json").read_text())
    assert state["ongoing_trials"] == {"worker-1": "0"}  # KerasTuner saves before it forgets
    assert reopened(calls, tmp_path).create_trial("worker-2").trial_id == "1"


def test_a_directory_must_be_on_a_file_system(calls, tmp_path):
    from keras_hparam.parallel.durable import make_durable

    oracle = calls.make_oracle(tmp_path)
    oracle.__class__ = type("Oracle", (type(oracle),), {"_project_dir": "memory://somewhere"})
    with pytest.raises(errors.InvalidArgumentError, match="`directory` on a file system"):
        make_durable(oracle)
