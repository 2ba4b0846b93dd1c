"""Processes of a training program, for the tests of this folder."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from keras_hparam import checkpoints

ROOT = pathlib.Path(__file__).resolve().parents[2]
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

    def start(self, workdir, *flags, **environment):
        """A process."""
        path = ROOT / "tools" / f"{self.name}.py"
        command = [sys.executable, str(path), f"--workdir={workdir}", *self.flags, *flags]
        environment = {**_environment(), **environment}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start_workers(self, directory):
        """Two processes that train together, with workdirs 0 and 1."""
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            cluster = {"worker": [f"127.0.0.1:{server.getsockname()[1]}" for server in (one, two)]}
        tasks = [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}) for index in (0, 1)]
        return [
            self.start(directory / str(index), "--strategy=multi_worker", TF_CONFIG=task)
            for index, task in enumerate(tasks)
        ]

    def killed(self, workdir):
        """The step of the newest checkpoint that a process leaves which is killed after its first."""
        process, manager = self.start(workdir), checkpoints.CheckpointManager(workdir / "checkpoints", kind=self.kind)
        deadline = time.monotonic() + 600
        while not manager.steps() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        finish(process)
        return manager.steps()[-1]

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


def finish(process):
    """(exit status, output, errors)."""
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


def _environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
