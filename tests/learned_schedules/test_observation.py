"""Features of a training's dynamics: closed forms, scales, groups, batches."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from keras import ops

from keras_hparam.learned_schedules import observation
from keras_hparam.learned_schedules.config import FEATURES, ControllerConfig
from keras_hparam.learned_schedules.observation import Measurements, log_ratio

FIRST = Measurements(0.1, 2.0, 2.2, 0.3, 0.09, 1.0, 1.5, 0.5, 5.0, 4.0)
SECOND = Measurements(0.05, 1.0, 1.1, 0.3, 0.36, 1.5, 3.0, 0.75, 5.0, 4.0)


def features(config, measured, shares=(None, None)):
    """The features of decisions one after the other."""
    state, found = observation.initial_state(config), []
    for one, share in zip(measured, shares, strict=True):
        one = Measurements(*(np.float32(value) for value in one))
        row, state = observation.observe(config, state, one, share)
        found.append(ops.convert_to_numpy(row))
    return np.array(found)


def test_features_of_two_decisions():
    log2 = np.log(2)
    expected = {
        "rate": [[np.log(10), 0.0], [np.log(5), -log2]],
        "budget": [[0.25, 1.0], [0.5, 1.0]],
        "training_loss": [[0.0, 0.0, 0.0], [-log2, -log2, -0.3 * log2]],
        "validation_loss": [[0.0, 0.0, 0.0, 0.0, np.log(1.1)], [-log2, -log2, -0.3 * log2, 0.0, np.log(1.1)]],
        "layer": [[1.0, 0.0], [0.5, np.log(4)]],
        "outputs": [[np.log(1.5), np.log(0.5)], [np.log(2), np.log(0.5)]],
        "inputs": [[2.5, np.log(4)], [2.5, np.log(4)]],
    }
    found = features(ControllerConfig(smoothing=0.7), [FIRST, SECOND], (0.25, 0.5))
    np.testing.assert_allclose(found, np.concatenate([expected[group] for group in FEATURES], axis=1), atol=1e-5)
    for group in FEATURES:
        alone = features(ControllerConfig(features=(group,), smoothing=0.7), [FIRST, SECOND], (0.25, 0.5))
        np.testing.assert_allclose(alone, expected[group], atol=1e-5)
        assert alone.shape[1] == observation.num_features(ControllerConfig(features=(group,)))


def test_only_what_is_needed_is_measured():
    config = ControllerConfig(features=("training_loss", "rate"))
    assert observation.needed(config) == ("rate", "training_loss")
    only = Measurements(rate=np.float32(0.1), training_loss=np.float32(1.0))
    row, _ = observation.observe(config, observation.initial_state(config), only)
    assert row.shape == (5,)
    assert set(observation.needed(ControllerConfig())) == set(Measurements._fields)


@hypothesis.given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
@hypothesis.settings(max_examples=20, deadline=None)
def test_units_do_not_matter(loss_unit, output_unit):
    """Losses in other units, and outputs in others: no feature changes."""
    config = ControllerConfig(features=tuple(name for name in FEATURES if name != "inputs"))
    scaled = [
        one._replace(
            training_loss=one.training_loss * loss_unit, validation_loss=one.validation_loss * loss_unit,
            outputs_before=one.outputs_before * output_unit, outputs_after=one.outputs_after * output_unit,
            outputs_change=one.outputs_change * output_unit,
        )
        for one in (FIRST, SECOND)
    ]  # fmt: skip
    np.testing.assert_allclose(features(config, scaled), features(config, [FIRST, SECOND]), atol=1e-4)


def test_many_trainings_at_once_are_each_by_itself():
    config, rng = ControllerConfig(), np.random.default_rng(0)
    rounds = [Measurements(*rng.lognormal(size=(10, 3, 2)).astype("float32")) for _ in range(3)]
    state, together = observation.initial_state(config, (3, 2)), []
    for one in rounds:
        row, state = observation.observe(config, state, one, 0.5)
        together.append(ops.convert_to_numpy(row))
    for place in np.ndindex(3, 2):
        alone = features(config, [Measurements(*(value[place] for value in one)) for one in rounds], [0.5] * 3)
        np.testing.assert_allclose(np.array(together)[:, *place], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "a, b, expected",
    [(2, 1, np.log(2)), (1, 2, -np.log(2)), (-2, -1, -np.log(2)), (-1, 1, -10), (1, -1, 10), (0, 0, 0), (1, 0, 10),
     (-1, 0, -10), (0, -1, 10), (np.nan, 1, 10), (np.inf, 1, 10), (1e-9, 1e9, -10)],
)  # fmt: skip
def test_log_ratios(a, b, expected):
    """A loss that grows gives a number above 0, whatever its sign."""
    assert float(log_ratio(np.float32(a), np.float32(b))) == pytest.approx(expected, abs=1e-5)
