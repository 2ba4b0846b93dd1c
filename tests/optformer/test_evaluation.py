"""Likelihood, calibration and order of predictions, against brute force, simulation and SciPy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from keras_hparam.optformer import batches, corpus, evaluation


def random_distributions(rng, count, num_bins, sharpness=3.0):
    weights = np.exp(sharpness * rng.standard_normal((count, num_bins)))
    return weights / weights.sum(axis=1, keepdims=True)


def draw(rng, probabilities):
    return np.array([rng.choice(len(row), p=row) for row in probabilities])


def test_log_likelihood_is_the_logarithm_of_the_bins_probability():
    probabilities = np.array([[0.2, 0.8, 0.0]] * 3)
    found = np.asarray(evaluation.log_likelihood(probabilities, np.array([0, 1, 2])))
    np.testing.assert_allclose(found, np.log([0.2, 0.8, evaluation.LEAST_PROBABILITY]), rtol=1e-5)


@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0.05, 0.95))
def test_coverage_is_the_share_of_uniform_places_within_the_bin(seed, num_bins, level):
    """Brute force: points of the distribution function's rise over the bin, counted."""
    rng = np.random.default_rng(seed)
    probabilities = random_distributions(rng, 5, num_bins)
    bins = rng.integers(num_bins, size=5)
    found = np.asarray(evaluation.central_coverage(probabilities, bins, level))
    for row in range(5):
        steps = (np.arange(2000) + 0.5) / 2000
        places = probabilities[row, : bins[row]].sum() + steps * probabilities[row, bins[row]]
        expected = ((places >= 0.5 - level / 2) & (places <= 0.5 + level / 2)).mean()
        if probabilities[row, bins[row]] > 1e-3:  # below it, float32 decides where the bin lies
            assert abs(found[row] - expected) < 2e-3


@pytest.mark.parametrize("level", evaluation.LEVELS)
def test_the_mean_coverage_of_calibrated_predictions_is_the_level(level):
    """Exactly: over all outcomes of a distribution, weighted by it, one bin or many, also clipped at the ends."""
    rng = np.random.default_rng(1)
    for num_bins in (1, 2, 3, 50):
        probabilities = random_distributions(rng, 1, num_bins)[0]
        probabilities = np.concatenate([[0.4], 0.5 * probabilities, [0.1]])  # much of it was clipped into the end bins
        every = np.arange(len(probabilities))
        covered = evaluation.central_coverage(np.tile(probabilities, (len(every), 1)), every, level)
        np.testing.assert_allclose(probabilities @ np.asarray(covered), level, atol=1e-5)


def test_overconfident_predictions_cover_too_little_and_timid_ones_too_much(rng):
    centres, outcomes = (np.arange(100) + 0.5) / 100, rng.normal(0.5, 0.1, 4000)
    bins = np.clip((outcomes * 100).astype(int), 0, 99)

    def coverage(deviation, level):
        density = scipy.stats.norm.pdf(centres, 0.5, deviation)
        probabilities = np.tile(density / density.sum(), (len(bins), 1))
        return float(np.mean(evaluation.central_coverage(probabilities, bins, level)))

    for level in evaluation.LEVELS:
        for deviation in (0.05, 0.1, 0.13):
            end = scipy.stats.norm.ppf(0.5 + level / 2) * deviation / 0.1
            assert abs(coverage(deviation, level) - (2 * scipy.stats.norm.cdf(end) - 1)) < 0.03


def test_an_outcome_without_probability_is_inside_or_outside():
    probabilities = np.array([[0.0, 0.5, 0.0, 0.5, 0.0]] * 3)
    found = np.asarray(evaluation.central_coverage(probabilities, np.array([0, 2, 4]), 0.5))
    np.testing.assert_array_equal(found, [0.0, 1.0, 0.0])


def test_predicted_mean_is_that_of_the_bins_centres():
    probabilities = np.array([[0.5, 0.0, 0.0, 0.5], [0.0, 1.0, 0.0, 0.0]])
    np.testing.assert_allclose(evaluation.predicted_mean(probabilities), [0.5, 0.375])


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-1e6, 1e6)), min_size=2, max_size=40))
def test_rank_correlation_is_scipys(pairs):
    first, second = (np.array(values, float) for values in zip(*pairs, strict=True))
    found = evaluation.rank_correlation(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert np.isnan(found)
    else:
        np.testing.assert_allclose(found, scipy.stats.spearmanr(first, second).statistic, atol=1e-9)


def test_held_out_sums_are_those_of_the_trials_after_the_prefix(vocabulary, config, model):
    """A loop over trials in NumPy, with failures."""
    settings = batches.BatchSettings(trials_per_batch=128, max_parameters=4)
    checked, failures = 0, 0
    for step in range(4):
        batch = batches.make_batch(vocabulary, config, corpus.generate_study, 0, step, settings)
        logits = np.asarray(model(batch)[0], float)
        nll, covered = [], {0.5: [], 0.9: []}
        for b, t in np.argwhere(batch["unseen"] == 1):
            target, probabilities = batch["objective_targets"][b, t], np.exp(logits[b, t] - logits[b, t].max())
            nll.append(-np.log(probabilities[target] / probabilities.sum()))
            failures += int(target == config.num_bins)
            if target < config.num_bins:
                given = probabilities[:-1] / probabilities[:-1].sum()
                for level in covered:
                    covered[level].append(evaluation.central_coverage(given, np.array(target), level))
        found = evaluation.held_out_sums(model, batch)
        for name, expected in (("held_out_nll", nll), ("coverage_50", covered[0.5]), ("coverage_90", covered[0.9])):
            np.testing.assert_allclose([float(x) for x in found[name]], [np.sum(expected), len(expected)], rtol=1e-4)
        checked += len(nll)
    assert checked > 50 and failures > 0
