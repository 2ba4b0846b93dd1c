"""Trials that run: predictions in their place, distances, discounts, and parallel proposals that are spread."""

import dataclasses
import itertools

import numpy as np
import pytest

from keras_hparam.optformer import pending
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.planning import Proposer
from keras_hparam.optformer.settings import PENDING, PlanningSettings
from keras_hparam.optformer.study import Metadata, Status, Study
from keras_hparam.spaces import Condition, Parameter, SearchSpace


@pytest.mark.parametrize("goal", ["max", "min"])
def test_pending_trials_get_the_median_of_their_prediction(study, goal):
    statuses = study.statuses.copy()
    statuses[[2, 5]] = Status.PENDING  # as is the last one
    shown = dataclasses.replace(study, goal=goal, statuses=statuses)
    probabilities = np.zeros((3, 101))
    probabilities[0, [10, 60, 61]] = 0.3, 0.3, 0.4
    probabilities[1, [20, 100]] = 0.4, 0.6
    probabilities[2, [70, 71, 100]] = 0.2, 0.5, 0.3
    normalizer = Normalizer.fit(shown.scores)
    filled = pending.filled(shown, probabilities, normalizer)
    assert filled.statuses[[2, 5, 11]].tolist() == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]
    np.testing.assert_array_equal(normalizer.to_bins(filled.scores[[2, 11]], 100), [60, 71])
    others = np.setdiff1d(np.arange(12), [2, 5, 11])
    np.testing.assert_array_equal(filled.scores[others], shown.scores[others])
    assert shown.statuses[2] == Status.PENDING


def test_distances_count_numbers_by_their_place_and_categories_as_one():
    space = SearchSpace((
        Parameter("x", "float", 0.0, 1.0),
        Parameter("c", "choice", values=("a", "b", "c")),
        Parameter("y", "float", 0.0, 1.0, conditions=(Condition("c", ("a",)),)),
        Parameter("f", "fixed", values=(1,)),
    ))  # fmt: skip
    rows = np.array([[100, 0, 500, 0], [900, 2, -1, 0]])
    found = pending.distances(space, rows, np.array([[300, 0, 900, 0], [900, 1, -1, 0]]), 1000)
    squares = [[0.2**2 + 0.4**2, 0.8**2 + 2], [0.6**2 + 2, 1]]
    np.testing.assert_allclose(found, np.sqrt(np.divide(squares, 3)))


def test_scores_next_to_pending_trials_fall_to_the_lowest():
    scores = np.array([3.0, 3.0, 2.0, 1.0])
    distance = np.array([[0.0, 0.9], [0.8, 0.9], [0.05, 0.9], [0.9, 0.0]])
    left = 1.0 + 1.0 * (1.0 - np.exp(-0.5))
    np.testing.assert_allclose(pending.discount(scores, distance), [1.0, 3.0, left, 1.0], atol=1e-12)


def spread(study, proposer, num_proposals, result=None, seed=0):
    """Mean and least distance of proposals of which `result` gives the objective, or that all run at once."""
    start, space = len(study), study.space
    for number in range(num_proposals):
        tried = {row.tobytes() for row in study.tokens}
        row = proposer.propose(study, np.random.default_rng([seed, number]), tried)
        assert row.tobytes() not in tried
        tokens = np.concatenate([study.tokens, row[None]])
        objective, status = (np.nan, Status.PENDING) if result is None else (result(row), Status.COMPLETED)
        objectives, statuses = np.append(study.objectives, objective), np.append(study.statuses, status)
        study = Study(space, study.metadata, study.goal, tokens, objectives, statuses)
    new = study.tokens[start:]
    apart = pending.distances(space, new, new, 1000)[np.triu_indices(num_proposals, 1)]
    return apart.mean(), apart.min()


@pytest.fixture(scope="module")
def shipped():
    return Proposer.load()


@pytest.mark.parametrize("mode", PENDING)
@pytest.mark.parametrize("num_trials", [0, 12])
def test_eight_proposals_without_results_are_spread_as_eight_with_results(shipped, mode, num_trials):
    space = SearchSpace((Parameter("x", "float", 0.0, 1.0), Parameter("y", "float", 0.0, 1.0)))

    def result(row):
        return -(((row + 0.5) / 1000 - [0.3, 0.7]) ** 2).sum(-1)

    settings = PlanningSettings(pending=mode, refined_candidates=0, gaussian_process=False)
    proposer = Proposer(shipped.model, shipped.vocabulary, settings)
    proposer.decoder = shipped.decoder  # compiled already
    parallel, sequential = [], []
    for seed in range(3):
        tokens = space.random_tokens(np.random.default_rng(seed), num_trials)
        study = Study(space, Metadata(), "max", tokens, result(tokens), np.zeros(num_trials, int))
        parallel.append(spread(study, proposer, 8, seed=seed))
        sequential.append(spread(study, proposer, 8, result, seed))
    assert np.mean(parallel, 0)[0] > 0.5 * np.mean(sequential, 0)[0]
    assert min(least for _, least in parallel) > 0.01


def test_a_small_space_is_shared_among_workers_without_a_duplicate(model, vocabulary):
    space = SearchSpace((Parameter("a", "int", 1, 3), Parameter("b", "boolean")))
    study = Study(space, Metadata(), "min", np.zeros((0, 2), np.int32), np.zeros(0), np.zeros(0, int))
    mean, least = spread(study, Proposer(model, vocabulary, PlanningSettings()), 6)
    pairs = itertools.combinations(itertools.product([1 / 6, 3 / 6, 5 / 6], [0, 1]), 2)
    expected = np.mean([np.sqrt(((a - c) ** 2 + (b - d) ** 2) / 2) for (a, b), (c, d) in pairs])
    assert mean == pytest.approx(expected, abs=1e-3)
    assert least > 0.2
