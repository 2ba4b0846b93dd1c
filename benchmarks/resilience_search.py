"""Searches on several workers: what they survive in a long run, and what more workers give."""

import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
from absl import logging

from benchmarks import reference, tables

ROOT = pathlib.Path(__file__).resolve().parents[1]
FAILURES = {"worker killed": 0.5, "worker stopped": 0.25, "chief killed": 0.25}
START, LEASE = 20.0, 20.0  # seconds: before a new process is hurt; of leases
WINDOWS = 5


class Processes:
    """A chief and its workers, each a process; those that end are started again under another name."""

    def __init__(self, directory, workers, **given):
        directory.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._port = str(server.getsockname()[1])
        self._given = json.dumps({"directory": str(directory), "lease_seconds": LEASE, **given})
        self._log, self._starts, self._stopped = open(directory / "processes.log", "ab"), 0, []
        self.chief = self._start("chief")
        self.workers = [self._start(self._name()) for _ in range(workers)]

    def hurt(self, kind, rng):
        """Kills or stops one of them; a new one takes its place."""
        if kind == "chief killed":
            self.chief.kill()
            self.chief.wait()
            self.chief = self._start("chief")
            return
        index = int(rng.integers(len(self.workers)))
        self.workers[index].send_signal(signal.SIGKILL if kind == "worker killed" else signal.SIGSTOP)
        self._stopped.append(self.workers[index])
        self.workers[index] = self._start(self._name())

    def end(self):
        for process in [self.chief, *self.workers, *self._stopped]:
            process.kill()
            process.wait()
        self._log.close()

    def _name(self):
        self._starts += 1
        return f"worker-{self._starts}"

    def _start(self, name):
        environment = {
            **os.environ, "KERASTUNER_TUNER_ID": name, "KERASTUNER_ORACLE_IP": "127.0.0.1", "PYTHONPATH": str(ROOT),
            "KERASTUNER_ORACLE_PORT": self._port, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3",
        }  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.soak_program", self._given]
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=self._log, stderr=self._log)


def soak(directory, trials, workers, seconds_between, seed):
    """Figures of a long search whose processes are killed and stopped again and again.

    Args:
        directory: `pathlib.Path`, emptied before.
        trials, workers: int ≥ 1.
        seconds_between: > 0, the mean time between two failures.
        seed: int ≥ 0, of the failures and the search.
    """
    shutil.rmtree(directory, ignore_errors=True)
    rng, done = np.random.default_rng(seed), collections.Counter()
    began, processes = time.monotonic(), Processes(directory, workers, trials=trials, seed=seed, seconds=0.05)
    try:
        due = began + START + rng.exponential(seconds_between)
        while processes.chief.poll() is None:
            if time.monotonic() > due:
                kind = rng.choice(list(FAILURES), p=list(FAILURES.values()))
                logging.info("%s after %.0f s", kind, time.monotonic() - began)
                processes.hurt(kind, rng)
                done[kind] += 1
                due = time.monotonic() + START + rng.exponential(seconds_between)
            time.sleep(0.1)
        status = processes.chief.returncode
    finally:
        processes.end()
    return {"status": status, "seconds": time.monotonic() - began, "failures": dict(done), **figures(directory, trials)}


def figures(directory, trials):
    """What the files of a finished search say of it."""
    states = [json.loads(path.read_text()) for path in directory.glob("search/trial_*/trial.json")]
    oracle = json.loads((directory / "search" / "oracle.json").read_text())
    proposals, runs = _lines(directory / "proposals.jsonl"), _lines(directory / "runs.jsonl")
    times = collections.Counter(run["trial"] for run in runs)
    values = {run["trial"]: json.dumps(run["values"], sort_keys=True) for run in runs}
    ended = collections.Counter(oracle["end_order"])
    return {
        "trials": len(states),
        "lost": trials - sum(state["status"] == "COMPLETED" for state in states),
        "counted twice": sum(count > 1 for count in ended.values()),
        "duplicates": len(values) - len(set(values.values())),
        "run again": sum(count > 1 for count in times.values()),
        "best": min(state["score"] for state in states if state["score"] is not None),
        "windows": [_window(part) for part in np.array_split(np.array(proposals, object), WINDOWS)],
    }


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def _window(proposals):
    """Of a part of the proposals: milliseconds (median, 95%), MiB of the chief (median)."""
    seconds = [1e3 * proposal["seconds"] for proposal in proposals]
    low, high = np.quantile(seconds, [0.5, 0.95])
    return [float(low), float(high), float(np.median([proposal["memory"] for proposal in proposals]))]


def soak_table(found):
    """Lines of text."""
    hurt = ", ".join(f"{count} × {kind}" for kind, count in found["failures"].items()) or "no failures"
    rows = [["part of the search", "proposal, ms", "95%, ms", "chief, MiB"]]
    for index, values in enumerate(found["windows"]):
        rows.append([f"{index + 1} of {len(found['windows'])}", *(f"{value:.0f}" for value in values)])
    names = ("trials", "lost", "counted twice", "duplicates", "run again")
    counts = ", ".join(f"{found[name]} {name}" for name in names)
    return [f"{found['seconds']:.0f} s; {hurt}; {counts}", *tables.align(rows)]


def speedup(directory, trials, seeds, seconds):
    """{workers: figures}: trials per minute and the best value of equally many trials, over seeds.

    Args:
        directory: `pathlib.Path`; cells that are there are read.
        trials, seeds: int ≥ 1.
        seconds: > 0, of a trial, in which the worker sleeps: so that more of them need no more cores.
    """
    found = {}
    for workers in (1, 2, 4):
        for seed in range(seeds):
            path = directory / f"speedup-{workers}-{seed}.json"
            if not path.exists():
                reference.write_json(path, _speed(directory / "speedup", workers, trials, seed, seconds))
                logging.info("%d workers, seed %d: %s", workers, seed, path.read_text())
            found.setdefault(str(workers), []).append(json.loads(path.read_text()))
    return found


def _speed(directory, workers, trials, seed, seconds):
    shutil.rmtree(directory, ignore_errors=True)
    processes = Processes(directory, workers, trials=trials, seed=seed, seconds=seconds)
    try:
        while processes.chief.poll() is None:
            time.sleep(0.1)
    finally:
        processes.end()
    times = [run["time"] for run in _lines(directory / "runs.jsonl")]
    first = len(times) // 5  # while the other workers still start and programs are compiled
    per_minute = 60 * (len(times) - first - 1) / (max(times) - sorted(times)[first])
    return {"per_minute": per_minute, "best": figures(directory, trials)["best"]}


def speedup_table(found):
    """Lines of text."""
    rows = [["workers", "trials a minute", "times one", "best value, mean ± standard deviation"]]
    one = np.mean([cell["per_minute"] for cell in found["1"]])
    for workers, cells in found.items():
        speed, best = np.mean([cell["per_minute"] for cell in cells]), [cell["best"] for cell in cells]
        found_best = f"{np.mean(best):.3f} ± {np.std(best, ddof=1):.3f}"
        rows.append([workers, f"{speed:.1f}", f"{speed / one:.2f}", found_best])
    return tables.align(rows)
