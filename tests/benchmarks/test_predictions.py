"""The benchmark of predictions: cases, Gaussian processes and figures, against predictors that are known."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks import prediction_cases, prediction_figures, predictors
from keras_hparam import errors
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.study import Metadata
from keras_hparam.spaces import Parameter, SearchSpace

SPACE = SearchSpace((
    Parameter("x", "float", 0.0, 1.0),
    Parameter("y", "float", 1e-3, 1.0, scale="log"),
    Parameter("kind", "choice", values=("a", "b")),
))  # fmt: skip
NOISE = 0.1


def truth(tokens):
    x, y, kind = tokens.T
    return 2.0 - ((x / 1000 - 0.3) ** 2 + 0.3 * (y / 1000 - 0.6) ** 2 + 0.2 * kind)


def noisy_case(noise=NOISE):
    def observe(rng, tokens):
        return truth(tokens) + noise * rng.standard_normal(len(tokens))

    return prediction_cases.Case("quadratic", "tests", SPACE, Metadata(), "max", observe, truth)


def oracle(deviation):
    """A predictor that knows the function, and takes the noise to be that deviation."""

    def predict(study, tokens):
        normalizer = Normalizer.fit(study.scores)
        edges = normalizer.from_unit(np.arange(1, 1000) / 1000)  # falling distances: rising scores
        inner = norm.cdf((edges - truth(tokens)[:, None]) / deviation)
        return np.diff(inner, axis=1, prepend=0.0, append=1.0)

    return predict


def test_one_who_knows_the_noise_is_calibrated_and_others_are_not():
    found = {
        deviation: prediction_figures.measure(oracle(deviation), noisy_case(), "random", 1000, (10, 50))
        for deviation in (NOISE, NOISE / 3, NOISE * 3)
    }
    np.testing.assert_allclose(found[NOISE]["coverage_50"], 0.5, atol=0.05)
    np.testing.assert_allclose(found[NOISE]["coverage_90"], 0.9, atol=0.03)
    assert max(found[NOISE / 3]["coverage_90"]) < 0.6 and min(found[NOISE * 3]["coverage_50"]) > 0.8
    for wrong in (NOISE / 3, NOISE * 3):
        assert all(a < b for a, b in zip(found[NOISE]["nll"], found[wrong]["nll"], strict=True))
    assert min(found[NOISE]["correlation"]) > 0.99  # with the truth, not with what was observed


@pytest.mark.parametrize("name", ["scikit_learn", "surrogate"])
def test_gaussian_processes_learn_a_smooth_function_and_are_calibrated(name):
    found = prediction_figures.measure(getattr(predictors, name), noisy_case(0.02), "mixed", 300, (60,))
    assert found["correlation"][0] > 0.9 and found["nll"][0] < 6.0  # uniform: 6.9
    assert 0.35 < found["coverage_50"][0] < 0.65 and 0.8 < found["coverage_90"][0] < 0.98


def test_scikit_learn_without_trials_or_varying_parameters_still_predicts(rng):
    case = noisy_case()
    study = case.run(rng, SPACE.random_tokens(rng, 6))
    for chosen in (study.take([0]), study.take([0, 0, 0])):
        probabilities = predictors.scikit_learn(chosen, study.tokens[:1])
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)


def test_masses_of_gaussians_are_differences_of_their_distribution_function():
    masses = predictors.gaussian_masses(np.array([0.3, 2.0]), np.array([0.2, 0.1]), 4)
    np.testing.assert_allclose(masses[0], np.diff(norm.cdf([-np.inf, 0.25, 0.5, 0.75, np.inf], 0.3, 0.2)))
    np.testing.assert_allclose(masses[1], [0, 0, 0, 1], atol=1e-12)


def test_features_say_what_is_active_and_which_category():
    found = predictors.features(SPACE, np.array([[0, 999, 1], [-1, 10, -1]]))
    np.testing.assert_allclose(found, [[0.0005, 1, 0.9995, 1, 0, 1], [0.5, 0, 0.0105, 1, 0, 0]])


def test_trials_and_questions_are_the_same_for_every_predictor():
    asked = []

    def predict(study, tokens):
        asked.append((study.tokens.copy(), study.objectives.copy(), tokens.copy()))
        np.random.default_rng(len(asked)).random(len(asked))  # draws of its own
        return np.full((len(tokens), 1000), 1e-3)

    first = prediction_figures.measure(predict, noisy_case(), "mixed", 20, (10, 20))
    assert prediction_figures.measure(predict, noisy_case(), "mixed", 20, (10, 20))["nll"] == first["nll"]
    np.testing.assert_allclose(first["nll"], np.log(1000), rtol=1e-5)
    assert first["correlation"] == [0.0, 0.0]  # a prediction that ranks nothing
    for one, two in zip(asked[:2], asked[2:], strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(asked[1][0][:10], asked[0][0])  # a later study goes on where the earlier one ended


def test_mixed_trials_are_better_and_failures_are_trials_too(rng):
    found = {p: prediction_cases.history(noisy_case(), p, np.random.default_rng(0), 80) for p in ("mixed", "random")}
    mixed, plain = (truth(study.tokens)[40:].mean() for study in found.values())
    assert mixed > plain + 0.02
    failing = prediction_cases.Case(
        "f", "tests", SPACE, Metadata(), "min", lambda rng, tokens: np.where(tokens[:, 2] == 1, np.nan, 1.0), truth
    )
    study = prediction_cases.history(failing, "mixed", rng, 30)
    np.testing.assert_array_equal(study.statuses == 1, study.tokens[:, 2] == 1)
    with pytest.raises(errors.InvalidArgumentError, match="`policy`.*Received: 'grid'"):
        prediction_cases.history(failing, "grid", rng, 30)


def test_problems_of_the_corpus_and_of_the_search_become_cases(formulas, rng):
    again = [prediction_cases.corpus_case(3) for _ in range(2)]
    tokens = again[0].space.random_tokens(rng, 5)
    np.testing.assert_array_equal(*(case.truth(tokens) for case in again))
    problem = formulas["branin"]
    case = prediction_cases.suite_case(problem)
    tokens = case.space.random_tokens(rng, 4)
    expected = [problem.evaluate(case.space.from_tokens(row)) for row in tokens]
    np.testing.assert_allclose(case.run(rng, tokens).objectives, expected)
    assert [c.name for c in prediction_cases.load(["corpus", "branin"], 2, None)] == ["corpus_0", "corpus_1", "branin"]


def test_tables_leave_out_the_correlation_where_there_is_nothing_to_rank():
    def figures(level, correlation=0.5):
        return {name: [level] * 4 for name in prediction_figures.QUANTITIES} | {"correlation": [correlation] * 4}

    cells = [("s", "random", f"p{i}", label, figures(i + shift, float("nan") if i == 0 else 0.5))
             for label, shift in (("a", 0.0), ("b", 1.0)) for i in range(3)]  # fmt: skip
    (summary,) = prediction_figures.summarise(cells).values()
    np.testing.assert_allclose(summary["peers"]["a"]["nll"]["mean"], [1.0] * 4)
    np.testing.assert_allclose(summary["peers"]["b"]["nll"]["mean"], [2.0] * 4)
    np.testing.assert_allclose(summary["peers"]["a"]["correlation"]["mean"], [0.5] * 4)
    text = prediction_figures.render({"s, random trials": summary})
    assert "3 problems" in text and "0.50 [0.50, 0.50]" in text and "central 90%" in text


def test_cells_are_measured_once(tmp_path):
    calls = []

    def make():
        calls.append(1)
        return lambda study, tokens: np.full((len(tokens), 1000), 1e-3)

    found = [prediction_figures.complete(tmp_path, make, "uniform", noisy_case(), "random", 8) for _ in range(2)]
    assert found[0] == found[1] and calls == [1]
    (path,) = tmp_path.rglob("*.json")
    assert json.loads(path.read_text()) == found[0]
