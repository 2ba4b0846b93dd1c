"""tools/test repairs what an interrupted or simultaneous call left, and throws nothing of the user's away."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest


def test_a_changed_setup_is_installed_in_place(checkout):
    checkout.run()
    (checkout.root / ".venv" / "kept").touch()
    (checkout.root / "setup.py").write_text("# two")
    assert checkout.run().returncode == 0 and checkout.run().err == ""
    assert checkout.installs() == 2 and (checkout.root / ".venv" / "kept").exists()


@pytest.mark.parametrize("damage", ["unfinished", "no interpreter", "moved", "another Python", "unreadable stamp"])
def test_a_damaged_environment_is_made_again(checkout, damage):
    checkout.run()
    venv = checkout.root / ".venv"
    stamp = json.loads((venv / "setup.json").read_text())
    (venv / "old").touch()
    if damage == "no interpreter":
        (venv / "bin" / "python").unlink()
    else:
        changed = {
            "unfinished": {},
            "moved": stamp | {"root": "/elsewhere"},
            "another Python": stamp | {"python": "3.10"},
        }
        (venv / "setup.json").write_text(json.dumps(changed[damage]) if damage in changed else "{")
    again = checkout.run()
    assert again.returncode == 0 and again.out.startswith("pytest")
    assert not (venv / "old").exists() and checkout.installs() == 2
    assert json.loads((venv / "setup.json").read_text()) == stamp


def test_a_killed_call_is_repaired(checkout):
    process = checkout.start(PIP_TAKES="30")
    deadline = time.monotonic() + 30
    while checkout.installs() == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    again = checkout.run()
    assert again.returncode == 0 and again.out.startswith("pytest") and checkout.installs() == 2


def test_two_calls_at_once_install_once(checkout):
    first, second = (checkout.start(PIP_TAKES="0.5") for _ in range(2))
    messages = "".join(process.communicate(timeout=60)[1] for process in (first, second))
    assert first.returncode == second.returncode == 0
    assert checkout.installs() == 1 and "Waiting for another call" in messages


def test_the_child_of_a_killed_call_is_waited_for(checkout):
    process = checkout.start(PIP_TAKES="1.5")
    deadline = time.monotonic() + 30
    while checkout.installs() == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)  # the shell; its children live on
    again = checkout.run()
    process.communicate(timeout=60)
    assert again.returncode == 0 and "Waiting for another call" in again.err


def test_a_failing_pip_is_reported_and_not_believed(checkout):
    failed = checkout.run(PIP_FAILS="No matching distribution found for tensorflow")
    assert failed.returncode == 1 and failed.out == ""
    for text in ("install the packages", "No matching distribution", "setup.log", "network", "PIP_INDEX_URL"):
        assert text in failed.err
    assert "No matching distribution" in (checkout.root / ".venv" / "setup.log").read_text()
    assert checkout.run().returncode == 0 and checkout.installs() == 2


def test_a_users_own_environment_is_completed_and_not_thrown_away(checkout):
    venv = checkout.root / ".venv"
    subprocess.run([sys._base_executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (venv / "mine").touch()
    assert checkout.run().returncode == 0 and checkout.installs() == 1 and (venv / "mine").exists()


@pytest.mark.parametrize("content", ["file", "directory"])
def test_what_is_no_environment_is_left_alone(checkout, content):
    path = checkout.root / ".venv" / "notes.txt" if content == "directory" else checkout.root / ".venv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("precious")
    refused = checkout.run()
    assert refused.returncode == 1 and "away" in refused.err and path.read_text() == "precious"
