"""Parameters: what is accepted, and round trips between values, indices, units and tokens."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.spaces import Condition, Parameter
from tests.spaces import strategies

BINS = st.sampled_from([7, 64, 1000])


@given(strategies.parameters(), BINS)
def test_token_to_value_to_token(parameter, num_bins):
    legal = parameter.legal_tokens(num_bins)
    assert len(legal) and np.all(np.diff(legal) > 0) and 0 <= legal[0] and legal[-1] < num_bins
    values = [parameter.from_token(t, num_bins) for t in legal]
    assert all(parameter.contains(v) and type(v) in (str, int, float, bool) for v in values)
    assert [parameter.to_token(v, num_bins) for v in values] == list(legal)


@given(strategies.parameters(), BINS, st.floats(0, 1))
def test_value_to_token_to_value(parameter, num_bins, unit):
    value = parameter.from_unit(unit)
    token = parameter.to_token(value, num_bins)
    assert token in parameter.legal_tokens(num_bins)
    decoded = parameter.from_token(token, num_bins)
    if strategies.is_exact(parameter, num_bins):
        assert decoded == value and type(decoded) is type(value)
    else:
        assert abs(parameter.to_unit(decoded) - parameter.to_unit(value)) <= 1 / num_bins + 1e-9


@given(strategies.parameters(), BINS)
def test_illegal_tokens_are_refused(parameter, num_bins):
    legal = set(parameter.legal_tokens(num_bins).tolist())
    for token in sorted({-1, num_bins, *range(0, num_bins, 13)} - legal):
        with pytest.raises(errors.InvalidArgumentError, match="token"):
            parameter.from_token(token, num_bins)


@given(strategies.parameters(), st.floats(0, 1), st.floats(0, 1))
def test_units_are_monotone_and_invert(parameter, a, b):
    low, high = parameter.from_unit(min(a, b)), parameter.from_unit(max(a, b))
    assert 0.0 <= parameter.to_unit(low) <= parameter.to_unit(high) <= 1.0
    again = parameter.from_unit(parameter.to_unit(low))
    assert again == low if parameter.num_values is not None else math.isclose(again, low, rel_tol=1e-6, abs_tol=1e-6)


@given(strategies.floats(stepped=False) | strategies.ints())
def test_the_bounds_are_the_ends_of_the_unit_interval(parameter):
    values = (parameter.from_unit(0.0), parameter.from_unit(1.0))
    if parameter.kind == "float" or parameter.step in (None, 1):
        assert values == (parameter.low, parameter.high)
    else:
        assert values == (parameter.from_index(0), parameter.from_index(parameter.num_values - 1))


@given(strategies.parameters(finite=True))
def test_indices_number_the_values_in_order(parameter):
    values = [parameter.from_index(i) for i in range(parameter.num_values)]
    assert len(set(values)) == len(values) and all(parameter.contains(v) for v in values)
    assert [parameter.to_index(v) for v in values] == list(range(len(values)))
    if not parameter.values:
        assert values == sorted(values) and parameter.low <= values[0] and values[-1] <= parameter.high


def test_each_value_has_the_bin_of_its_centre():
    parameter = Parameter("units", "int", 1, 4)
    assert parameter.legal_tokens(1000).tolist() == [125, 375, 625, 875]
    assert [parameter.to_unit(v) for v in (1, 2, 3, 4)] == [0.125, 0.375, 0.625, 0.875]
    ordered = Parameter("size", "choice", values=(64, 16), ordered=True)
    assert ordered.legal_tokens(1000).tolist() == [250, 750] and ordered.from_token(250, 1000) == 64
    unordered = Parameter("size", "choice", values=(64, 16))
    assert unordered.is_categorical and unordered.legal_tokens(1000).tolist() == [0, 1]
    assert Parameter("b", "boolean").from_token(1, 1000) is True
    assert Parameter("f", "fixed", values=(0.5,)).from_token(0, 1000) == 0.5


def test_more_integers_than_bins():
    for scale, low in (("linear", 0), ("log", 1), ("reverse_log", 1)):
        parameter = Parameter("x", "int", low, 20_000, scale=scale)
        legal = parameter.legal_tokens(1000)
        reached = {parameter.to_token(v, 1000) for v in range(low, 20_001)}
        assert set(legal.tolist()) == reached, scale
    assert Parameter("x", "int", 0, 10**12).from_token(999, 1000) > 9 * 10**11


def test_a_value_within_rounding_is_contained():
    parameter = Parameter("dropout", "float", 0.0, 0.5, 0.1)
    assert parameter.from_index(3) == 0.1 * 3 != 0.3
    assert parameter.contains(0.3) and parameter.to_index(0.3) == 3 and not parameter.contains(0.31)
    assert parameter.to_token(0.31, 1000) == parameter.to_token(0.3, 1000)
    large = Parameter("x", "float", 1e9, 1e9 + 1, 0.1)
    assert all(large.contains(1e9 + 0.1 * i) for i in range(11)) and large.from_unit(1.0) == 1e9 + 1


@pytest.mark.parametrize(
    "parameter, value",
    [
        (Parameter("x", "float", 0.0, 1.0), 1.5),
        (Parameter("x", "float", 0.0, 1.0), math.nan),
        (Parameter("x", "float", 0.0, 1.0), "0.5"),
        (Parameter("x", "float", 0.0, 1.0), True),
        (Parameter("x", "int", 1, 5), 2.5),
        (Parameter("x", "int", 1, 5), 6),
        (Parameter("x", "int", 1, 5), None),
        (Parameter("x", "choice", values=("a", "b")), "c"),
        (Parameter("x", "choice", values=("a", "b")), ["a"]),
        (Parameter("x", "boolean"), "True"),
        (Parameter("x", "fixed", values=(1,)), 2),
    ],
)
def test_values_outside_are_refused(parameter, value):
    assert not parameter.contains(value)
    for convert in (parameter.to_unit, lambda v: parameter.to_token(v, 1000)):
        with pytest.raises(errors.InvalidArgumentError, match=r"parameter 'x' to be .*Received: "):
            convert(value)


def test_numpy_scalars_are_values():
    assert Parameter("x", "int", 1, 5).to_index(np.int64(3)) == 2
    assert type(Parameter("x", "float", 0.0, 1.0).from_token(np.int32(3), np.int64(10))) is float
    assert Parameter("x", "boolean").to_token(np.bool_(True), 1000) == 1
    assert type(Parameter("x", "float", np.float32(0), np.float32(1)).default) is float


@pytest.mark.parametrize(
    "fields, message",
    [
        (dict(name="", kind="float", low=0, high=1), "name"),
        (dict(kind="real", low=0, high=1), "kind"),
        (dict(kind="float", low=2, high=1), "low <= high"),
        (dict(kind="float", low=0, high=math.inf), "finite"),
        (dict(kind="float", low=math.nan, high=1), "finite"),
        (dict(kind="float", low=-1.7e308, high=1.7e308), "finite distance"),
        (dict(kind="float", low=0), "high"),
        (dict(kind="float", low=0, high=1, scale="log"), "low > 0"),
        (dict(kind="float", low=1, high=2, scale="ln"), "scale"),
        (dict(kind="float", low=0, high=1, step=0), "step > 0"),
        (dict(kind="int", low=1, high=8, step=1, scale="log"), "step > 1"),
        (dict(kind="int", low=1.5, high=8), "finite int `low`"),
        (dict(kind="int", low=1, high=8, default=9), "default"),
        (dict(kind="int", low=1, high=8, values=(1,)), "values"),
        (dict(kind="choice"), "values"),
        (dict(kind="choice", values="abc"), "sequence"),
        (dict(kind="choice", values=("a", "a")), "differ"),
        (dict(kind="choice", values=(1, True)), "differ"),
        (dict(kind="choice", values=(1, 1.0)), "differ"),
        (dict(kind="choice", values=(1, None)), "type"),
        (dict(kind="choice", values=(math.nan,)), "type"),
        (dict(kind="choice", values=("a",), default="b"), "default"),
        (dict(kind="choice", values=("a",), low=0), "low"),
        (dict(kind="fixed", values=(1, 2)), "exactly one"),
    ],
)
def test_wrong_fields_are_refused(fields, message):
    with pytest.raises(errors.InvalidArgumentError, match=message) as caught:
        Parameter(**{"name": "x", **fields})
    assert "Received: " in str(caught.value)


def test_more_categories_than_bins_and_no_bins_are_refused():
    with pytest.raises(errors.InvalidArgumentError, match="at most num_bins=2 categories"):
        Parameter("x", "choice", values=("a", "b", "c")).to_token("a", 2)
    for num_bins in (0, -1, 2.5):
        with pytest.raises(errors.InvalidArgumentError, match="num_bins"):
            Parameter("x", "float", 0.0, 1.0).to_token(0.5, num_bins)
    for unit in (-0.1, 1.1, math.nan):
        with pytest.raises(errors.InvalidArgumentError, match="unit"):
            Parameter("x", "float", 0.0, 1.0).from_unit(unit)


def test_a_condition_has_values():
    assert Condition("a", [1, 2]).values == (1, 2)
    for values in ((), "ab"):
        with pytest.raises(errors.InvalidArgumentError, match="condition on 'a'"):
            Condition("a", values)
