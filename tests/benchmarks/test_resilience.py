"""Kills at random moments: a training that resumes exactly survives them, one that does not is found out."""

import sys

from benchmarks import resilience_kills
from benchmarks.trainers import Row
from benchmarks.training_programs import Program

TRAINING = """
import json, pathlib, sys, time
import numpy as np
from keras_hparam import atomic, checkpoints

workdir, error = pathlib.Path(sys.argv[1]), float(sys.argv[2])
course = checkpoints.Course(workdir / "checkpoints", "a training", facts=dict)
with checkpoints.Exclusive(workdir, "--workdir"), course:
    found = course.restore()
    step, x = (found.step, found.arrays["x"] + error) if found else (0, np.zeros(3))
    while step < 40:
        step, x = step + 1, x + np.sin(step + x)
        time.sleep(0.01)
        course.save(step, {"x": x})
    if error and found:
        (workdir / ".left.partial").touch()
    atomic.write_bytes(workdir / "result.json", json.dumps({"x": x.tolist(), "seconds": time.time()}).encode())
"""


class Training(Program):
    """A program of half a second, whose state differs a little after each start."""

    def command(self, workdir, *flags):
        return [sys.executable, "-c", TRAINING, str(workdir), *self.flags, *flags]


def killed(error, kills, tmp_path):
    row = Row(Training("training", [error], "a training"), ("result.json",))
    return resilience_kills.kill_often(row, kills, 0, tmp_path / "work")


def test_an_exact_training_survives_kills_without_a_difference(tmp_path):
    found = killed("0", 4, tmp_path)
    assert found["kills"] == 4 and found["trainings"] >= 1 and found["steps"] == 40
    assert found["differences"] == [] and found["partial"] == [] and list(tmp_path.iterdir()) == []
    lines = resilience_kills.table({"exact": found})
    assert lines[1].split() == ["exact", "4", str(found["without_progress"]), str(found["trainings"]), "0", "0"]


def test_a_training_that_resumes_with_an_error_is_found_out(tmp_path):
    found = killed("1e-9", 3, tmp_path)
    assert "result.json" in found["differences"] and "checkpoints/step-000000040/arrays.npz" in found["differences"]
    assert ".left.partial" in found["partial"]
