"""The workers of a search on one machine: started, given a device each, started again when they die, and ended."""

import logging
import os
import pathlib
import signal
import subprocess
import time

from keras_hparam import errors
from keras_hparam.parallel.worker import LAUNCHER

QUICK, MOST = 60.0, 3  # a worker that dies so soon after its start, in seconds, so often in a row is not started again
GRACE = 5.0  # seconds
_LOGGER = logging.getLogger(__name__)


class Workers:
    """Processes that run one command each as a worker.

    Args:
        command: list of str, a program that searches with `kh.parallel.search` or a tuner of `kh.tuners`.
        number: int ≥ 1.
        at: host:port of the chief.
        log_dir: directory of worker-1.log, …: what they print.
        gpus: int ≥ 0, GPUs of the machine; worker i has GPU i modulo so many; 0: all share the cores evenly.
        environment: dict of further environment variables.

    Example:

    ```python
    with Workers([sys.executable, "train.py"], 4, "127.0.0.1:8000", "logs") as workers:
        parallel.serve(tuner.oracle, parallel.ParallelSettings(), at="127.0.0.1:8000", check=workers.check)
    ```
    """

    def __init__(self, command, number, at, log_dir, gpus=0, environment=None):
        self.command, self.log_dir = list(command), pathlib.Path(log_dir)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        host, port = at.rsplit(":", 1)
        self._environment = {
            **os.environ, **(environment or {}),
            "KERASTUNER_ORACLE_IP": host, "KERASTUNER_ORACLE_PORT": port, LAUNCHER: str(os.getpid()),
        }  # fmt: skip
        self._slots = [_Slot(index, _device(index, number, gpus)) for index in range(number)]

    def __enter__(self):
        for slot in self._slots:
            self._start(slot)
        return self

    def __exit__(self, *_):
        """Ends them; those whose search is over end by themselves."""
        deadline = time.monotonic() + GRACE
        while any(slot.process.poll() is None for slot in self._slots) and time.monotonic() < deadline:
            time.sleep(0.05)
        for slot in self._slots:
            slot.process.kill()
            slot.process.wait()

    def check(self):
        """Starts dead workers again.

        Raises:
            UnavailableError: if all of them die soon after their start, again and again.
        """
        for slot in self._slots:
            status = slot.process.poll()
            if status is None or slot.is_given_up:
                continue
            slot.quick_deaths = slot.quick_deaths + 1 if time.monotonic() - slot.began < QUICK else 1
            slot.is_given_up = status == 0 or slot.quick_deaths >= MOST
            if status != 0:
                end = "and is not started again" if slot.is_given_up else "and is started again"
                _LOGGER.warning("Worker %d ended with %s %s.", slot.index + 1, _reason(status), end)
            if not slot.is_given_up:
                self._start(slot)
        if all(slot.is_given_up and slot.process.returncode != 0 for slot in self._slots):
            raise errors.UnavailableError(
                f"Expected workers that run. Received: each ended {MOST} times soon after its start. The end of "
                f"{self._log(self._slots[0])}:\n{self._tail(self._slots[0])}"
            )

    def processes(self):
        """The `subprocess.Popen` of each worker."""
        return [slot.process for slot in self._slots]

    def _start(self, slot):
        slot.generation, slot.began = slot.generation + 1, time.monotonic()
        name = f"worker-{slot.index + 1}.{slot.generation}"
        environment = {**self._environment, **slot.device, "KERASTUNER_TUNER_ID": name}
        with open(self._log(slot), "ab") as log:
            slot.process = subprocess.Popen(
                self.command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def _log(self, slot):
        return self.log_dir / f"worker-{slot.index + 1}.log"

    def _tail(self, slot, lines=10):
        return "\n".join(self._log(slot).read_text(errors="replace").splitlines()[-lines:])


class _Slot:
    def __init__(self, index, device):
        self.index, self.device = index, device
        self.process, self.began, self.generation, self.quick_deaths, self.is_given_up = None, 0.0, 0, 0, False


def _device(index, number, gpus):
    """Environment variables that give a worker its device."""
    if gpus:
        return {"CUDA_VISIBLE_DEVICES": str(index % gpus)}
    threads = str(max(1, (os.cpu_count() or 1) // number))
    return {name: threads for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")}


def _reason(status):
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
