"""Bases: what they hold, what coefficients mean, what KerasTuner is asked for."""

import math

import keras_tuner as kt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.autohas.bases import Basis, continuous

NUMBERS = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=6, unique=True)
COEFFICIENTS = st.lists(st.floats(0.01, 1.0), min_size=6, max_size=6)


@given(NUMBERS, COEFFICIENTS, st.booleans())
def test_numbers_are_combined_by_their_mean_or_the_mean_of_their_logarithms(values, weights, is_logarithmic):
    weights = np.array(weights[: len(values)])
    weights = weights / weights.sum()
    found = Basis("x", "continuous", tuple(values), is_logarithmic).combine(weights)
    wanted = np.prod(np.array(values) ** weights) if is_logarithmic else np.sum(weights * values)
    assert found == pytest.approx(wanted, rel=1e-9)
    assert min(values) * (1 - 1e-12) <= found <= max(values) * (1 + 1e-12)


@given(NUMBERS, st.integers(0, 5), st.booleans())
def test_one_candidate_is_given_to_the_last_bit(values, index, is_logarithmic):
    index = index % len(values)
    found = Basis("x", "continuous", tuple(values), is_logarithmic).combine(np.eye(len(values))[index])
    assert found == values[index]


@pytest.mark.parametrize("kind, values", [("architecture", (8, 32, 16)), ("categorical", ("a", "b", "c"))])
def test_others_are_combined_by_the_most_probable(kind, values):
    assert Basis("x", kind, values).combine([0.2, 0.3, 0.5]) == values[2]


@pytest.mark.parametrize(
    "name, values, is_logarithmic",
    [
        ("learning_rate", [0.1, 1], True),
        ("weight_decay", [1e-4, 1e-2], True),
        ("weight_decay", [0, 1e-2], False),
        ("rate", [0.1, 0.2], False),
    ],
)
def test_rates_and_decays_above_0_are_logarithmic(name, values, is_logarithmic):
    basis = continuous(name, values, 0.0)
    assert basis.is_logarithmic is is_logarithmic and basis.kind == "continuous"
    assert basis.values == tuple(map(float, values)) and len(basis) == 2


@pytest.mark.parametrize(
    "basis, value, kind",
    [
        (Basis("x", "architecture", (8, 32, 16)), 8, kt.engine.hyperparameters.Choice),
        (Basis("x", "categorical", ("b", "a")), "b", kt.engine.hyperparameters.Choice),
        (Basis("x", "continuous", (0.5, 0.1, 0.7)), 0.5, kt.engine.hyperparameters.Float),
        (Basis("x", "continuous", (0.5,)), 0.5, kt.engine.hyperparameters.Fixed),
    ],
)
def test_keras_tuner_is_asked_for_a_value_that_is_the_first_by_default(basis, value, kind):
    hp = kt.HyperParameters()
    assert basis.choose(hp) == value
    (parameter,) = hp.space
    assert type(parameter) is kind and parameter.name == "x"


@pytest.mark.parametrize("is_logarithmic, sampling", [(True, "log"), (False, "linear")])
def test_keras_tuner_may_choose_any_number_in_the_range(is_logarithmic, sampling):
    hp = kt.HyperParameters()
    Basis("x", "continuous", (0.5, 0.1, 0.7), is_logarithmic).choose(hp)
    config = hp.space[0].get_config()
    assert (config["min_value"], config["max_value"], config["sampling"]) == (0.1, 0.7, sampling)
    assert config["step"] is None


def test_widths_are_ordered_and_names_are_not():
    hp = kt.HyperParameters()
    Basis("width", "architecture", (8, 16)).choose(hp)
    Basis("name", "architecture", ("a", "b")).choose(hp)
    assert [one.ordered for one in hp.space] == [True, False]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Basis("x", "unordered", ("a",)), "Expected `kind` .*Received: 'unordered'"),
        (lambda: Basis("x", "categorical", ()), r"Expected `x` to be .*at least one.*Received: \(\)"),
        (lambda: Basis("x", "architecture", (8, 8)), r"Expected `x` .*do not repeat.*Received: \(8, 8\)"),
        (lambda: Basis("x", "continuous", ("a", "b")), "Expected `x` to be finite numbers"),
        (lambda: Basis("x", "continuous", (0.1, math.inf)), "Expected `x` to be finite numbers"),
        (lambda: Basis("x", "continuous", (0.1, math.nan)), "Expected `x` to be finite numbers"),
        (lambda: Basis("x", "continuous", (0.0, 1.0), True), "Expected `x` to be numbers > 0"),
        (lambda: continuous("x", 0.1), "Expected `x` to be a list of numbers. Received: 0.1"),
        (lambda: continuous("x", [0.1, 1.0], 0.0, 1.0), r"Expected `x` .*in \[0.0, 1.0\).*Received: \[0.1, 1.0\]"),
        (lambda: continuous("x", [-0.1], 0.0), r"Expected `x` .*in \[0.0, inf\)"),
        (lambda: continuous("x", [True]), "Expected `x` .*numbers"),
        (lambda: continuous("x", []), "Expected `x` .*at least one"),
        (lambda: continuous("x", [1, 1.0]), "Expected `x` .*do not repeat"),
    ],
)
def test_what_is_no_basis_is_refused_by_its_name(make, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        make()
