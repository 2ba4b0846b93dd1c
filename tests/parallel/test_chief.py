"""The chief: what becomes of trials whose workers die, come back, or are met by a chief that was started again."""

import errno
import json
import logging
import threading
import time

import numpy as np
import pytest

from keras_hparam import errors


@pytest.fixture
def calls():
    from tests.parallel import calls

    return calls


def test_a_lost_workers_trial_runs_again_with_the_same_values_and_counts_once(calls, tmp_path, caplog):
    ended = []
    chief, now = calls.make_chief(tmp_path, ended.append, max_trials=2)
    one, two = calls.Worker(chief, "worker-1"), calls.Worker(chief, "worker-2")
    lost = one.create()
    one.update(lost, 7.0)  # it dies between its two last calls
    now[0] = 61.0
    with caplog.at_level(logging.WARNING):
        assert not chief.watch()
    assert "worker-1 was not heard of" in caplog.text
    again = two.create()
    assert again.trial_id == lost.trial_id and again.hyperparameters.values == lost.hyperparameters.values
    one.update(lost, 8.0)
    one.end(lost)  # what it sends later counts no more
    assert chief.oracle.trials[lost.trial_id].status == "RUNNING" and not ended
    two.update(again, 3.0)
    two.end(again)
    assert chief.oracle.trials[lost.trial_id].score == 3.0 and [trial.trial_id for trial in ended] == [lost.trial_id]
    assert chief.oracle.end_order == [lost.trial_id] and chief.losses == {lost.trial_id: 1}


def test_a_sign_of_life_keeps_a_trial_and_tells_who_has_lost_it(calls, tmp_path):
    chief, now = calls.make_chief(tmp_path)
    worker = calls.Worker(chief, "worker-1")
    trial = worker.create()
    for now[0] in (50.0, 100.0, 150.0):
        worker.beat(trial)
        chief.watch()
    now[0] = 211.0
    chief.watch()
    with pytest.raises(calls.Aborted, match="FAILED_PRECONDITION.*given to another worker"):
        worker.beat(trial)


def test_a_trial_that_kills_its_workers_fails_at_last(calls, tmp_path):
    chief, now = calls.make_chief(tmp_path, max_trials=2, max_losses=2)
    for index in range(2):
        trial = calls.Worker(chief, f"worker-{index}").create()
        now[0] += 61.0
        chief.watch()
    assert trial.trial_id == "0" and chief.oracle.trials["0"].status == "FAILED"
    assert "2 workers were lost" in chief.oracle.trials["0"].message
    assert calls.Worker(chief, "worker-3").create().trial_id == "1"


def test_nobody_is_sent_home_while_a_trial_may_still_be_lost(calls, tmp_path):
    chief, now = calls.make_chief(tmp_path, max_trials=1)
    one, two = calls.Worker(chief, "worker-1"), calls.Worker(chief, "worker-2")
    one.create()
    assert two.create().status == "IDLE" and not chief.watch()
    now[0] = 61.0
    chief.watch()
    trial = two.create()
    assert trial.trial_id == "0"
    two.update(trial, 1.0)
    two.end(trial)
    assert not chief.watch()  # it does not know yet
    assert two.create().status == one.create().status == "STOPPED" and chief.watch()


def test_a_restarted_chief_goes_on_with_the_workers_that_are_there(calls, tmp_path):
    chief, _ = calls.make_chief(tmp_path)
    one, two = calls.Worker(chief, "worker-1"), calls.Worker(chief, "worker-2")
    first, second = one.create(), two.create()
    again, now = calls.make_chief(tmp_path)
    one.chief = two.chief = again
    three = calls.Worker(again, "worker-3")
    assert three.create().trial_id == "2"  # the two still run
    one.beat(first)
    one.update(first, 5.0)
    one.end(first)
    assert again.oracle.trials["0"].score == 5.0
    now[0] = 61.0
    again.watch()
    assert three.chief.oracle.trials["2"].status == "RUNNING"
    assert sorted(calls.Worker(again, f"worker-{n}").create().trial_id for n in (4, 5)) == ["1", "2"]
    two.update(second, 9.0)
    two.end(second)
    assert again.oracle.trials["1"].status == "RUNNING"


def test_a_call_that_is_repeated_after_a_restart_counts_once(calls, tmp_path):
    chief, _ = calls.make_chief(tmp_path)
    worker = calls.Worker(chief, "worker-1")
    trial = worker.run(2.0)
    worker.chief, _ = calls.make_chief(tmp_path)
    worker.update(trial, 2.0)
    worker.end(trial)
    assert worker.chief.oracle.end_order == ["0"] and worker.chief.oracle.trials["0"].score == 2.0


def test_a_process_of_the_same_name_waits_for_the_first_ones_lease(calls, tmp_path, caplog):
    chief, now = calls.make_chief(tmp_path)
    first, second = calls.Worker(chief, "worker-1", "a"), calls.Worker(chief, "worker-1", "b")
    trial = first.create()
    with caplog.at_level(logging.WARNING):
        assert second.create().status == "IDLE" and "same name" in caplog.text
    first.beat(trial)
    now[0] = 61.0
    chief.watch()
    assert second.create().trial_id == trial.trial_id


def test_workers_of_kerastuner_itself_are_served(calls, tmp_path):
    chief, now = calls.make_chief(tmp_path, max_trials=2)
    plain = calls.Worker(chief, "worker-1", session=None)
    first = plain.create()
    now[0] = 1e6
    chief.watch()
    plain.beat(first)
    plain.update(first, 1.0)
    plain.end(first)
    plain.run()
    assert plain.create().status == "STOPPED" and chief.watch()


def test_hyperparameters_keep_their_digits(calls, tmp_path):
    chief, _ = calls.make_chief(tmp_path)
    worker = calls.Worker(chief, "worker-1")
    trial = worker.create()
    exact = chief.oracle.trials["0"].hyperparameters.values["x"]
    trial.hyperparameters.values["x"] = float(np.float32(exact))
    assert trial.hyperparameters.values["x"] != exact
    worker.update(trial, 0.0)
    worker.end(trial)
    assert chief.oracle.trials["0"].hyperparameters.values["x"] == exact


def test_failures_in_a_row_and_a_full_disk_end_the_search_and_are_told(calls, tmp_path, monkeypatch):
    chief, _ = calls.make_chief(tmp_path / "a", max_trials=9)
    worker, other = calls.Worker(chief, "worker-1"), calls.Worker(chief, "worker-2")
    running = other.create()
    for _ in range(2):
        worker.end(worker.create(), "FAILED")
    with pytest.raises(calls.Aborted, match="ABORTED.*consecutive failures"):
        worker.end(worker.create(), "FAILED")
    assert isinstance(chief.error, RuntimeError) and not chief.watch()
    for call in (lambda: other.beat(running), other.create, lambda: other.end(running)):
        with pytest.raises(calls.Aborted, match="consecutive failures"):
            call()
    assert chief.watch()
    chief, _ = calls.make_chief(tmp_path / "b")
    worker = calls.Worker(chief, "worker-1")
    kept = worker.run(1.0)

    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(chief.oracle, "save", full)
    with pytest.raises(calls.Aborted, match="Expected room on the disk of .*search"):
        worker.create()
    assert isinstance(chief.error, errors.UnavailableError) and chief.watch()
    assert calls.make_oracle(tmp_path / "b").trials[kept.trial_id].score == 1.0


def test_a_foreign_file_of_leases_is_refused(calls, tmp_path):
    chief, _ = calls.make_chief(tmp_path)
    calls.Worker(chief, "worker-1").create()
    for content in ("", "[]", "[" * 100000, '{"leases": {"0": 1}, "losses": {}}', '{"leases": {}}'):
        (tmp_path / "search" / "leases.json").write_text(content)
        with pytest.raises(errors.CorruptFileError, match="leases.json"):
            calls.make_chief(tmp_path)


def test_slow_proposals_are_prepared_while_workers_train(calls, tmp_path):
    import keras_tuner as kt

    class Slow(kt.oracles.RandomSearchOracle):
        def populate_space(self, trial_id):
            time.sleep(0.6)
            return super().populate_space(trial_id)

    chief, _ = calls.make_chief(tmp_path, kind=Slow, max_trials=3)
    one, two = calls.Worker(chief, "worker-1"), calls.Worker(chief, "worker-2")
    first = one.create()
    deadline = time.monotonic() + 30
    while "prepared-ahead" not in chief.oracle.ongoing_trials and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    assert two.create().trial_id == "1" and time.monotonic() - began < 0.5
    assert set(chief.oracle.ongoing_trials) - {"prepared-ahead"} == {"worker-1", "worker-2"}
    one.update(first, 1.0)
    one.end(first)
    assert one.create().trial_id == "2" and one.create().trial_id == "2"
    saved = json.loads((tmp_path / "search" / "leases.json").read_text())
    assert {trial_id: tuner for trial_id, (tuner, _) in saved["leases"].items()} == {"1": "worker-2", "2": "worker-1"}


def test_a_sign_of_life_does_not_wait_for_a_proposal(calls, tmp_path):
    chief, _ = calls.make_chief(tmp_path)
    worker = calls.Worker(chief, "worker-1")
    trial, answered = worker.create(), threading.Event()
    with chief._turn:
        thread = threading.Thread(target=lambda: (worker.beat(trial), answered.set()))
        thread.start()
        assert answered.wait(10)
    thread.join()
