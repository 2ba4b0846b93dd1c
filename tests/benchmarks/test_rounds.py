"""Rounds of proposals: distances against brute force, and what each way of making a round shows the proposer."""

import itertools

import numpy as np
import pytest

from benchmarks import rounds
from keras_hparam.optformer.study import Status
from keras_hparam.spaces import Parameter, SearchSpace


class Recorder:
    """Proposes random rows, and keeps the studies that it is shown."""

    def __init__(self):
        self.studies = []

    def propose(self, study, rng, exclude):
        self.studies.append(study)
        return next(row for row in study.space.random_tokens(rng, 50) if row.tobytes() not in exclude)


def test_spread_is_the_distance_of_pairs():
    space = SearchSpace((Parameter("x", "float", 0.0, 1.0), Parameter("c", "choice", values=("a", "b"))))
    tokens = np.array([[100, 0], [400, 0], [400, 1]])
    pairs = itertools.combinations([(0.1, 0), (0.4, 0), (0.4, 1)], 2)
    expected = [np.sqrt(((a - c) ** 2 + (b - d) ** 2) / 2) for (a, b), (c, d) in pairs]
    np.testing.assert_allclose(rounds.spread(space, tokens), (np.mean(expected), min(expected)))


@pytest.mark.parametrize("way", ["parallel", "sequential"])
def test_results_are_shown_one_after_the_other_or_not_at_all(formulas, way):
    problem, recorder = formulas["branin"], Recorder()
    study = rounds.start(problem, 3, seed=1)
    tokens = rounds.proposed(recorder, problem, study, 4, way, seed=0)
    assert [len(shown) for shown in recorder.studies] == [3, 4, 5, 6]
    last = recorder.studies[-1]
    np.testing.assert_array_equal(last.tokens[3:], tokens[:3])
    assert len(np.unique(tokens, axis=0)) == 4
    expected = [problem.evaluate(study.space.from_tokens(row)) for row in tokens[:3]]
    if way == "sequential":
        np.testing.assert_allclose(last.objectives[3:], expected)
        assert set(last.statuses) == {Status.COMPLETED}
    else:
        assert np.isnan(last.scores[3:]).all() and (last.statuses[3:] == Status.PENDING).all()


def test_regret_is_that_of_the_best_of_all_trials(formulas):
    problem, levels = formulas["branin"], {"best": 0.397887, "median": 40.0}
    found = rounds.measure(Recorder(), problem, levels, 5, 8, seed=0)
    assert list(found) == list(rounds.WAYS)
    study = rounds.start(problem, 5, seed=0)
    tokens = rounds.proposed(None, problem, study, 8, "random", seed=0)
    values = [problem.evaluate(study.space.from_tokens(row)) for row in [*study.tokens, *tokens]]
    assert found["random"]["regret"] == pytest.approx((min(values) - 0.397887) / (40.0 - 0.397887))
    assert 0 < found["parallel"]["least_distance"] < found["parallel"]["distance"] < 1


def test_figures_are_averaged_over_the_rounds_of_a_suite():
    def one(level):
        return {way: dict.fromkeys(rounds.QUANTITIES, level) for way in rounds.WAYS}

    found = [("s", "a", 0, [one(0.1), one(0.2)]), ("s", "b", 0, [one(0.3), one(0.6)]), ("t", "c", 0, [one(0.9)] * 2)]
    summaries = rounds.summarise(found, (0, 5))
    assert list(summaries) == ["s", "t"] and summaries["s"]["num_problems"] == 2
    np.testing.assert_allclose(summaries["s"]["peers"]["parallel"]["distance"]["mean"], [0.2, 0.4])
    np.testing.assert_allclose(summaries["t"]["peers"]["random"]["regret"]["interval"], [[0.9, 0.9]] * 2)
    text = rounds.render(summaries, 8)
    assert "== s: 2 problems, rounds of 8" in text and "0.900 [0.900, 0.900]" in text
