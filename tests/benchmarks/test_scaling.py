"""Frontiers of trainings whose losses are known."""

import numpy as np
import pytest

from benchmarks import scaling_figures
from keras_hparam import checkpoints
from keras_hparam.optformer.weights import KIND
from keras_hparam.reports.scalar_log import ScalarLog


def curves(slope=-0.3):
    """Two sizes on one line of loss against the logarithm of compute, and one that learns nothing."""
    found = {}
    for name, exponents in (("small", [10.0, 10.5, 11.0]), ("large", [11.2, 11.7, 12.0]), ("idle", [9.0, 12.0])):
        losses = [5.0 + slope * (e - 10.0) if name != "idle" else 9.0 for e in exponents]
        found[name] = {"parameters": 10, "flops": [10.0**e for e in exponents], "loss": losses}
    return found


def test_a_curve_is_read_from_a_training_that_was_killed_once(tmp_path):
    weights = {"a": np.zeros((3, 4), "float32"), "b": np.zeros(8, "float32")}
    assert scaling_figures.trained_steps(tmp_path) == 0
    checkpoints.save_weights(tmp_path / "weights", weights, {}, kind=KIND, figures={"step": 8})
    assert scaling_figures.trained_steps(tmp_path) == 8
    for steps in ([2, 4, 6], [6, 8]):
        with ScalarLog(tmp_path / "tensorboard") as log:
            for step in steps:
                log.write(step, {"held_out_nll": 10.0 - step, "objective": 0.0})
    found = scaling_figures.curve(tmp_path, trials_per_batch=5)
    assert found["parameters"] == 20 and found["loss"] == [8.0, 6.0, 4.0, 2.0]
    assert found["flops"] == [6.0 * 20 * 10 * step for step in (2, 4, 6, 8)]


def test_the_frontier_is_the_best_of_all_sizes():
    flops, losses = scaling_figures.frontier(curves())
    assert (np.diff(flops) >= 0).all() and (np.diff(losses) <= 0).all() and losses[0] == 9.0
    assert losses[-1] == pytest.approx(5.0 - 0.3 * 2.0)


def test_the_slope_is_that_of_the_last_decade():
    steep_before = curves()
    steep_before["early"] = {"parameters": 1, "flops": [1e8, 1e9], "loss": [20.0, 10.0]}
    for given in (curves(), steep_before):
        assert scaling_figures.slope(*scaling_figures.frontier(given)) == pytest.approx(-0.3)


def test_a_picture_is_written(tmp_path):
    scaling_figures.plot(curves(), tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")
