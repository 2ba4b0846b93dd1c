"""Options of the planner: counts add up, wrong ones are named."""

import math

import pytest

from keras_hparam import errors
from keras_hparam.optformer.settings import PlanningSettings


def own(study, rng, count):
    return []


def test_the_default_mixture_makes_the_candidates():
    counts = dict(PlanningSettings(gaussian_process=False).prior_counts())
    assert counts == {"model": 48, "random": 128, "local": 192, "border": 32}


@pytest.mark.parametrize(
    "prior, counts",
    [
        ("local", [("local", 100)]),
        (own, [(own, 100)]),
        (["model", own], [("model", 50), (own, 50)]),
        (("local", "random"), [("local", 50), ("random", 50)]),
        ({"local": 3, own: 1}, [("local", 75), (own, 25)]),
        ({"local": 1, "random": 1e-9}, [("local", 100), ("random", 1)]),
    ],
)
def test_priors_share_the_candidates(prior, counts):
    assert PlanningSettings(prior=prior, num_candidates=100).prior_counts() == counts


@pytest.mark.parametrize(
    "options, message",
    [
        ({"decoding": "bream"}, "`decoding`.*Received: 'bream'"),
        ({"pending": "liar"}, "`pending`.*Received: 'liar'"),
        ({"acquisition": "eI"}, "`acquisition`.*function.*Received: 'eI'"),
        ({"acquisition": 3}, "`acquisition`.*Received: 3"),
        ({"prior": "lokal"}, "`prior`.*Received: 'lokal'"),
        ({"prior": []}, "`prior`.*Received: \\[\\]"),
        ({"prior": {"local": 0}}, "`prior`.*Received: 'local': 0"),
        ({"prior": {"local": math.nan}}, "`prior`.*nan"),
        ({"gaussian_process": "False"}, "`gaussian_process`.*Received: 'False'"),
        ({"gaussian_process": False, "prior": ["gaussian_process"]}, "`prior` without 'gaussian_process'"),
        ({"num_candidates": 0}, "`num_candidates`"),
        ({"refined_candidates": -1}, "`refined_candidates`"),
        ({"enumerate_up_to": 1.5}, "`enumerate_up_to`"),
        ({"num_elites": 0}, "`num_elites`"),
        ({"beam_width": 0}, "`beam_width`"),
        ({"temperature": 0.0}, "`temperature`"),
        ({"temperature": None}, "`temperature`.*Received: None"),
        ({"largest_gain": -1}, "`largest_gain`"),
        ({"beta": math.nan}, "`beta`"),
        ({"top_p": 1.5}, "`top_p`"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        PlanningSettings(**options)
