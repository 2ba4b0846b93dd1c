"""Spaces: tokens, activity, size and enumeration against walks by brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.spaces import Condition, Parameter, SearchSpace
from tests.spaces import strategies


def nested_space():
    return SearchSpace(
        (
            Parameter("model", "choice", values=("mlp", "cnn")),
            Parameter("rate", "float", 1e-4, 1e-1, scale="log"),
            Parameter("layers", "int", 1, 3, conditions=(Condition("model", ("mlp",)),)),
            Parameter("width", "int", 8, 512, scale="log", conditions=(Condition("layers", (2, 3)),)),
            Parameter("units", "int", 1, 5, conditions=(Condition("model", ("mlp",)),)),
            Parameter("units", "int", 1, 9, conditions=(Condition("model", ("cnn",)),)),
            Parameter("seed", "fixed", values=(7,)),
        )
    )


def active_by_rounds(space, values):
    """Which parameters are active: repeats the rules until nothing changes. `values` holds one value per parameter."""
    active = [False] * len(space)
    while True:
        now = []
        for d, p in enumerate(space.parameters):
            met = [
                any(active[e] and q.name == c.name and values[e] in c.values for e, q in enumerate(space.parameters))
                for c in p.conditions
            ]
            now.append(all(met) and not any(now[e] and space.parameters[e].name == p.name for e in range(d)))
        if now == active:
            return now
        active = now


@settings(max_examples=60)
@given(strategies.spaces(), st.sampled_from([1000, 2000]), st.integers(0, 2**31))
def test_rows_values_and_activity_agree(space, num_bins, seed):
    rng = np.random.default_rng(seed)
    full = np.stack([rng.choice(p.legal_tokens(num_bins), 8) for p in space.parameters], axis=1)
    active = space.activity(full, num_bins)
    masked = space.mask_inactive(full, num_bins)
    np.testing.assert_array_equal(masked, np.where(active, full, -1))
    np.testing.assert_array_equal(space.activity(masked, num_bins), active)
    for row, is_active in zip(full, active, strict=True):
        values = [p.from_token(t, num_bins) for p, t in zip(space.parameters, row, strict=True)]
        assert is_active.tolist() == active_by_rounds(space, values)
        decoded = space.from_tokens(row, num_bins)
        expected = {p.name: v for p, v, a in zip(space.parameters, values, is_active, strict=True) if a}
        assert decoded == expected
        np.testing.assert_array_equal(space.to_tokens(decoded, num_bins), np.where(is_active, row, -1))


@settings(max_examples=60)
@given(strategies.spaces(max_parameters=4, finite=True))
def test_size_and_enumeration_against_the_product(space):
    ranges = [[p.from_index(i) for i in range(p.num_values)] for p in space.parameters]
    if math.prod(map(len, ranges)) > 3000:
        return
    found = {}
    for values in itertools.product(*ranges):
        active = active_by_rounds(space, values)
        found[tuple((p.name, v) for p, v, a in zip(space.parameters, values, active, strict=True) if a)] = None
    listed = [tuple(values.items()) for values in space.enumerate()]
    assert listed == list(found) and space.size == len(found)
    assert [space.key(dict(values)) for values in found] == listed


@settings(max_examples=40)
@given(strategies.spaces(finite=True))
def test_size_is_the_length_of_the_enumeration(space):
    if space.size <= 2000:
        assert sum(1 for _ in space.enumerate()) == space.size
    else:
        assert sum(1 for _ in itertools.islice(space.enumerate(), 2001)) == 2001


def test_sizes_in_closed_form():
    free = [Parameter(f"p{i}", "int", 1, 100) for i in range(12)]
    assert SearchSpace(tuple(free)).size == 100**12
    switches = [Parameter(f"s{i}", "boolean") for i in range(20)]
    children = [Parameter(f"c{i}", "int", 1, 9, conditions=(Condition(f"s{i}", (True,)),)) for i in range(20)]
    assert SearchSpace(tuple(switches + children)).size == 10**20
    depth = Parameter("depth", "int", 1, 20)
    widths = [
        Parameter(f"w{i}", "int", 1, 3, conditions=(Condition("depth", tuple(range(i, 21))),)) for i in range(1, 21)
    ]
    assert SearchSpace((depth, *widths)).size == sum(3**i for i in range(1, 21))
    assert nested_space().size == math.inf and SearchSpace(()).size == 1
    never = Parameter("x", "float", 0.0, 1.0, conditions=(Condition("s0", ("no such value",)),))
    assert SearchSpace((switches[0], never)).size == 2


def test_enumeration_is_lazy_and_refuses_continuous_spaces():
    huge = SearchSpace(tuple(Parameter(f"p{i}", "int", 1, 10**9) for i in range(3)))
    assert next(huge.enumerate()) == {"p0": 1, "p1": 1, "p2": 1}
    with pytest.raises(errors.InvalidArgumentError, match="finite space"):
        nested_space().enumerate()


def test_to_tokens_completes_ignores_and_refuses():
    space = nested_space()
    tokens = space.to_tokens({"model": "cnn", "units": 9, "layers": 100, "width": None, "other": 1})
    assert tokens.dtype == np.int32 and (tokens >= 0).tolist() == [True, True, False, False, False, True, True]
    assert space.from_tokens(tokens)["units"] == 9
    with pytest.raises(errors.InvalidArgumentError, match=r"'units' to be int in \[1, 5\], step 1. Received: 9"):
        space.to_tokens({"model": "mlp", "units": 9})
    assert space.complete({}) == {"model": "mlp", "rate": 1e-4, "layers": 1, "units": 1, "seed": 7}


def test_validate_is_strict_about_names_and_steps():
    space = SearchSpace((Parameter("units", "int", 32, 512, 32), Parameter("bias", "boolean")))
    space.validate({"units": 64})
    assert space.to_tokens({"units": 100}).tolist() == space.to_tokens({"units": 96}).tolist()
    for values, message in (({"unit": 64}, "'unit'"), ({"units": 100}, "100"), ({"units": 31}, "31")):
        with pytest.raises(errors.InvalidArgumentError, match=message):
            space.validate(values)


def test_keys_are_those_of_active_values():
    space = nested_space()
    assert space.key({"model": "cnn", "layers": 2}) == space.key({"model": "cnn", "width": 9, "units": 1})
    assert space.key({"units": 2}) != space.key({"units": 3}) and hash(space.key({})) == hash(space.key({"units": 1}))
    assert space.key({"rate": 0.01}) != space.key({"rate": 0.01 + 1e-12})


@pytest.mark.parametrize(
    "parent, value, near",
    [
        (Parameter("x", "float", 0.0, 0.5, 0.1), 0.3, 0.1 * 3),
        (Parameter("x", "float", 0.0, 0.5), 0.1234, 0.12341),
        (Parameter("x", "int", 0, 10**6), 123456, 123457),
    ],
)
def test_a_parent_decodes_to_the_value_that_a_condition_names(parent, value, near):
    child = Parameter("y", "boolean", conditions=(Condition("x", (value,)),))
    space = SearchSpace((parent, child))
    for given_value in (value, near):
        tokens = space.to_tokens({"x": given_value, "y": True})
        assert space.from_tokens(tokens) == {"x": value, "y": True}
        assert space.activity(tokens[None]).all()
    assert space.complete({"x": value}) == {"x": value, "y": False}


def test_conditions_compare_as_python_does():
    parents = (Parameter("b", "boolean"), Parameter("i", "int", 0, 2), Parameter("f", "float", 0.0, 2.0, 1.0))
    for parent in parents:
        for value in (True, 1, 1.0):
            space = SearchSpace((parent, Parameter("y", "boolean", conditions=(Condition(parent.name, (value,)),))))
            rows = np.stack([space.to_tokens({parent.name: 1}), space.to_tokens({parent.name: 0})])
            assert (rows[:, 1] >= 0).tolist() == [True, False]
            assert space.size == parent.num_values + 1 == len(list(space.enumerate()))
            assert type(space.from_tokens(rows[0])[parent.name]) is type(parent.default)


def test_of_two_active_namesakes_the_first_counts():
    a = Parameter("u", "int", 1, 3, conditions=(Condition("k", (1, 2)),))
    b = Parameter("u", "int", 1, 5, conditions=(Condition("k", (2, 3)),))
    space = SearchSpace((Parameter("k", "int", 1, 3), a, b))
    rows = np.stack([space.to_tokens({"k": k}) for k in (1, 2, 3)])
    assert (rows[:, 1:] >= 0).tolist() == [[True, False], [True, False], [False, True]]
    assert space.size == 3 + 3 + 5


def test_growth():
    space = nested_space()
    assert space.grows_from(SearchSpace(space.parameters[:3])) and space.grows_from(space) and len(space) == 7
    assert not SearchSpace(space.parameters[:3]).grows_from(space)
    assert not space.grows_from(SearchSpace((Parameter("rate", "float", 1e-4, 1.0, scale="log"),)))


def test_wrong_spaces_are_refused():
    child = Parameter("y", "boolean", conditions=(Condition("x", (1,)),))
    parent = Parameter("x", "int", 1, 2)
    for parameters, message in (
        ((child,), "parent 'x'"),
        ((child, parent), "come before"),
        ((parent, parent), "differ in their conditions"),
        (("x",), "sequence of Parameter"),
    ):
        with pytest.raises(errors.InvalidArgumentError, match=message):
            SearchSpace(parameters)


def test_wrong_rows_are_refused():
    space = nested_space()
    for rows in (np.zeros((2, 3), int), np.zeros(7, int), np.zeros((2, 7)), np.full((2, 7), 1000), np.full((2, 7), -2)):
        with pytest.raises(errors.InvalidArgumentError, match="tokens"):
            space.activity(rows)
    with pytest.raises(errors.InvalidArgumentError, match="shape"):
        space.from_tokens([0, 1])
    with pytest.raises(errors.InvalidArgumentError, match="'rate'"):
        space.from_tokens([0, -1, 500, -1, 500, -1, 0])
