"""The picture of a rate's course."""

import pytest

from keras_hparam import errors
from keras_hparam.learned_schedules.pictures import schedule_figure


def test_rates_and_losses_are_drawn_as_they_are():
    history = {"step": [10, 20], "learning_rate": [0.1, 0.05], "training_loss": [2.0, 1.0], "layer_mean": [0.0, 0.0]}
    upper, lower = schedule_figure(history).axes
    assert upper.lines[0].get_xydata().tolist() == [[10, 0.1], [20, 0.05]] and upper.get_yscale() == "log"
    assert [line.get_xydata().tolist() for line in lower.lines] == [[[10, 2.0], [20, 1.0]]]


def test_a_history_without_decisions_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="one decision or more"):
        schedule_figure({})
