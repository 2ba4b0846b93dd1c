"""Random parameters and spaces for the property-based tests of this room."""

import math

from hypothesis import strategies as st

from keras_hparam.spaces import Condition, Parameter, SearchSpace

SCALES = ("linear", "log", "reverse_log")


@st.composite
def floats(draw, name="x", conditions=(), stepped=None):
    """A "float" of any scale, with or without a step."""
    scale = draw(st.sampled_from(SCALES))
    low = draw(st.floats(-50, 50) if scale == "linear" else st.floats(1e-5, 10))
    high = low + draw(st.floats(0.01, 50)) if scale == "linear" else low * draw(st.floats(1.1, 1e4))
    step = None
    if draw(st.booleans()) if stepped is None else stepped:
        count = draw(st.integers(1, 12))
        span = high - low if scale == "linear" else high / low
        step = span / count if scale == "linear" else max(span ** (1 / count), 1.01)
        step = step * draw(st.sampled_from([1.0, 1.1]))  # the grid ends at `high`, or misses it
    return Parameter(name, "float", low, high, step, scale, conditions=conditions)


@st.composite
def ints(draw, name="x", conditions=(), max_span=2000):
    """An "int" of any scale, with or without a step."""
    scale = draw(st.sampled_from(SCALES))
    low = draw(st.integers(-20, 20) if scale == "linear" else st.integers(1, 64))
    high = low + draw(st.integers(0 if scale == "linear" else 1, max_span))
    step = draw(st.none() | st.integers(1 if scale == "linear" else 2, 7))
    return Parameter(name, "int", low, high, step, scale, conditions=conditions)


@st.composite
def listed(draw, name="x", conditions=()):
    """A "choice", "boolean" or "fixed"."""
    kind = draw(st.sampled_from(["choice", "choice", "boolean", "fixed"]))
    if kind == "boolean":
        return Parameter(name, kind, default=draw(st.booleans()), conditions=conditions)
    pool = draw(st.sampled_from([("a", "b", "c", "d", "e"), (1, 2, 4, 8, 16), (0.0, 0.1, 0.5, 2.5)]))
    size = 1 if kind == "fixed" else draw(st.integers(1, len(pool)))
    values = tuple(draw(st.permutations(pool))[:size])
    ordered = kind == "choice" and not isinstance(values[0], str) and draw(st.booleans())
    return Parameter(name, kind, values=values, ordered=ordered, conditions=conditions)


def parameters(name="x", conditions=(), finite=False):
    """Any parameter; if `finite`, one with few values."""
    small_ints = ints(name, conditions, max_span=6)
    if finite:
        return listed(name, conditions) | small_ints | floats(name, conditions, stepped=True)
    return listed(name, conditions) | small_ints | ints(name, conditions) | floats(name, conditions)


@st.composite
def spaces(draw, max_parameters=6, finite=False):
    """A space with nested conditions and, now and then, one name under several conditions."""
    chosen = []
    for i in range(draw(st.integers(1, max_parameters))):
        parents = [p for p in chosen if _is_plain_parent(p, [q for q in chosen if q.name == p.name])]
        conditions = tuple(draw(_condition(draw(st.sampled_from(parents)))) for _ in range(draw(_fan_in(parents))))
        conditions = _outer_scopes(chosen, conditions)
        used = {c.name for p in chosen for c in (*p.conditions, *conditions)}
        free = [p.name for p in chosen if p.name not in used and (p.name, conditions) not in _keys(chosen)]
        name = draw(st.sampled_from([f"p{i}", f"p{i}", *free]))
        chosen.append(draw(parameters(name, conditions, finite)))
    return SearchSpace(tuple(chosen))


def _is_plain_parent(parameter, namesakes):
    """Whether it decodes the same with and without conditions on it: no namesake has the value only within rounding."""
    if parameter.kind == "float" and (parameter.num_values or 0) < 3:
        return False
    is_alone = len(namesakes) == 1
    return all(is_exact(p, 1000) and (is_alone or p.kind != "float") for p in namesakes)


def _fan_in(parents):
    return st.sampled_from([0, 1, 1, 2]) if parents else st.just(0)


def _keys(chosen):
    return {(p.name, p.conditions) for p in chosen}


@st.composite
def _condition(draw, parent):
    indices = range(min(parent.num_values, 5))
    if parent.kind == "float":  # its bounds may differ from KerasTuner's by rounding
        indices = indices[1 : parent.num_values - 1]
    chosen = draw(st.lists(st.sampled_from(indices), min_size=1, max_size=3, unique=True))
    return Condition(parent.name, tuple(parent.from_index(i) for i in chosen))


def _outer_scopes(chosen, conditions):
    """The conditions behind those of the scopes around them, as nested conditional scopes write them."""
    outer = [c for condition in conditions for p in chosen if p.name == condition.name for c in p.conditions]
    names = {p.name for p in chosen}
    duplicated = {name for name in names if sum(p.name == name for p in chosen) > 1}
    return tuple(dict.fromkeys((*(c for c in outer if not duplicated & names), *conditions)))


def is_exact(parameter, num_bins):
    """Whether every value of the parameter has a token of its own."""
    on_log_scale = parameter.kind == "int" and parameter.scale != "linear" and parameter.has_smooth_scale
    return parameter.num_values is not None and parameter.num_values <= num_bins and not on_log_scale


def random_value(rng, parameter):
    """Any value of the parameter."""
    if parameter.num_values is None:
        return parameter.from_unit(rng.random())
    return parameter.from_index(math.floor(rng.random() * parameter.num_values))
