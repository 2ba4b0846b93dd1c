"""The benchmark of the learned optimizer: its figures, its compiled training, its program."""

import functools
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from benchmarks import optimizer_figures, optimizer_runs, optimizer_tasks
from keras_hparam.learned_optimizers import ElementwiseRule, weights

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMALL = optimizer_tasks.Task("digits", functools.partial(optimizer_tasks.dense, 8), steps=20, batch_size=16)


def cell(ends, start=1.0):
    """A cell whose curves fall from `start` to the ends [R, S] in a straight line of 50 steps."""
    runs = [
        [{"end": end, "held_out": 2 * end, "seconds": 0.1, "curve": list(np.linspace(start, end, 50))} for end in row]
        for row in ends
    ]
    return {"rates": [0.1 * 2**index for index in range(len(ends))], "steps": 50, "runs": runs}


def test_figures_are_those_of_the_best_rate():
    found = optimizer_figures.figures(cell([[0.5, 0.5], [0.1, 0.4], [float("nan"), 0.01], [3.0, 0.001]]))
    assert found["rate"] == 0.8 and found["diverged"] == 1  # geometric means .5, .2, no number, .055
    assert found["milliseconds"] == pytest.approx(2.0)
    found = optimizer_figures.figures(cell([[0.5, 0.5], [0.1, 0.4], [float("nan"), 0.01]]))
    assert found["rate"] == 0.2 and found["diverged"] == 0 and found["held_out"] == [0.2, 0.8]


def test_comparisons_are_paired_by_seed():
    reference, found = (optimizer_figures.figures(cell([ends])) for ends in ([0.2, 0.4], [0.1, 0.8]))
    beside = optimizer_figures.compared(found, reference)
    assert beside["ratio"] == pytest.approx(1.0) and beside["ahead"] == 1
    assert beside["spread"] == pytest.approx(np.log(4) / np.sqrt(2))
    faster = optimizer_figures.figures(cell([[-0.6, -0.4]]))  # twice as far down: half of the steps
    faster["end"] = [0.1, 0.1]
    assert optimizer_figures.compared(faster, reference)["reached"] == pytest.approx(0.48, abs=0.05)
    assert optimizer_figures.compared(reference, faster)["reached"] is None


def test_every_example_comes_once_in_an_epoch():
    rows = optimizer_runs.minibatches(24, 8, 6, seed=3)
    assert rows.shape == (6, 8)
    for epoch in np.split(rows, 2):
        assert sorted(epoch.ravel()) == list(range(24))


def test_a_training_is_that_of_keras():
    data = SMALL.load("", 0)
    shapes = [part.shape[1:] for part in data.train]
    training = optimizer_runs.Training(SMALL, shapes, optimizer_runs.METHODS["Adam, best rate"].make(SMALL, None))
    training.run(data, np.full(20, 0.5), 1)  # leaves nothing behind
    found = training.run(data, np.full(20, 0.01), 0)
    keras.utils.set_random_seed(0)
    model = SMALL.build(shapes)
    model.compile(keras.optimizers.Adam(0.01), SMALL.loss)
    expected = [
        model.train_on_batch(data.train[0][rows], data.train[1][rows])
        for rows in optimizer_runs.minibatches(len(data.train[0]), 16, 20, 0)
    ]
    np.testing.assert_allclose(found["curve"], expected, rtol=1e-3)


@pytest.mark.parametrize("name", optimizer_tasks.TASKS)
def test_networks_have_the_outputs_of_their_targets(name, data_dir):
    task = optimizer_tasks.TASKS[name]
    data = task.load(str(data_dir), 0)
    model = task.build([part.shape[1:] for part in data.train])
    outputs = model(data.train[0][:3])
    assert outputs.shape == (3, *data.train[1].shape[1:]) and np.isfinite(float(task.loss(data.train[1][:3], outputs)))


def test_the_program_makes_a_table_and_resumes(tmp_path, data_dir):
    weights.save(tmp_path / "rule", ElementwiseRule(), ElementwiseRule().initial(0))
    command = [sys.executable, "-m", "benchmarks.learned_optimizer", f"--workdir={tmp_path}", "--tasks=energy"]
    command += ["--methods=not told,untrained", "--seeds=2", f"--weights={tmp_path / 'rule'}", f"--data_dir={data_dir}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "learned_optimizer.json").read_text())["energy, dense 64-64"]
    assert set(found) == {"learned, not told the steps", "untrained", "Adam, best rate"}
    assert max(found["Adam, best rate"]["end"]) < 0.05 and found["Adam, best rate"]["diverged"] == 0
    assert (tmp_path / "learned_optimizer.png").stat().st_size > 10_000
    cells = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("energy*.json")}
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0 and "1 tasks, 2 seeds of each" in again.stdout
    assert cells == {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("energy*.json")}
