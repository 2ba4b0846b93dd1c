"""The picture of bounds shows the numbers of the history."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.reports import bounds_figure, save_figure

HISTORY = {
    "loss": [1.0, 0.5],
    "l2/hidden/member_0/lower": [1e-6, 1e-5],
    "l2/hidden/member_0/upper": [1e-2, 1e-3],
    "l2/hidden/member_1/lower": [1e-6, 2e-6],
    "l2/hidden/member_1/upper": [1e-2, 1e-2],
    "dropout/member_0/lower": [0.1, 0.2],
    "dropout/member_0/upper": [0.2, 0.2],
}


def test_each_hyperparameter_has_a_panel_with_its_members(tmp_path):
    figure = bounds_figure(HISTORY)
    assert [axes.get_title() for axes in figure.axes] == ["l2/hidden", "dropout"]
    lines = figure.axes[0].lines
    assert len(lines) == 2 * 3
    np.testing.assert_allclose([lines[0].get_ydata(), lines[1].get_ydata()], [[1e-6, 1e-5], [1e-2, 1e-3]])
    expected = [(upper - lower) / np.log(upper / lower) for lower, upper in ((1e-6, 1e-2), (1e-5, 1e-3))]
    np.testing.assert_allclose(lines[2].get_ydata(), expected)
    np.testing.assert_allclose(figure.axes[1].lines[2].get_ydata()[1], 0.2)  # the limit of equal bounds
    save_figure(figure, tmp_path / "bounds.png")
    assert (tmp_path / "bounds.png").stat().st_size > 10_000


@pytest.mark.parametrize("history", [{}, {"loss": [1.0]}, {"l2/member_0/lower": [1e-6]}])
def test_a_history_without_bounds_is_refused(history):
    with pytest.raises(errors.InvalidArgumentError, match="member_<k>/lower"):
        bounds_figure(history)
