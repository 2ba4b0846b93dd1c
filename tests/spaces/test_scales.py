"""Scales, grids and bins against closed forms and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_hparam.spaces import scales

BOUNDS = [(-3.0, 7.0, "linear"), (1e-5, 1e-1, "log"), (0.5, 0.999, "reverse_log"), (1.0, 1e6, "log")]


@pytest.mark.parametrize("low, high, scale", BOUNDS)
def test_the_bounds_are_reached_exactly(low, high, scale):
    assert scales.value_at(0.0, low, high, scale) == low
    assert scales.value_at(1.0, low, high, scale) == high
    assert scales.unit_of(low, low, high, scale) == 0.0
    assert scales.unit_of(high, low, high, scale) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("low, high, scale", BOUNDS)
def test_values_increase_and_invert(low, high, scale):
    units = np.linspace(0, 1, 201)
    values = [scales.value_at(u, low, high, scale) for u in units]
    assert np.all(np.diff(values) > 0)
    np.testing.assert_allclose([scales.unit_of(v, low, high, scale) for v in values], units, atol=1e-9)


def test_the_middle_of_each_scale():
    assert scales.value_at(0.5, 1.0, 4.0, "linear") == 2.5
    assert scales.value_at(0.5, 1.0, 4.0, "log") == pytest.approx(2.0)
    assert scales.value_at(0.5, 1.0, 4.0, "reverse_log") == pytest.approx(3.0)  # the mirror image of 2 in [1, 4]


@pytest.mark.parametrize(
    "low, high, step, scale, expected",
    [
        (0.0, 1.0, 0.1, "linear", [0.1 * i for i in range(10)] + [1.0]),
        (0.1, 0.3, 0.1, "linear", [0.1, 0.2, 0.3]),
        (0.0, 1.0, 0.3, "linear", [0.0, 0.3, 0.6, 0.3 * 3]),
        (6, 13, 3, "linear", [6, 9, 12]),
        (2, 33, 2, "log", [2, 4, 8, 16, 32]),
        (1e-3, 10.0, 10.0, "log", [1e-3, 1e-3 * 10.0, 1e-3 * 10.0**2, 1e-3 * 10.0**3, 10.0]),
        (1, 20, 3, "reverse_log", [12, 18, 20]),
        (1.0, 9.0, 3.0, "reverse_log", [1.0, 7.0, 9.0]),
    ],
)
def test_grids(low, high, step, scale, expected):
    size = scales.grid_size(low, high, step, scale)
    assert [scales.grid_value(i, low, high, step, scale) for i in range(size)] == expected
    assert [scales.grid_index(v, low, high, step, scale) for v in expected] == list(range(size))


def test_a_value_between_steps_counts_as_the_nearest():
    assert scales.grid_index(100, 32, 512, 32, "linear") == 2  # 96 rather than 128
    assert scales.grid_index(500.0, 1.0, 1000.0, 10.0, "log") == 3


@given(st.integers(1, 400), st.integers(1, 400))
def test_every_cell_finds_its_bin_again(size, num_bins):
    tokens = [scales.index_to_bin(i, size, num_bins) for i in range(size)]
    assert tokens == [math.floor((2 * i + 1) * num_bins / (2 * size) + 1e-12) for i in range(size)]
    if size <= num_bins:
        assert [scales.bin_to_index(t, size, num_bins) for t in tokens] == list(range(size))
    else:
        found = [scales.bin_to_index(b, size, num_bins) for b in range(num_bins)]
        assert [scales.index_to_bin(i, size, num_bins) for i in found] == list(range(num_bins))


def test_one_belongs_to_the_last_bin():
    assert [scales.unit_to_bin(u, 10) for u in (0.0, 0.0999, 0.1, 0.95, 1.0)] == [0, 0, 1, 9, 9]
