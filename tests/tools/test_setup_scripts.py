"""tools/test and tools/demo: set up once, run from anywhere, and name what is missing."""

import os
import pathlib
import shutil
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


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
