"""Every program that trains ends with the same numbers on one device, on two, and on two workers, killed or not.

A training begins on two logical CPUs; while it is stopped, a second one is refused. It is killed and goes on with two
workers to its end, one of them, `KILLED`, after one worker was killed: one device without a kill gives the same.
"""

import json
import os
import pathlib
import shutil
import signal
import time

import numpy as np
import pytest

from benchmarks import trainers
from benchmarks.training_programs import finish

KILLED = "meta-training"  # one is enough: to the others, the end of a worker is one of their kills

pytestmark = pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="asks /proc for processes")


def worker(launcher, index):
    """The process id of a worker, once it has been started."""
    while launcher.poll() is None:
        for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(entry.read_text().rpartition(")")[2].split()[1])
                said = entry.with_name("environ").read_text() if parent == launcher.pid else ""
            except OSError:
                continue
            if f'"index": {index}' in said:
                return int(entry.parent.name)
        time.sleep(0.01)
    pytest.fail(f"The workers ended before their time: {finish(launcher)}")


def content(workdir):
    """What every file of a workdir holds."""
    return {path.relative_to(workdir): path.read_bytes() for path in workdir.rglob("*") if path.is_file()}


def differences(expected, received, rtol=0.0, atol=0.0):
    """What differs between two `Checkpoint`s: list of str, the step and every array beyond the tolerance."""
    found = [] if expected.step == received.step else [f"step {received.step} instead of {expected.step}"]
    if set(expected.arrays) != set(received.arrays):
        return [*found, f"arrays {sorted(set(expected.arrays) ^ set(received.arrays))} in one of them only"]
    for name, array in expected.arrays.items():
        other = received.arrays[name]
        if array.shape != other.shape or not np.allclose(other, array, rtol, atol, equal_nan=True):
            error = np.abs(np.subtract(other, array, dtype=float)).max() if array.shape == other.shape else "shape"
            found.append(f"{name}: {error}")
    return found


class Course:
    """A training that was interrupted, and one that was not."""

    def __init__(self, row, directory, kills_a_worker):
        self.row, self.program, self.workdir = row, row.program, directory / "work"
        self.whole = directory / "one"
        alone = self.program.start(self.whole)
        self.stopped_at, self.refused = self.begin()
        self.killed_at, self.failed = self.kill_a_worker() if kills_a_worker else (self.stopped_at, None)
        self.before, self.copies = content(self.workdir), [directory / f"work-{index}" for index in (0, 1)]
        for copy in self.copies:
            shutil.copytree(self.workdir, copy)
        self.ended = finish(self.program.start_workers(directory / "work-{worker}"))
        self.alone = finish(alone)
        self.expected = self.program.manager(self.whole).restore()
        self.received = self.program.manager(self.copies[0]).restore()

    def begin(self):
        """Two logical CPUs: the step at which they are stopped, and what a second program said meanwhile."""
        process = self.program.start(self.workdir, "--strategy=mirrored", "--logical_cpus=2")
        self.program.wait_for_step(process, self.workdir)
        process.send_signal(signal.SIGSTOP)
        before = content(self.workdir)
        refused = (*finish(self.program.start(self.workdir)), content(self.workdir) == before)
        process.kill()
        finish(process)
        return self.step(), refused

    def kill_a_worker(self):
        """Two workers: the step at which the second one was killed, and what the program that started them said."""
        launcher = self.program.start_workers(self.workdir)
        victim = worker(launcher, 1)
        self.program.wait_for_step(launcher, self.workdir, self.stopped_at)
        os.kill(victim, signal.SIGKILL)
        failed = finish(launcher)
        return self.step(), failed

    def step(self):
        """That of the newest checkpoint."""
        return max(self.program.manager(self.workdir).steps(), default=-1)


@pytest.fixture(scope="module", params=trainers.TABLE)
def course(request, tmp_path_factory):
    return Course(trainers.TABLE[request.param], tmp_path_factory.mktemp("trainers"), request.param == KILLED)


def test_a_concurrent_start_is_refused_and_changes_nothing(course):
    code, out, err, unchanged = course.refused
    assert code == 1 and "InUseError: Expected `--workdir` " in err and "one program at a time" in err
    assert unchanged


@pytest.mark.parametrize("course", [KILLED], indirect=True)
def test_a_worker_that_is_killed_ends_the_job(course):
    code, _, err = course.failed
    assert code == 128 + signal.SIGKILL and "Worker 1 ended with status 137." in err
    assert course.stopped_at < course.killed_at


def test_one_device_two_devices_and_two_workers_end_with_the_same_numbers(course):
    assert course.alone[0] == 0, course.alone[2][-3000:]
    assert course.ended[0] == 0, course.ended[2][-3000:]
    assert 0 < course.stopped_at <= course.killed_at < course.expected.step  # each of them took part
    assert differences(course.expected, course.received, course.row.rtol, course.row.atol) == []


def numbers(content):
    """All numbers in values of JSON but times."""
    if isinstance(content, dict):
        return [number for key, value in sorted(content.items()) if key != "seconds" for number in numbers(value)]
    if isinstance(content, list):
        return [number for value in content for number in numbers(value)]
    return [content] if isinstance(content, int | float) else []


def test_what_is_reported_is_the_same(course):
    """Also what is computed after the training, which nothing but its checkpoints may decide."""
    for name in course.row.results:
        if name.endswith(".json"):
            texts = [(folder / name).read_text() for folder in (course.whole, course.copies[0])]
            expected, received = (numbers(json.loads(text)) for text in texts)
            np.testing.assert_allclose(received, expected, rtol=1e-2, atol=1e-3, err_msg=name)


def test_the_first_worker_writes_and_leaves_nothing_partial(course):
    assert all(list(course.copies[0].glob(name)) for name in course.row.results)
    assert [path for path in course.copies[0].rglob("*") if "partial" in path.name] == []
    assert content(course.copies[1]) == course.before
