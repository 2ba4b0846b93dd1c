"""The mixed prediction against its parts, and the model's predictions of past trials against one reading for each."""

import numpy as np
import pytest

from keras_hparam.ops.normal_intervals import log_expected_improvement
from keras_hparam.optformer import candidates, mixture
from keras_hparam.optformer.decoding import Decoder
from keras_hparam.optformer.mixture import MixedPrediction
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.reader import StudyReader
from keras_hparam.optformer.study import Metadata, Study
from keras_hparam.spaces import Parameter, SearchSpace


@pytest.fixture(scope="module")
def decoder(model):
    return Decoder(model)


@pytest.fixture(scope="module")
def smooth():
    """A study of a smooth function of two numbers."""
    space = SearchSpace((Parameter("x", "float", 0.0, 1.0), Parameter("y", "float", 0.0, 1.0)))
    tokens = space.random_tokens(np.random.default_rng(0), 24)
    objectives = -np.square(tokens / 1000.0 - [0.3, 0.8]).sum(axis=1)
    return Study(space, Metadata(), "max", tokens, objectives, np.zeros(24, int))


def read(decoder, vocabulary, study, normalizer=None):
    normalizer = normalizer or Normalizer.fit(study.scores)
    return StudyReader(decoder, vocabulary, study, np.random.default_rng(0), normalizer, with_history=True), normalizer


def test_past_trials_are_predicted_as_if_they_were_still_to_come(decoder, vocabulary, study):
    reader, normalizer = read(decoder, vocabulary, study)
    bins = normalizer.to_bins(study.scores, reader.num_bins)
    bins = np.where(bins < 0, reader.num_bins, bins)  # failed, or pending, which counts as failed
    for trial in (0, 1, 5, 11):
        before, _ = read(decoder, vocabulary, study.take(np.arange(trial)), normalizer)
        expected = np.log(before.predict(study.tokens[[trial]])[0, bins[trial]])
        np.testing.assert_allclose(reader.log_probabilities[trial], expected, atol=1e-3)


def test_a_few_trials_are_left_to_the_model(decoder, vocabulary, study):
    few = study.take(np.arange(mixture.FEWEST_TRIALS))  # one of them has failed
    reader, normalizer = read(decoder, vocabulary, few)
    mixed = MixedPrediction(reader, normalizer)
    assert mixed.share == 0.0
    np.testing.assert_array_equal(mixed.predict(study.tokens), reader.predict(study.tokens))
    assert mixed.promising(np.random.default_rng(0), few.tokens, 5).shape == (0, len(study.space))


def test_the_mixture_is_a_distribution_with_the_failures_of_the_model(decoder, vocabulary, study):
    reader, normalizer = read(decoder, vocabulary, study)
    mixed = MixedPrediction(reader, normalizer)
    tokens = study.space.random_tokens(np.random.default_rng(1), 30)
    alone, both = reader.predict(tokens), mixed.predict(tokens)
    assert 0.0 < mixed.share < 1.0
    np.testing.assert_allclose(both.sum(axis=1), 1.0, atol=1e-4)
    np.testing.assert_array_equal(both[:, -1], alone[:, -1])
    other = (both[:, :-1] - (1.0 - mixed.share) * alone[:, :-1]) / mixed.share / (1.0 - alone[:, -1:])
    completed = np.isfinite(study.scores)
    units = normalizer.to_unit(study.scores[completed])
    surrogate = mixture.GaussianProcessSurrogate.fit(study.space, study.tokens[completed], units)
    np.testing.assert_allclose(other, surrogate.predict(tokens, reader.num_bins), atol=1e-4)


def test_the_better_forecaster_gets_the_weight(decoder, vocabulary, smooth):
    reader, normalizer = read(decoder, vocabulary, smooth)
    assert MixedPrediction(reader, normalizer).share > 0.95  # the model of the tests was never trained
    reader.log_probabilities = np.zeros(len(smooth))  # as if it had been certain of every outcome
    assert MixedPrediction(reader, normalizer).share < 0.05


def test_guessed_objectives_say_nothing_about_who_predicts_well(decoder, vocabulary, smooth):
    reader, normalizer = read(decoder, vocabulary, smooth)
    guessed = np.arange(len(smooth)) >= 12
    reader.log_probabilities = np.where(guessed, 0.0, reader.log_probabilities)  # certain, as it made them itself
    with_guesses = MixedPrediction(reader, normalizer)
    without = MixedPrediction(reader, normalizer, guessed)
    assert with_guesses.share < 0.5 < without.share


def test_climbing_finds_more_improvement_than_many_random_candidates(decoder, vocabulary, smooth):
    reader, normalizer = read(decoder, vocabulary, smooth)
    mixed, rng = MixedPrediction(reader, normalizer), np.random.default_rng(0)
    surrogate = mixture.GaussianProcessSurrogate.fit(smooth.space, smooth.tokens, normalizer.to_unit(smooth.scores))
    best = surrogate.to_latent(normalizer.to_unit(smooth.scores).max())

    def improvement(tokens):
        mean, deviation = surrogate.gaussian(tokens)
        return log_expected_improvement(mean, np.maximum(deviation, 1e-9), best)

    found = mixed.promising(rng, candidates.elites(smooth, 5), 12)
    assert found.shape == (12, 2) and len(np.unique(found, axis=0)) == 12
    assert np.all(np.diff(improvement(found)) <= 1e-9)
    assert improvement(found)[0] >= improvement(smooth.space.random_tokens(rng, 5000)).max() - 1e-3
