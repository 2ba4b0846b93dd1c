"""The worker's client against a chief on a port, both in this process."""

import os
import threading
import time

import pytest

from keras_hparam import errors


@pytest.fixture
def calls():
    from tests.parallel import calls

    return calls


@pytest.fixture
def serve(calls, monkeypatch):
    """serve(directory, settings…) starts a chief in a thread, and the environment names it."""
    from keras_hparam import parallel
    from tests.parallel import program

    port, threads, over = program.free_port(), [], threading.Event()
    names = {"TUNER_ID": "worker-1", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": str(port)}
    for name, value in names.items():
        monkeypatch.setenv(f"KERASTUNER_{name}", value)

    def check():
        if over.is_set():
            raise TimeoutError("the test is over")

    def start(directory, on_trial_end=None, max_trials=6, **settings):
        oracle = calls.make_oracle(directory, max_trials)
        caught = []

        def run():
            try:
                parallel.serve(oracle, parallel.ParallelSettings(**settings), None, None, on_trial_end, check)
            except Exception as error:
                caught.append(error)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return oracle, threads[-1], caught

    yield start
    over.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def connect(oracle, chief_seconds=30.0, leave=None):
    from keras_hparam.parallel.worker import WorkerOracle

    return WorkerOracle(oracle, chief_seconds, leave or (lambda status: None))


def run_all(client, name="worker-1"):
    """Runs trials until there are none; their ids."""
    done = []
    while True:
        trial = client.create_trial(name)
        if trial.status == "STOPPED":
            return done
        if trial.status == "RUNNING":
            client.update_trial(trial.trial_id, {"score": 1.0})
            trial.status = "COMPLETED"
            client.end_trial(trial)
            done.append(trial.trial_id)


def test_a_search_from_its_first_call_to_its_end(calls, serve, tmp_path):
    ended = []
    oracle, thread, caught = serve(tmp_path, ended.append, lease_seconds=2.0)
    client = connect(calls.make_oracle(tmp_path / "other"))
    client.update_space(client.get_space())
    assert run_all(client) == ["0", "1", "2", "3", "4", "5"] and client.limits["lease_seconds"] == 2.0
    assert client.get_best_trials(1)[0].score == 1.0
    client.close()
    thread.join(30)
    assert not thread.is_alive() and not caught and [trial.trial_id for trial in ended] == oracle.end_order


def test_signs_of_life_hold_a_long_trial_and_stop_one_that_was_given_away(calls, serve, tmp_path):
    from keras_tuner.errors import FailedTrialError

    from keras_hparam.parallel.worker import StopLost

    oracle, *_ = serve(tmp_path, lease_seconds=0.5)
    client = connect(calls.make_oracle(tmp_path / "other"))
    trial, callback = client.create_trial("worker-1"), StopLost(client)
    time.sleep(1.5)
    assert "worker-1" in oracle.ongoing_trials and client.reason is None
    callback.on_train_batch_end(0)
    client._is_closed = True  # it shows no life for a while
    deadline = time.monotonic() + 30
    while "worker-1" in oracle.ongoing_trials and time.monotonic() < deadline:
        time.sleep(0.05)
    client._show_life(trial.trial_id)
    with pytest.raises(FailedTrialError, match="given to another worker"):
        callback.on_train_batch_end(1)
    trial.status = "COMPLETED"
    client.end_trial(trial)
    assert oracle.trials[trial.trial_id].status == "RUNNING"


def test_a_chief_that_is_started_again_is_waited_for(calls, serve, tmp_path):
    client = connect(calls.make_oracle(tmp_path / "other"))
    found = []
    thread = threading.Thread(target=lambda: found.extend(run_all(client)))
    thread.start()
    time.sleep(0.7)
    _, chief, caught = serve(tmp_path, lease_seconds=2.0)
    thread.join(60)
    assert len(found) == 6 and not caught
    client.close()
    chief.join(30)
    lost = connect(calls.make_oracle(tmp_path / "other"), chief_seconds=0.2)
    with pytest.raises(errors.UnavailableError, match="Expected the chief at 127.0.0.1:.* to be reached within 0.2 s"):
        lost.create_trial("worker-1")
    lost.close()


def test_a_trial_that_takes_too_long_is_ended_at_a_batch_and_one_that_hangs_with_its_process(calls, serve, tmp_path):
    from keras_hparam.parallel.worker import HUNG

    serve(tmp_path, lease_seconds=0.4, trial_seconds=0.3)
    left = threading.Event()
    client = connect(calls.make_oracle(tmp_path / "other"), leave=lambda status: status == HUNG and left.set())
    client.create_trial("worker-1")
    deadline = time.monotonic() + 30
    while client.reason is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "at most trial_seconds 0.3" in client.reason and left.wait(30)
    client.close()


def test_a_worker_whose_launcher_is_gone_leaves(calls, serve, tmp_path, monkeypatch):
    from keras_hparam.parallel.worker import LAUNCHER, ORPHANED

    monkeypatch.setenv(LAUNCHER, "1" if os.getppid() != 1 else "2")
    left = threading.Event()
    client = connect(calls.make_oracle(tmp_path), leave=lambda status: status == ORPHANED and left.set())
    assert left.wait(30)
    client.close()


def test_errors_of_the_chief_reach_workers(calls, serve, tmp_path):
    _, thread, caught = serve(tmp_path, lease_seconds=2.0)
    client = connect(calls.make_oracle(tmp_path / "other"))
    for _ in range(2):
        trial = client.create_trial("worker-1")
        trial.status = "FAILED"
        client.end_trial(trial)
    trial = client.create_trial("worker-1")
    trial.status = "FAILED"
    with pytest.raises(errors.UnavailableError, match="The search has ended: .*consecutive failures"):
        client.end_trial(trial)
    with pytest.raises(errors.UnavailableError, match="consecutive failures"):
        client.create_trial("worker-1")
    client.close()
    thread.join(30)
    assert isinstance(caught[0], RuntimeError)


def test_a_port_or_a_directory_in_use_is_refused(calls, serve, tmp_path):
    from keras_hparam import parallel

    serve(tmp_path / "a")
    deadline = time.monotonic() + 30
    while not (tmp_path / "a" / "search" / ".in_use").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    with pytest.raises(errors.InUseError, match=f"free address.*127.0.0.1:{os.environ['KERASTUNER_ORACLE_PORT']}"):
        parallel.serve(calls.make_oracle(tmp_path / "b"), parallel.ParallelSettings())
    with pytest.raises(errors.InUseError, match="`directory`.*one program at a time"):
        parallel.serve(calls.make_oracle(tmp_path / "a"), parallel.ParallelSettings())
