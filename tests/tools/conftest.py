"""A copy of a checkout in which tools/test and tools/demo run for real, with a real virtual environment.

Only pip and pytest are stand-ins on PYTHONPATH, so that nothing is installed.
"""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

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
