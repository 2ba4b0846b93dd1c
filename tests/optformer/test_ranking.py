"""Scores of candidates against the acquisition functions that they name."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.networks.values import bin_centres
from keras_hparam.ops import acquisitions
from keras_hparam.optformer.ranking import score
from keras_hparam.optformer.settings import PlanningSettings

BINS = bin_centres(50)


@pytest.fixture
def probabilities(rng):
    return rng.dirichlet(np.ones(51), size=6).astype("float32")  # the last one is of failure


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"largest_gain": 0.05}, lambda p: acquisitions.expected_improvement(p, BINS, 0.7, 0.05)),
        ({"acquisition": "ei", "largest_gain": 1}, lambda p: acquisitions.expected_improvement(p, BINS, 0.7)),
        ({"acquisition": "pi"}, lambda p: acquisitions.probability_of_improvement(p, BINS, 0.7)),
        ({"acquisition": "ucb", "beta": 0.5}, lambda p: acquisitions.upper_confidence_bound(p, BINS, 0.5)),
        ({"acquisition": lambda p, v, best: p @ (v > best)}, lambda p: p @ (BINS > 0.7)),
    ],
)
def test_scores_are_those_of_the_named_acquisition(probabilities, rng, options, expected):
    scores = score(PlanningSettings(**options), probabilities, 0.7, rng)
    assert isinstance(scores, np.ndarray) and scores.shape == (6,)
    np.testing.assert_allclose(scores, np.asarray(expected(probabilities[:, :-1])), rtol=1e-5)


def test_thompson_sampling_follows_the_generator(probabilities):
    settings = PlanningSettings(acquisition="thompson")
    first, again, other = (score(settings, probabilities, 0.7, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("acquisition", ["ei", "pi"])
def test_without_a_best_trial_the_mean_ranks(probabilities, rng, acquisition):
    scores = score(PlanningSettings(acquisition=acquisition), probabilities, None, rng)
    np.testing.assert_allclose(scores, probabilities[:, :-1] @ BINS, rtol=1e-5)
    given = []
    score(PlanningSettings(acquisition=lambda p, v, best: given.append(best) or p[:, 0]), probabilities, None, rng)
    assert given == [0.0]


@pytest.mark.parametrize("returned", [0.5, np.zeros(5), np.zeros((6, 1)), np.full(6, np.nan), np.zeros(6, complex)])
def test_what_a_users_acquisition_returns_is_checked(probabilities, rng, returned):
    with pytest.raises(errors.InvalidArgumentError, match=r"`acquisition`.*\(6,\).*Received"):
        score(PlanningSettings(acquisition=lambda *_: returned), probabilities, 0.7, rng)
