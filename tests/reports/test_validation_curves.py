"""The picture of a meta-training."""

import numpy as np
import pytest

from keras_hparam import errors, reports
from keras_hparam.reports.validation_curves import curve_figure

HISTORY = [
    {"meta_step": 0, "score": float("inf"), "ackley/8": float("inf"), "ackley/9": 2.0},
    {"meta_step": 5, "score": -1.0, "ackley/8": -3.0, "ackley/9": 1.0},
    {"meta_step": 9, "score": 0.5, "ackley/8": 0.0, "ackley/9": 1.0},
]


def test_it_shows_every_family_and_marks_the_best(tmp_path):
    figure = curve_figure(HISTORY)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert set(lines) == {"ackley/8", "ackley/9", "mean", "best: -1 at 5"}
    np.testing.assert_array_equal(lines["mean"].get_xydata()[1:], [[5, -1], [9, 0.5]])
    assert np.isnan(lines["ackley/8"].get_ydata()[0]) and lines["best: -1 at 5"].get_xdata() == [5]
    reports.save_figure(figure, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000
    assert len(curve_figure(HISTORY[:1]).axes[0].get_lines()) == 3


def test_nothing_to_draw_is_an_error():
    with pytest.raises(errors.InvalidArgumentError, match="Received: none"):
        curve_figure([])
