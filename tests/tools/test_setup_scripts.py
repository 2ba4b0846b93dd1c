"""tools/test and tools/demo: set up, reuse, repair, and name what is missing.

The scripts run for real in a copy of a checkout, with a real virtual environment; only pip and pytest are stand-ins
on PYTHONPATH, so that nothing is installed.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ("_setup.sh", "_environment.py", "test", "demo")
SHELL_TOOLS = ("bash", "env", "dirname", "readlink")

FAKE_PIP = """
import os, sys, time
with open(os.environ["CALLS"], "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
print("Collecting everything", flush=True)
time.sleep(float(os.environ.get("PIP_TAKES", 0)))
if "PIP_FAILS" in os.environ:
    print("ERROR: " + os.environ["PIP_FAILS"])
    sys.exit(1)
"""
FAKE_PYTEST = "import os, sys; print('pytest', *sys.argv[1:], 'in', os.getcwd())"


class Checkout:
    """A copy of the scripts, and a PATH on which nothing but a Python and the shell's tools are found."""

    def __init__(self, directory):
        self.root = directory / "check out"
        self.bin = directory / "bin"
        self.calls = directory / "calls"
        self.environment = {"PATH": str(self.bin), "HOME": str(directory), "CALLS": str(self.calls)}
        for path in (self.root / "tools", self.bin, directory / "fake" / "pip", directory / "fake" / "pytest"):
            path.mkdir(parents=True)
        for name in SCRIPTS:
            shutil.copy(ROOT / "tools" / name, self.root / "tools" / name)
        (self.root / "setup.py").write_text("# one")
        (self.root / "tools" / "tune.py").write_text("import sys; print('tune', *sys.argv[1:])")
        for name, source in (("pip", FAKE_PIP), ("pytest", FAKE_PYTEST)):
            (directory / "fake" / name / "__init__.py").touch()
            (directory / "fake" / name / "__main__.py").write_text(source)
        self.environment["PYTHONPATH"] = str(directory / "fake")
        for name in SHELL_TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        self.add_python("python3", f'exec "{sys._base_executable}" "$@"')

    def add_python(self, name, script):
        (self.bin / name).write_text(f"#!{shutil.which('bash')}\n{script}\n")
        (self.bin / name).chmod(0o755)

    def start(self, *arguments, tool="test", cwd="/", **environment):
        command = [str(tool) if os.path.isabs(tool) else str(self.root / "tools" / tool), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=cwd, env=self.environment | environment, start_new_session=True, **pipes)

    def run(self, *arguments, **options):
        process = self.start(*arguments, **options)
        process.out, process.err = process.communicate(timeout=60)
        return process

    def installs(self):
        return self.calls.read_text().count("install") if self.calls.exists() else 0


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def environment_module():
    spec = importlib.util.spec_from_file_location("_environment", ROOT / "tools" / "_environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sets_up_once_and_runs_from_anywhere(checkout, tmp_path):
    first = checkout.run("-k", "two words")
    assert first.returncode == 0, first.err
    assert first.out == f"pytest -k two words in {checkout.root}\n"
    assert "Setting up" in first.err and "Collecting everything" in first.err
    assert checkout.calls.read_text() == "install --no-input --editable .[test]\n"
    link, chain = tmp_path / "link", tmp_path / "chain"
    chain.symlink_to(checkout.root / "tools" / "test")
    link.symlink_to("chain")
    second = checkout.run(tool=link, cwd=tmp_path)
    assert second.out == f"pytest in {checkout.root}\n" and second.err == ""
    assert checkout.installs() == 1


def test_the_demo_shares_the_environment(checkout):
    assert checkout.run().returncode == 0
    demo = checkout.run("--seed=1", tool="demo")
    assert demo.out == "tune --flagfile=configs/optformer/digits.flags --seed=1\n" and demo.err == ""
    assert checkout.installs() == 1


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


def test_no_python_is_named(checkout):
    (checkout.bin / "python3").unlink()
    checkout.add_python("python3.12", "echo shim: no such version; exit 127")
    checkout.add_python("python3.11", f'shift; exec "{sys.executable}" -c "import sys; sys.version_info = (3, 8); $@"')
    missing = checkout.run()
    assert missing.returncode == 1 and missing.out == "" and not (checkout.root / ".venv").exists()
    assert missing.err.startswith("Expected Python 3.11, 3.12 or 3.13 with venv and pip")
    for line in (
        "python3.13: not found",
        "python3.12: shim: no such version",
        "python3.11: Python 3.8",
        "python3: not",
    ):
        assert f"  {line}" in missing.err


def test_an_explicit_python_is_not_replaced_by_another(checkout):
    missing = checkout.run(PYTHON="/no/python")
    assert missing.returncode == 1 and "  /no/python: not found" in missing.err and "python3" not in missing.err
    (checkout.bin / "python3").rename(checkout.bin / "mine")
    assert checkout.run(PYTHON=str(checkout.bin / "mine")).returncode == 0


@pytest.mark.parametrize("missing, message", [(("venv",), "module venv"), (("ensurepip", "pip"), "ensurepip and pip")])
def test_missing_modules_are_named_with_their_package(checkout, missing, message):
    hide = (
        f"import importlib.util as u; find = u.find_spec; u.find_spec = lambda n: None if n in {missing} else find(n)"
    )
    checkout.add_python("python3", f'shift; exec "{sys.executable}" -c "{hide}"$\'\\n\'"$@"')
    failed = checkout.run()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert failed.returncode == 1 and f"python3: Python {version} without" in failed.err and message in failed.err
    assert f"apt install python{version}-venv" in failed.err


def test_without_ensurepip_the_base_pip_installs_pip(environment_module, tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(
        environment_module, "_run", lambda command, **_: commands.append([str(part) for part in command])
    )
    monkeypatch.setattr(environment_module, "_has_no_pip", lambda _: True)
    monkeypatch.setattr(environment_module.importlib.util, "find_spec", lambda _: None)
    environment_module._install(tmp_path, tmp_path, lock=0)
    python = str(tmp_path / "bin" / "python")
    assert commands[1][1:] == ["-m", "pip", "--python", python, "install", "pip"]
    assert commands[1][0] != python and commands[2][0] == python


def test_a_full_disk_is_named(environment_module, checkout, monkeypatch, capsys):
    usage = shutil.disk_usage("/")._replace(free=10**9)
    monkeypatch.setattr(environment_module.shutil, "disk_usage", lambda _: usage)
    assert environment_module.main([str(checkout.root)]) == 1
    assert "Expected 4 GB of free disk space" in capsys.readouterr().err
    assert not (checkout.root / ".venv").exists()


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


def test_the_first_lines_of_the_scripts_tell_how_to_use_them():
    for name in ("tools/test", "tools/demo", ".ci/run"):
        path = ROOT / name
        assert os.access(path, os.X_OK) and path.read_text().startswith("#!/usr/bin/env bash\n# ")


def test_continuous_integration_runs_the_tests_on_the_cpu(checkout):
    (checkout.root / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", checkout.root / ".ci" / "run")
    main = checkout.root.parent / "fake" / "pytest" / "__main__.py"
    main.write_text(textwrap.dedent("import os, sys; print(os.environ['CUDA_VISIBLE_DEVICES'], sys.argv[-1])"))
    assert checkout.run("-x", tool=checkout.root / ".ci" / "run").out == "-1 -x\n"
