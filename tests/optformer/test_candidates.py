"""Candidates: legal, counted, from where they should be."""

import dataclasses
import itertools

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer import candidates
from keras_hparam.optformer.settings import PlanningSettings
from keras_hparam.optformer.study import Status
from keras_hparam.spaces import Condition, Parameter, SearchSpace

BINS = 1000


class RandomReader:
    """A reader whose model samples at random."""

    num_bins = BINS

    def __init__(self, space, rng):
        self.space, self.rng = space, rng

    def sample(self, count, temperature):
        return self.space.random_tokens(self.rng, count)


def draw(study, rng, **options):
    settings = PlanningSettings(gaussian_process=False, **options)
    return candidates.draw(settings, study, RandomReader(study.space, rng), rng)


@pytest.mark.parametrize("prior", ["model", "random", "local", "border", None, ["local", "border"]])
def test_candidates_are_legal_and_as_many_as_asked_for(study, rng, prior):
    tokens = draw(study, rng, prior=prior, num_candidates=60)
    assert tokens.shape == (60, len(study.space)) and tokens.dtype == np.int32
    for row in tokens:
        np.testing.assert_array_equal(study.space.to_tokens(study.space.from_tokens(row)), row)


def test_before_a_trial_completes_there_is_nothing_around_it(study, rng):
    empty = study.take(np.arange(0))
    assert draw(empty, rng, prior=["local", "border"]).shape == (0, len(study.space))
    assert len(draw(empty, rng, prior=["local", "random"], num_candidates=10)) == 5


def test_candidates_of_the_first_trial_lie_in_the_inner_half_of_their_ranges(study, rng):
    tokens = draw(study.take(np.arange(0)), rng, num_candidates=300)
    assert tokens.shape == (300, len(study.space)) and tokens.dtype == np.int32
    for row in tokens:
        np.testing.assert_array_equal(study.space.to_tokens(study.space.from_tokens(row)), row)
    for column, parameter in enumerate(study.space.parameters):
        legal, drawn = parameter.legal_tokens(BINS), np.unique(tokens[tokens[:, column] >= 0, column])
        places, quarter = np.searchsorted(legal, drawn), len(legal) // 4
        if parameter.is_categorical:
            np.testing.assert_array_equal(drawn, legal)
        else:
            assert places.min() >= quarter and places.max() < len(legal) - quarter
            assert np.ptp(places) > 0.8 * (len(legal) - 2 * quarter - 1)


def test_later_candidates_lie_anywhere(study, rng):
    pending = dataclasses.replace(study.take(np.arange(1)), statuses=np.array([Status.PENDING]))
    for begun in (study, pending):
        tokens = draw(begun, rng, num_candidates=300)
        for column, parameter in enumerate(study.space.parameters):
            if not parameter.is_categorical:
                assert np.ptp(tokens[tokens[:, column] >= 0, column]) > 0.6 * np.ptp(parameter.legal_tokens(BINS))


def test_elites_are_the_best_completed_trials(study):
    best = candidates.elites(study, 3)
    order = np.argsort(-np.where(np.isnan(study.scores), -np.inf, study.scores))
    np.testing.assert_array_equal(best, study.tokens[order[:3]])
    assert len(candidates.elites(study, 100)) == np.isfinite(study.scores).sum()


def test_border_candidates_move_numbers_to_the_ends_of_their_range(space, rng):
    parents = space.random_tokens(rng, 1)
    moved = candidates.at_borders(space, rng, parents, 50, BINS)
    changed = moved != parents
    assert changed.any(1).mean() > 0.9 and (changed.sum(1) <= 3).all()
    for column, parameter in enumerate(space.parameters):
        legal = parameter.legal_tokens(BINS)
        assert not (changed[:, column].any() and parameter.is_categorical)
        assert np.isin(moved[changed[:, column], column], legal[[0, -1]]).all()


def test_border_candidates_have_values_where_a_number_makes_parameters_active(rng):
    units = [
        Parameter(f"units_{i}", "int", 8, 64, conditions=(Condition("layers", tuple(range(i, 5))),)) for i in (2, 3, 4)
    ]
    space = SearchSpace((Parameter("layers", "int", 1, 4), Parameter("units_1", "int", 8, 64), *units))
    parents = space.random_tokens(rng, 200)
    moved = candidates.at_borders(space, rng, parents[parents[:, 2] < 0], 100, BINS)
    assert (moved[:, 4] >= 0).any()
    for row in (*moved, *candidates.inner(space, rng, 100, BINS)):
        np.testing.assert_array_equal(space.to_tokens(space.from_tokens(row)), row)


def test_a_space_is_enumerated_with_its_conditions():
    space = SearchSpace((
        Parameter("a", "choice", values=("x", "y")),
        Parameter("b", "int", 1, 3, conditions=(Condition("a", ("x",)),)),
        Parameter("c", "boolean"),
    ))  # fmt: skip
    rows = candidates.enumerated(space, BINS)
    values = {tuple(space.from_tokens(row).items()) for row in rows}
    expected = {(("a", "x"), ("b", b), ("c", c)) for b, c in itertools.product((1, 2, 3), (False, True))}
    assert values == expected | {(("a", "y"), ("c", c)) for c in (False, True)} and len(rows) == space.size == 8
    coarse = candidates.enumerated(SearchSpace((Parameter("n", "int", 1, 300),)), 100)
    assert len(coarse) == len(np.unique(coarse)) == 100


def test_a_users_prior_returns_tokens_or_values(study, rng):
    seen = []

    def as_tokens(given, generator, count):
        seen.append((given, generator, count))
        return given.space.mutate_tokens(generator, given.tokens[:2], 0.1)

    def as_values(given, generator, count):
        return [{"units": 16, "optimizer": "adam", "learning_rate": 1e-3}, {"momentum": 0.5}]

    tokens = draw(study, rng, prior=[as_tokens, as_values, "random"], num_candidates=30)
    assert len(tokens) == 2 + 2 + 10 and seen == [(study, rng, 10)]
    values = study.space.from_tokens(tokens[2])
    assert (values["units"], values["optimizer"]) == (16, "adam") and "momentum" not in values
    assert values["learning_rate"] == pytest.approx(1e-3, rel=0.01)
    assert study.space.from_tokens(tokens[3])["momentum"] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    "returned, message",
    [
        (None, "`prior`.*Received"),
        (np.zeros((2, 3), int), "`prior`.*7"),
        (np.zeros((2, 7)), "`prior`.*float64"),
        (np.full((1, 7), 1000), "`prior`.*1000"),
        (np.full((1, 7), -1), "`prior`.*'learning_rate'"),
        (np.full((1, 7), 3), "`prior`.*'optimizer'.*3"),
        ([{"unitz": 3}], "`prior`.*'unitz'"),
        ([{"units": 9}], "`prior`.*units.*9"),
    ],
)
def test_what_a_users_prior_returns_is_checked(study, rng, returned, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        draw(study, rng, prior=lambda *_: returned)


def test_untried_rows_are_distinct_and_in_order():
    tokens = np.array([[3], [1], [3], [2], [1]], np.int32)
    kept = candidates.untried(tokens, {np.array([2], np.int32).tobytes()})
    np.testing.assert_array_equal(kept, [[3], [1]])
    assert candidates.untried(tokens[:0], set()).shape == (0, 1)
