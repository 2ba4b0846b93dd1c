"""From an action to a rate, against formulas."""

import numpy as np
import pytest

from keras_hparam.learned_schedules import decisions
from keras_hparam.learned_schedules.config import ControllerConfig


def test_factors_and_logarithms():
    factor, logarithm = (ControllerConfig(action=action, largest_change=0.5) for action in ("factor", "log_rate"))
    rates, first = np.array([0.1, 0.2], "float32"), np.array([1.0, 1.0], "float32")
    actions = np.array([0.0, -3.0], "float32")
    expected = np.exp(0.5 * np.tanh(actions))
    np.testing.assert_allclose(decisions.next_rate(factor, rates, first, actions), rates * expected, rtol=1e-6)
    np.testing.assert_allclose(decisions.next_rate(logarithm, rates, first, actions), first * expected, rtol=1e-6)
    bounded = decisions.next_rate(factor, rates, first, actions, lowest=0.15, highest=0.18)
    np.testing.assert_allclose(bounded, np.clip(rates * expected, 0.15, 0.18), rtol=1e-6)


def test_the_cosine_needs_the_number_of_steps():
    constant, cosine = ControllerConfig(), ControllerConfig(base="cosine")
    steps = np.array([0.0, 25.0, 50.0, 100.0, 130.0], "float32")
    np.testing.assert_allclose(
        decisions.base_factor(cosine, steps, 100), [1.0, 0.5 + np.sqrt(0.125), 0.5, 0.0, 0.0], atol=1e-6
    )
    for config, total in ((constant, 100), (cosine, None)):
        np.testing.assert_array_equal(decisions.base_factor(config, steps, total), np.ones(5))


def test_a_capped_step_is_a_share_of_the_parameters():
    parameters, directions = np.float32([2.0, 2.0, 2.0]), np.float32([10.0, 0.1, 0.0])
    found = decisions.capped(np.float32([0.1, 0.1, 0.1]), parameters, directions, 0.03)
    np.testing.assert_allclose(found, [0.03 * 2 / 10, 0.1, 0.1], rtol=1e-6)
    assert float(found[0]) * 10.0 / 2.0 == pytest.approx(0.03)
