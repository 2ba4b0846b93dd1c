"""Bounds of the members' distributions: encoding, mean, entropy, configuration."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ensembles.bounds import Bounds

LOW, HIGH = (1e-6, 0.01), (1e-2, 0.5)


def test_values_are_encoded_by_their_place_between_the_limits():
    values = np.array([LOW, np.sqrt(np.multiply(LOW, HIGH)), HIGH], "float32")
    np.testing.assert_allclose(Bounds(2, LOW, HIGH, "unit").encode(values), [[0, 0], [0.5, 0.5], [1, 1]], atol=1e-6)
    np.testing.assert_allclose(Bounds(2, LOW, HIGH).encode(values), [[-1, -1], [0, 0], [1, 1]], atol=1e-6)


def test_the_whole_range_is_where_every_member_begins():
    bounds = Bounds(3, LOW, HIGH)
    lower, upper = bounds.values()
    np.testing.assert_allclose(lower, [LOW] * 3, rtol=1e-5)
    np.testing.assert_allclose(upper, [HIGH] * 3, rtol=1e-5)
    expected = np.subtract(HIGH, LOW) / np.log(np.divide(HIGH, LOW))
    np.testing.assert_allclose(bounds.mean(), [expected] * 3, rtol=1e-5)
    widths = np.log(np.divide(HIGH, LOW))
    assert float(bounds.entropy()) == pytest.approx(np.log(widths).sum(), rel=1e-5)
    middles = np.log(np.multiply(LOW, HIGH)) / 2
    assert float(bounds.entropy("values")) == pytest.approx((np.log(widths) + middles).sum(), rel=1e-5)


def test_an_optimizer_cannot_leave_the_limits():
    bounds = Bounds(2, LOW, HIGH)
    optimizer = keras.optimizers.SGD(100.0)
    optimizer.build([bounds.log_bounds])
    for sign in (1.0, -1.0):
        optimizer.apply([sign * np.ones((2, 2, 2), "float32")], [bounds.log_bounds])
        lower, upper = bounds.values()
        assert (lower >= np.multiply(LOW, 0.999)).all() and (upper <= np.multiply(HIGH, 1.001)).all()
        assert (lower < upper).all()


def test_the_configuration_is_a_round_trip():
    bounds = Bounds(2, LOW, HIGH, "unit")
    assert Bounds.from_config(bounds.get_config()).get_config() == bounds.get_config()


def test_another_encoding_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="Received: 'log'"):
        Bounds(2, LOW, HIGH, "log")
