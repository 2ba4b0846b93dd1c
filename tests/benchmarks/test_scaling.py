"""Frontiers of trainings whose losses are known."""

import numpy as np
import pytest

from benchmarks import scaling_figures


def curves(slope=-0.3):
    """Two sizes on one line of loss against the logarithm of compute, and one that learns nothing."""
    found = {}
    for name, exponents in (("small", [10.0, 10.5, 11.0]), ("large", [11.2, 11.7, 12.0]), ("idle", [9.0, 12.0])):
        losses = [5.0 + slope * (e - 10.0) if name != "idle" else 9.0 for e in exponents]
        found[name] = {"parameters": 10, "flops": [10.0**e for e in exponents], "loss": losses}
    return found


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
