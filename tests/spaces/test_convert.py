"""Translation, against KerasTuner's own sampling and activity."""

import subprocess
import sys

import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.spaces import Condition, Parameter, SearchSpace
from keras_hparam.spaces.convert import from_hyperparameters, to_hyperparameters
from tests.spaces import strategies


def could_produce(entry, value):
    """Whether KerasTuner's parameter has this value, of this type; the bounds of a grid may differ by rounding."""
    if isinstance(value, float) and not hasattr(entry, "_values") and hasattr(entry, "min_value"):
        if entry.step is None:
            return entry.min_value <= value <= entry.max_value
        count = entry._get_n_values() + 1  # KerasTuner's count loses the last of 0.0, 0.1, ..., 1.0 to rounding
        grid = [entry._get_value_by_index(i) for i in range(count)]
        bounds = [b for b in (entry.min_value, entry.max_value) if np.isclose(grid, b, rtol=1e-9, atol=1e-9).any()]
        return value in grid + bounds and entry.min_value <= value <= entry.max_value
    if isinstance(entry, keras_tuner.engine.hyperparameters.Int) and entry.step is None:
        return isinstance(value, int) and entry.min_value <= value <= entry.max_value
    return any(value == v and type(value) is type(v) for v in map(type(value), entry.values))


@settings(max_examples=80)
@given(strategies.spaces(), st.integers(0, 2**31))
def test_round_trip_values_and_activity(space, seed):
    hp = to_hyperparameters(space)
    assert from_hyperparameters(hp) == space
    if all(p.contains(p.default) for p in space.parameters):  # not between two steps
        assert hp.values == pytest.approx(space.complete({}))
    rng = np.random.default_rng(seed)
    for row in space.random_tokens(rng, 8):
        hp.values = space.from_tokens(row)
        names = {p.name for p in space.parameters}
        assert {name for name in names if hp.is_active(name)} == set(hp.values)
        for entry, token in zip(hp.space, row, strict=True):
            if token >= 0:
                assert hp.is_active(entry) and could_produce(entry, hp.values[entry.name])
        before = dict(hp.values)
        hp.ensure_active_values()
        if len(names) == len(space):  # of several namesakes KerasTuner drops the value when the last is inactive
            assert hp.values == before


@settings(max_examples=80)
@given(strategies.spaces(), st.integers(0, 2**31))
def test_what_keras_tuner_draws_is_in_the_space(space, seed):
    hp = to_hyperparameters(space).copy()
    hp.values = {}
    for entry in hp.space:  # as Oracle._random_values does, but that the first of two active namesakes counts
        if hp.is_active(entry) and entry.name not in hp.values:
            hp.values[entry.name] = entry.random_sample(seed)
    space.validate(hp.values)
    assert list(space.complete(hp.values)) == list(hp.values)
    decoded = space.from_tokens(space.to_tokens(hp.values))
    for d, p in enumerate(space.parameters):
        if space.to_tokens(hp.values)[d] >= 0 and strategies.is_exact(p, 1000):
            assert decoded[p.name] == pytest.approx(hp.values[p.name]) if p.kind == "float" else True
            assert p.kind == "float" or decoded[p.name] == hp.values[p.name]


@settings(max_examples=100)
@given(strategies.floats() | strategies.ints(), st.floats(0, 0.999))
def test_units_are_keras_tuners_probabilities(parameter, prob):
    entry = to_hyperparameters(SearchSpace((parameter,))).space[0]
    if parameter.step is not None and entry._get_n_values() != parameter.num_values:
        return  # KerasTuner's count loses the last value to rounding
    is_downward = parameter.scale == "reverse_log" and parameter.step is not None  # KerasTuner counts from `high`
    unit = 1 - prob if is_downward else prob
    around = [parameter.from_unit(min(max(unit + shift, 0.0), 1.0)) for shift in (-1e-9, 0.0, 1e-9)]
    theirs = entry.prob_to_value(prob)  # on the edge of two values' cells rounding may choose either
    assert any(theirs == pytest.approx(value, rel=1e-9, abs=1e-9) for value in around)


def test_every_type_of_parameter():
    hp = keras_tuner.HyperParameters()
    hp.Choice("model", ["mlp", "cnn"])
    with hp.name_scope("block"):
        hp.Int("units", 32, 512, step=32, default=100)
    with hp.conditional_scope("model", ["mlp"]):
        hp.Int("depth", 1, 3)
        with hp.conditional_scope("depth", [2, 3]):
            hp.Float("rate", 1e-4, 1e-1, sampling="log")
    with hp.conditional_scope("model", ["cnn"]):
        hp.Int("depth", 2, 64, step=2, sampling="log")
    hp.Boolean("bias", default=True)
    hp.Fixed("seed", 3)
    hp.Choice("size", [64, 16], default=16)
    mlp, cnn = Condition("model", ("mlp",)), Condition("model", ("cnn",))
    expected = (
        Parameter("model", "choice", values=("mlp", "cnn")),
        Parameter("block/units", "int", 32, 512, 32, default=100),
        Parameter("depth", "int", 1, 3, conditions=(mlp,)),
        Parameter("depth", "int", 2, 64, 2, "log", conditions=(cnn,)),
        Parameter("rate", "float", 1e-4, 1e-1, scale="log", conditions=(mlp, Condition("depth", (2, 3)))),
        Parameter("bias", "boolean", default=True),
        Parameter("seed", "fixed", values=(3,)),
        Parameter("size", "choice", values=(64, 16), ordered=True, default=16),
    )
    space = from_hyperparameters(hp)
    assert set(space.parameters) == set(expected) and space.grows_from(SearchSpace(expected))
    names = [p.name for p in space.parameters]
    assert names == ["model", "block/units", "depth", "depth", "rate", "bias", "seed", "size"]


def test_steps_reach_the_bound_that_rounding_hides_from_keras_tuner():
    hp = keras_tuner.HyperParameters()
    hp.Float("dropout", 0.0, 1.0, step=0.1)
    parameter = from_hyperparameters(hp).parameters[0]
    assert hp.space[0]._get_n_values() == 10 and parameter.num_values == 11
    assert [parameter.from_index(i) for i in range(11)] == [hp.space[0]._get_value_by_index(i) for i in range(11)]


def test_a_space_sorted_by_type_is_put_in_order():
    hp = keras_tuner.HyperParameters()
    hp.Choice("model", ["mlp", "cnn"])
    hp.Float("rate", 0.0, 1.0, parent_name="model", parent_values=["mlp"])
    config = hp.get_config()
    sorted_by_type = keras_tuner.HyperParameters.from_config({**config, "space": config["space"][::-1]})
    assert [p.name for p in sorted_by_type.space] == ["rate", "model"]
    assert from_hyperparameters(sorted_by_type) == from_hyperparameters(hp)


def test_a_second_declaration_is_left_out():
    hp = keras_tuner.HyperParameters()
    hp.Int("units", 1, 4)
    hp.merge(hp.copy())
    assert len(hp.space) == 2 and len(from_hyperparameters(hp)) == 1


def test_wrong_spaces_are_refused():
    def hyperparameters(declare):
        hp = keras_tuner.HyperParameters()
        declare(hp)
        return hp

    for declare, message in (
        (lambda hp: hp.Choice("c", ["a", "a"]), "'c' to have `values` that differ"),
        (lambda hp: hp.Float("x", 0.0, 1.0, default=2.0), "'x' to have a default"),
        (lambda hp: hp.Float("x", 0.0, 1.0, step=-0.1), "'x' to have step > 0"),
    ):
        with pytest.raises(errors.InvalidArgumentError, match=message):
            from_hyperparameters(hyperparameters(declare))
    with pytest.raises(errors.InvalidArgumentError, match="keras_tuner.HyperParameters"):
        from_hyperparameters({"x": 1})
    for values, ordered in ((("a", 1), False), (("a", "b"), True)):
        parameter = Parameter("c", "choice", values=values, ordered=ordered)
        with pytest.raises(errors.InvalidArgumentError, match="'c' to be one that KerasTuner has"):
            to_hyperparameters(SearchSpace((parameter,)))


def test_the_space_does_not_load_keras_tuner():
    program = "import sys; from keras_hparam import spaces; print('keras_tuner' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
