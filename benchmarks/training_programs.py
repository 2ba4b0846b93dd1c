"""Processes of the programs of tools/ that train, for benchmarks and tests."""

import json
import os
import pathlib
import subprocess
import sys
import time

from keras_hparam import checkpoints

ROOT = pathlib.Path(__file__).resolve().parents[1]
TRY_FLAGS = """
import importlib, json, sys
from absl import flags

tool = importlib.import_module(sys.argv[1])
for given in json.loads(sys.argv[2]):
    tool.FLAGS.unparse_flags()
    [tool.FLAGS[name].using_default_value or tool.FLAGS[name].unparse() for name in tool.FLAGS]
    try:
        tool.FLAGS(["tool", *given])
        print(tool.main(["tool"]))
    except (flags.Error, tool.errors.KerasHparamError) as error:
        print(str(error).replace(chr(10), " "))
"""


class Program:
    """A program of tools/ that trains, with flags that every call has.

    Args:
        name: of the module.
        flags: list of str.
        kind: of its checkpoints.
    """

    def __init__(self, name, flags, kind):
        self.name, self.flags, self.kind = name, flags, kind

    def command(self, workdir, *flags):
        """A call of the program."""
        return [sys.executable, str(ROOT / "tools" / f"{self.name}.py"), f"--workdir={workdir}", *self.flags, *flags]

    def start(self, workdir, *flags, **environment):
        """A process."""
        return _start(self.command(workdir, *flags), environment)

    def start_workers(self, workdir, *flags, **environment):
        """Two workers that train together, behind the process that started them."""
        launcher = [sys.executable, str(ROOT / "tools" / "multi_worker.py"), "--workers=2", "--"]
        return _start([*launcher, *self.command(workdir, "--strategy=multi_worker", *flags)], environment)

    def manager(self, workdir):
        """The `CheckpointManager` of a workdir."""
        return checkpoints.CheckpointManager(workdir / "checkpoints", kind=self.kind)

    def wait_for_step(self, process, workdir, after=-1):
        """The step of the newest checkpoint as soon as there is one after a step, or once the process has ended."""
        manager, deadline = self.manager(workdir), time.monotonic() + 600
        while max(manager.steps(), default=-1) <= after and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        return max(manager.steps(), default=-1)

    def complaints(self, workdir, flags):
        """What the program says of each of some flags: list of str."""
        given = json.dumps([[f"--workdir={workdir}", *self.flags, flag] for flag in flags])
        command = [sys.executable, "-c", TRY_FLAGS, self.name, given]
        done = subprocess.run(
            command, cwd=ROOT / "tools", env=_environment(), capture_output=True, text=True, check=True
        )  # fmt: skip
        return done.stdout.splitlines()

    def help(self):
        """What --help prints."""
        command = [sys.executable, str(ROOT / "tools" / f"{self.name}.py"), "--help"]
        return subprocess.run(command, env=_environment(), capture_output=True, text=True).stdout

    def parse(self, flag_file, flag="name", *others):
        """The value of a flag that a flag file gives, with other flags."""
        code = f"import sys, {self.name} as tool\ntool.FLAGS(sys.argv)\nprint(tool.FLAGS.{flag})"
        command = [sys.executable, "-c", code, "--workdir=w", f"--flagfile={flag_file}", *others]
        return subprocess.run(
            command, cwd=ROOT / "tools", capture_output=True, text=True, env=_environment(), check=True
        ).stdout.strip()  # fmt: skip


def _start(command, environment):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env={**_environment(), **environment}, **pipes)


def finish(process):
    """(exit status, output, errors)."""
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


def _environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
