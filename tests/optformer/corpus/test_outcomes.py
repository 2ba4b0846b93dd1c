"""From latent values to metrics: monotone, in range, noisy and failing as drawn."""

import numpy as np
import pytest

from keras_hparam.optformer.corpus import names, problems
from keras_hparam.optformer.corpus.outcomes import Outcome
from keras_hparam.optformer.study import Metadata
from keras_hparam.spaces import Parameter, SearchSpace

LINE = SearchSpace((Parameter("x", "float", low=0.0, high=1.0), Parameter("y", "float", low=0.0, high=1.0)))


@pytest.mark.parametrize("metric", sorted(names.METRICS))
def test_better_latent_values_are_never_recorded_as_worse(metric):
    sign = 1.0 if names.METRICS[metric][1] == "max" else -1.0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        latent = np.sort(rng.standard_normal(64) * 10.0 ** rng.uniform(-3, 3))
        outcome = Outcome(rng, latent, metric, ("response", "network")[seed % 2])
        values = outcome.noiseless(latent)
        slack = 1e-9 * np.abs(values).max()
        assert np.isfinite(values).all() and (sign * np.diff(values) >= -slack).all()
        recorded = outcome.observe(rng, latent)
        assert np.isfinite(recorded).all()
        if metric in ("unit", "error", "percent"):
            assert recorded.min() >= 0.0 and recorded.max() <= (100.0 if metric == "percent" else 1.0)


def test_failures_stay_failures():
    rng = np.random.default_rng(0)
    outcome = Outcome(rng, rng.standard_normal(64), "loss", "response")
    assert np.isnan(outcome.observe(rng, np.array([np.nan, 0.0]))).tolist() == [True, False]


def test_all_equal_or_failing_references_still_give_numbers():
    for latent in (np.zeros(64), np.full(64, np.nan)):
        for metric in names.METRICS:
            rng = np.random.default_rng(1)
            outcome = Outcome(rng, latent, metric, "network")
            assert np.isfinite(outcome.observe(rng, np.zeros(3))).all()


def test_recorded_values_scatter_by_the_noise_that_was_drawn():
    noisy = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        latent = rng.standard_normal(64)
        outcome = Outcome(rng, latent, "real_max", "network")
        repeats = np.array([outcome.observe(rng, latent) for _ in range(20)])
        if outcome.noise == 0.0:
            np.testing.assert_array_equal(repeats[0], outcome.noiseless(latent))
        else:
            noisy += 1
            if outcome._tilt == 0.0 and not (outcome._noise_inside and outcome._ceiling is not None):
                measured = repeats.std(axis=0, ddof=1).mean() / outcome.noiseless(latent).std()
                assert measured == pytest.approx(outcome.noise, rel=0.15)
    assert 0.4 < noisy / 200 < 0.7


def test_a_problem_that_nearly_always_fails_gets_values_instead():
    def objective(tokens):
        return np.where(tokens[:, 0] < 900, np.nan, tokens[:, 1] / 1000.0)

    rng = np.random.default_rng(0)
    problem = problems.Problem(rng, LINE, objective, "loss", "network")
    assert np.isfinite(problem.latent(LINE.random_tokens(rng, 200))).mean() > 0.5


def test_failure_regions_are_fixed_and_part_of_the_space():
    rng = np.random.default_rng(0)
    tokens = LINE.random_tokens(rng, 500)
    for seed in range(20):
        region = problems._FailureRegion(np.random.default_rng(seed), LINE, tokens[:64], 1000)
        inside = region(tokens)
        assert inside.mean() < 0.6
        np.testing.assert_array_equal(inside, region(tokens))


@pytest.mark.parametrize("family", sorted(problems.FAMILIES))
def test_random_problems_of_every_family(family):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        problem, metadata = problems.random_problem(rng, 6, family)
        tokens = problem.space.random_tokens(rng, 40)
        values = problem.observe(rng, tokens)
        assert isinstance(metadata, Metadata) and values.shape == (40,) and np.isfinite(values).any()
        assert problem.goal in ("max", "min")
