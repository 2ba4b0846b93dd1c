"""Runs a program as several workers on this machine, to try --strategy=multi_worker without a cluster.

    python tools/multi_worker.py --workers=2 -- python tools/pretrain_optformer.py --strategy=multi_worker --workdir=W

Every worker gets a TF_CONFIG with free ports of this machine; {worker} in the command is its index. The first one, the
chief, writes to this terminal. If a worker fails, the others are ended, its last lines are shown, and its exit status
is that of this program. Ctrl-C reaches all of them; a second one kills those that are still there.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

from absl import app, flags

FLAGS = flags.FLAGS
flags.DEFINE_integer("workers", 2, "Processes.", lower_bound=1)
LINES = 20  # shown of a worker that failed
PATIENCE_S = 10.0  # from the request to end until the kill
POLL_S = 0.05


def free_addresses(count):
    """Addresses of this machine whose ports are free now."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]


class Workers:
    """The processes of one job, which no Ctrl-C reaches but by `signal`.

    Args:
        command: list of str.
        count: int >= 1.
        logs: directory for what all but the chief say.
    """

    def __init__(self, command, count, logs):
        self.logs = [pathlib.Path(logs) / f"worker-{index}" for index in range(count)]
        addresses, self.processes = free_addresses(count), []
        for index in range(count):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            self._start([part.replace("{worker}", str(index)) for part in command], index, task)

    def _start(self, command, index, task):
        environment = {**os.environ, "TF_CONFIG": json.dumps(task)}
        with contextlib.ExitStack() as stack:
            said = {}
            if index > 0:
                said = {"stdout": stack.enter_context(self.logs[index].open("wb")), "stderr": subprocess.STDOUT}
            self.processes.append(
                subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, process_group=0, **said)
            )

    def failed(self):
        """The index of a worker that ended with another status than 0, or None."""
        return next((index for index, process in enumerate(self.processes) if process.poll()), None)

    def running(self):
        """Whether some still run."""
        return any(process.poll() is None for process in self.processes)

    def signal(self, number):
        """Sends a signal to those that still run."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(number)

    def wait(self, seconds):
        """Waits until all have ended, so long at most."""
        deadline = time.monotonic() + seconds
        while self.running() and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def end(self):
        """Ends those that still run."""
        self.signal(signal.SIGTERM)
        self.wait(PATIENCE_S)
        self.signal(signal.SIGKILL)
        self.wait(PATIENCE_S)


def watch(workers):
    """Waits for the end of all; the index of the worker that failed first, or None."""
    while workers.running() and workers.failed() is None:
        time.sleep(POLL_S)
    return workers.failed()


def run(command, count):
    """Runs the workers to their end; the exit status."""
    with tempfile.TemporaryDirectory() as logs:
        workers = Workers(command, count, logs)
        try:
            failed = watch(workers)
        except KeyboardInterrupt:
            workers.signal(signal.SIGINT)
            with contextlib.suppress(KeyboardInterrupt):
                workers.wait(float("inf"))
            return 128 + signal.SIGINT
        finally:
            workers.end()
        return 0 if failed is None else report(workers, failed)


def report(workers, index):
    """Says which worker failed and, unless it wrote to this terminal, its last lines; its exit status."""
    status = workers.processes[index].returncode
    status = 128 - status if status < 0 else status
    said = [] if index == 0 else workers.logs[index].read_text(errors="replace").splitlines()[-LINES:]
    print(f"Worker {index} ended with status {status}.", *said, sep="\n", file=sys.stderr)
    return status


def main(argv):
    """Runs the command behind the flags."""
    if len(argv) < 2:
        raise app.UsageError("Expected a command after the flags and --. Received: none.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the workers end as well
    try:
        sys.exit(run(argv[1:], FLAGS.workers))
    except OSError as error:
        sys.exit(f"Expected a command that can be run, such as `python tools/x.py`. Received: {error}.")


if __name__ == "__main__":
    app.run(main)
