"""Activity computed in tensors while a row is drawn, against the space's own, over random conditional spaces."""

import functools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import tensorflow as tf

from keras_hparam import errors
from keras_hparam.optformer import packing
from keras_hparam.optformer.conditions import conditions_of, is_active
from keras_hparam.optformer.config import OptFormerConfig
from keras_hparam.spaces import Condition, Parameter, SearchSpace

CONFIG = OptFormerConfig(first_bin=0, num_bins=40, num_categories=4, num_slots=16)
KINDS = {
    "boolean": dict(kind="boolean"),
    "choice": dict(kind="choice", values=("a", "b", "c")),
    "ordered": dict(kind="choice", values=(0.1, 0.2, 0.3), ordered=True),
    "many": dict(kind="choice", values=tuple("abcdef")),  # more than the network tells apart
    "int": dict(kind="int", low=1, high=4),
    "stepped": dict(kind="float", low=0.0, high=0.6, step=0.1),
    "float": dict(kind="float", low=0.0, high=1.0),
    "fixed": dict(kind="fixed", values=("a",)),
}
VALUES = {
    "boolean": [True, False], "choice": ["a", "b", "c"], "ordered": [0.1, 0.2, 0.3], "many": list("abcdef"),
    "int": [1, 2, 3, 4], "stepped": [0.0, 0.3, 0.6], "float": [0.0, 0.33, 0.5, 1.0], "fixed": ["a", "b"],
}  # fmt: skip


@st.composite
def spaces(draw):
    """Spaces of up to eight parameters with conditions of conditions; some share a name."""
    parameters = []
    for index in range(draw(st.integers(2, 8))):
        kind = draw(st.sampled_from(list(KINDS)))
        known = {p.name: kind_of for p, kind_of in parameters}
        parents = draw(st.lists(st.sampled_from(sorted(known)), max_size=2, unique=True)) if known else []
        subset = functools.partial(st.lists, min_size=1, max_size=3, unique=True)
        conditions = tuple(Condition(n, tuple(draw(subset(st.sampled_from(VALUES[known[n]]))))) for n in parents)
        name = draw(st.sampled_from([f"p{index}", f"p{index}", *known])) if known else f"p{index}"
        parameters.append((Parameter(name, conditions=conditions, **KINDS[kind]), kind))
    try:
        return SearchSpace(tuple(p for p, _ in parameters))
    except errors.InvalidArgumentError:  # a parent after its child, the same declaration twice
        hypothesis.reject()


def draw_rows(space, layout, rng, count):
    """Network tokens [count, D], one parameter after the other, uniform where `is_active` says so."""
    conditions = {name: tf.constant(array) for name, array in vars(conditions_of(space, layout)).items()}
    rows = np.full((count, len(layout.columns)), -1, np.int32)
    for place, legal in enumerate(layout.legal):
        tokens = rng.choice(np.flatnonzero(legal), size=count)
        rows[:, place] = np.where(is_active(conditions, tf.constant(rows), place), tokens, -1)
    return rows


def to_space(space, layout, rows):
    """Rows of the space's tokens; parameters that the layout leaves out have one value."""
    counts = np.asarray([space.parameters[column].num_values or 0 for column in layout.columns])
    tokens = np.zeros((len(rows), len(space)), np.int32)
    for column, parameter in enumerate(space.parameters):
        tokens[:, column] = parameter.legal_tokens(CONFIG.num_bins)[0]
    drawn = layout.from_network(rows, counts)
    tokens[:, layout.columns] = np.where(drawn < 0, tokens[:, layout.columns], drawn)
    return tokens


def namesakes_are_independent(space):
    """Whether no parameter shares its name with one that is deeper, or with one on which others depend."""
    names, depths = [p.name for p in space.parameters], {}
    for depth, name in zip(packing._depths(space), names, strict=True):
        depths.setdefault(name, set()).add(depth)
    parents = {c.name for p in space.parameters for c in p.conditions}
    shared = {name for name in names if names.count(name) > 1}
    return not shared & parents and all(len(depths[name]) == 1 for name in shared)


@hypothesis.settings(max_examples=80)
@hypothesis.given(spaces(), st.integers(0, 2**32 - 1))
def test_activity_equals_that_of_the_space(space, seed):
    hypothesis.assume(namesakes_are_independent(space))
    rng = np.random.default_rng(seed)
    layout = packing.lay_out(space, CONFIG, rng)
    rows = draw_rows(space, layout, rng, 30)
    expected = space.activity(to_space(space, layout, rows), CONFIG.num_bins)
    np.testing.assert_array_equal(rows >= 0, expected[:, layout.columns])


def active_shares(space, *names):
    """How often each named parameter is active among rows drawn in a layout."""
    rng = np.random.default_rng(0)
    layout = packing.lay_out(space, CONFIG, rng)
    rows = draw_rows(space, layout, rng, 400)
    places = {space.parameters[column].name: place for place, column in enumerate(layout.columns)}
    return [(rows[:, places[name]] >= 0).mean() for name in names]


def test_a_parent_with_one_value_counts_by_that_value_and_its_own_conditions():
    space = SearchSpace((
        Parameter("optimizer", "fixed", values=("sgd",)),
        Parameter("momentum", "float", 0.0, 1.0, conditions=(Condition("optimizer", ("sgd",)),)),
        Parameter("beta", "float", 0.0, 1.0, conditions=(Condition("optimizer", ("adam",)),)),
        Parameter("augment", "boolean"),
        Parameter("policy", "fixed", values=("flip",), conditions=(Condition("augment", (True,)),)),
        Parameter("chance", "float", 0.0, 1.0, conditions=(Condition("policy", ("flip",)),)),
    ))  # fmt: skip
    momentum, beta, chance = active_shares(space, "momentum", "beta", "chance")
    assert momentum == 1.0 and beta == 0.0 and 0.4 < chance < 0.6


def test_of_parameters_that_share_a_name_the_first_active_one_counts():
    space = SearchSpace((
        Parameter("size", "int", 1, 4),
        Parameter("rate", "float", 0.0, 1.0, conditions=(Condition("size", (1, 2)),)),
        Parameter("rate", "int", 1, 4, conditions=(Condition("size", (2, 3)),)),
    ))  # fmt: skip
    for seed in range(4):  # either one may come first in the layout
        rng = np.random.default_rng(seed)
        layout = packing.lay_out(space, CONFIG, rng)
        rows = draw_rows(space, layout, rng, 100)
        size, first, second = (list(layout.columns).index(column) for column in range(3))
        values = [space.parameters[0].from_token(token, CONFIG.num_bins) for token in rows[:, size]]
        assert (rows[:, first] >= 0).tolist() == [value in (1, 2) for value in values]
        assert (rows[:, second] >= 0).tolist() == [value == 3 for value in values]


def test_without_conditions_everything_is_active():
    assert active_shares(SearchSpace((Parameter("a", "boolean"), Parameter("b", "boolean"))), "a", "b") == [1.0, 1.0]
