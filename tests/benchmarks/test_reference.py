"""The levels that normalise regret."""

import json

import numpy as np
import pytest

from benchmarks import problems, reference
from keras_hparam import errors


def test_reference_finds_a_known_optimum_by_itself(formulas):
    problem = formulas["branin"]
    blind = problems.Problem("blind", problem.suite, problem.build, problem.metadata, problem.goal, problem.evaluate)
    found = reference.search(blind, num_random=500, num_starts=2, num_steps=400)
    assert found["source"] == "search"
    assert found["best"] == pytest.approx(0.397887, abs=1e-3)
    assert found["best"] >= 0.397887 - 1e-5
    assert found["median"] > 5 * found["best"]


def test_reference_is_cached_and_a_foreign_file_is_refused(formulas, tmp_path):
    problem = formulas["svm"]
    options = {"num_random": 200, "num_starts": 1, "num_steps": 20}
    first = reference.load_or_search(problem, tmp_path, **options)
    assert reference.load_or_search(problem, tmp_path) == first  # a search with other options would differ
    (tmp_path / "svm.json").write_text(json.dumps({"version": -1}))
    with pytest.raises(errors.CorruptFileError, match="version"):
        reference.load_or_search(problem, tmp_path)


def test_regret_by_hand():
    levels = {"best": 10.0, "median": 6.0}
    np.testing.assert_allclose(reference.regret([2.0, 6.0, 5.0, 9.0, 11.0], levels, 1.0), [2, 1, 1, 0.25, 0])
    levels = {"best": -3.0, "median": 1.0}
    np.testing.assert_allclose(reference.regret([1.0, 3.0, -1.0, -3.5], levels, -1.0), [1, 1, 0.5, 0])
