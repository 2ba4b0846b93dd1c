"""Random and mutated rows: legal, active, and distributed as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.spaces import Condition, Parameter, SearchSpace
from tests.spaces import strategies


def check_rows(space, rows, num_bins):
    assert rows.dtype == np.int32
    np.testing.assert_array_equal(rows >= 0, space.activity(rows, num_bins))
    for d, parameter in enumerate(space.parameters):
        assert np.isin(rows[:, d], [-1, *parameter.legal_tokens(num_bins)]).all()


@settings(max_examples=60)
@given(strategies.spaces(), st.sampled_from([1000, 2000]), st.integers(0, 2**31), st.floats(0, 2))
def test_rows_are_legal_and_active(space, num_bins, seed, scale):
    rng = np.random.default_rng(seed)
    rows = space.random_tokens(rng, 32, num_bins)
    before = rows.copy()
    assert rows.shape == (32, len(space))
    check_rows(space, rows, num_bins)
    mutated = space.mutate_tokens(rng, rows, scale, num_bins)
    check_rows(space, mutated, num_bins)
    np.testing.assert_array_equal(rows, before)
    mutable = (rows >= 0) & np.array([len(p.legal_tokens(num_bins)) > 1 for p in space.parameters])
    np.testing.assert_array_equal((mutated != rows).any(1), mutable.any(1))


def test_a_seed_repeats():
    space = SearchSpace((Parameter("x", "float", 0.0, 1.0), Parameter("c", "choice", values=("a", "b", "c"))))
    first, second = (space.random_tokens(np.random.default_rng(0), 20) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    mutated = [space.mutate_tokens(np.random.default_rng(1), first, 0.1) for _ in range(2)]
    np.testing.assert_array_equal(*mutated)
    assert (space.random_tokens(np.random.default_rng(2), 20) != first).any()


def test_values_are_uniform(rng):
    choice = Parameter("c", "choice", values=tuple("abcde"))
    parameters = (Parameter("i", "int", 1, 7), choice, Parameter("b", "boolean"))
    rows = SearchSpace(parameters).random_tokens(rng, 20_000)
    for d, parameter in enumerate(parameters):
        tokens, counts = np.unique(rows[:, d], return_counts=True)
        np.testing.assert_array_equal(tokens, parameter.legal_tokens(1000))
        expected = len(rows) / len(tokens)
        assert ((counts - expected) ** 2 / expected).sum() < 25  # chi-square, at most 6 degrees of freedom


def test_the_rate_is_the_share_of_changes(rng):
    space = SearchSpace(tuple(Parameter(f"p{i}", "float", 0.0, 1.0) for i in range(10)))
    rows = space.random_tokens(rng, 4000)
    for rate in (0.3, 1.0):
        changed = space.mutate_tokens(rng, rows, 0.1, rate=rate) != rows
        lacking = (1 - rate) ** 10  # rows that would change nothing change one parameter
        assert changed.mean() == pytest.approx(rate + lacking / 10, abs=0.01)
        assert changed.any(1).all()
    single = (space.mutate_tokens(rng, rows, 0.1, rate=0.0) != rows).sum(1)
    np.testing.assert_array_equal(single, 1)


def test_numeric_steps_are_gaussian_and_reflected(rng):
    space = SearchSpace((Parameter("x", "float", 0.0, 1.0),))
    middle = np.full((20_000, 1), 500)
    steps = (space.mutate_tokens(rng, middle, 0.05) - middle) / 1000
    assert steps.std() == pytest.approx(0.05, rel=0.03) and abs(steps.mean()) < 0.002
    scales = np.repeat([0.01, 0.1], 10_000)
    steps = (space.mutate_tokens(rng, middle, scales) - middle) / 1000
    assert steps[:10_000].std() == pytest.approx(0.01, rel=0.05)
    assert steps[10_000:].std() == pytest.approx(0.1, rel=0.05)
    border = space.mutate_tokens(rng, np.zeros((20_000, 1), int), 0.05)[:, 0] / 1000
    assert border.mean() == pytest.approx(0.05 * np.sqrt(2 / np.pi), rel=0.05)  # a half-normal
    wide = space.mutate_tokens(rng, middle, 50.0)[:, 0] / 1000
    assert wide.mean() == pytest.approx(0.5, abs=0.01) and wide.std() == pytest.approx(12**-0.5, rel=0.03)


def test_a_small_step_reaches_a_neighbour(rng):
    space = SearchSpace((Parameter("i", "int", 1, 5),))
    legal = space.parameters[0].legal_tokens(1000)
    for i, token in enumerate(legal):
        reached = np.unique(space.mutate_tokens(rng, np.full((200, 1), token), 1e-6))
        assert reached.tolist() == [legal[j] for j in (i - 1, i + 1) if 0 <= j < 5]


def test_categories_change_to_any_other(rng):
    space = SearchSpace((Parameter("c", "choice", values=("a", "b", "c", "d")),))
    reached, counts = np.unique(space.mutate_tokens(rng, np.full((9000, 1), 2), 0.1), return_counts=True)
    assert reached.tolist() == [0, 1, 3] and (abs(counts - 3000) < 200).all()


def test_what_becomes_active_is_drawn_at_random(rng):
    child = Parameter("x", "float", 0.0, 1.0, conditions=(Condition("b", (True,)),))
    space = SearchSpace((Parameter("b", "boolean"), child))
    rows = space.mutate_tokens(rng, np.tile(space.to_tokens({"b": False}), (5000, 1)), 0.01)
    assert (rows[:, 0] == 1).all() and rows[:, 1].min() < 20 and rows[:, 1].max() > 980
    assert rows[:, 1].mean() == pytest.approx(499.5, abs=15)


def test_wrong_scales_and_rates_are_refused(rng):
    space = SearchSpace((Parameter("x", "float", 0.0, 1.0),))
    rows = space.random_tokens(rng, 3)
    for scale, rate in ((-0.1, None), (np.nan, None), (np.ones(2), None), (0.1, 1.5), (0.1, -0.1)):
        with pytest.raises(errors.InvalidArgumentError, match="scale"):
            space.mutate_tokens(rng, rows, scale, rate=rate)


def test_an_integer_on_a_log_scale_is_drawn_and_placed_by_its_logarithm(rng):
    """Shares of draws against KerasTuner's law, log((v + 1) / v) / log((high + 1) / low)."""
    parameter = Parameter("batch_size", "int", 16, 512, scale="log")
    space = SearchSpace((parameter,))
    values = np.array([space.from_tokens(row)["batch_size"] for row in space.random_tokens(rng, 4000)])
    for low, high in ((16, 31), (64, 127), (256, 512)):
        share = np.log((high + 1) / low) / np.log(513 / 16)
        assert abs(((values >= low) & (values <= high)).mean() - share) < 4 * np.sqrt(share / 4000)
    for value in range(16, 513):
        token = parameter.to_token(value, 1000)
        assert parameter.to_token(parameter.from_token(token, 1000), 1000) == token  # within one bin
        assert abs(token / 1000 - parameter.to_unit(value)) <= 1e-3
