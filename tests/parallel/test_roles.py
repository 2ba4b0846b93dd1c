"""Whole searches of several processes, some of which are killed, stopped or fail, the chief included."""

import collections
import time

import keras_tuner as kt
import pytest


@pytest.fixture
def program():
    from tests.parallel import program

    return program


def check(directory, trials, lost):
    """Every trial ended once, completed, and ran once but for the given ones; values are all different."""
    oracle_trials = [kt.engine.trial.Trial.load(str(path)) for path in directory.glob("search/trial_*/trial.json")]
    assert sorted(trial.trial_id for trial in oracle_trials) == [f"{n:02d}" for n in range(trials)]
    assert {trial.status for trial in oracle_trials} == {"COMPLETED"}
    values = {trial.trial_id: trial.hyperparameters.values["x"] for trial in oracle_trials}
    assert len(set(values.values())) == trials
    assert all(trial.score == pytest.approx(values[trial.trial_id] ** 2, rel=1e-6) for trial in oracle_trials)
    runs = collections.Counter(line.split()[0] for line in (directory / "runs.txt").read_text().splitlines())
    assert set(runs) == set(values) and {trial_id for trial_id, count in runs.items() if count > 1} <= lost


def test_workers_die_stall_and_fail_and_the_chief_is_killed_and_nothing_is_lost(program, tmp_path):
    given = {
        "directory": tmp_path, "max_trials": 16, "seconds": 0.2, "die": ["03"], "fail": ["05"], "stall": ["07"],
        "settings": {"lease_seconds": 6.0},
    }  # fmt: skip
    port = program.free_port()
    chief = program.start("chief", port, **given)
    workers = [program.start(f"worker-{n}", port, **given) for n in range(4)]
    deadline = time.monotonic() + 240
    while len(list(tmp_path.glob("search/trial_*"))) < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    chief.kill()
    chief.communicate()
    chief = program.start("chief", port, **given)
    _, err = chief.communicate(timeout=240)
    assert chief.returncode == 0, err
    living = 0
    for worker in workers:
        try:
            _, err = worker.communicate(timeout=15)
            living += worker.returncode == 0
        except Exception:
            worker.kill()  # the one that is stopped
            worker.communicate()
    assert living == 2, err
    assert all((tmp_path / name).exists() for name in ("die-03", "stall-07", "fail-05"))
    check(tmp_path, 16, lost={"03", "07"})
