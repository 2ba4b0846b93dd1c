"""What `HyperDeepEnsemble.from_tuner` refuses before it trains anything."""

import keras_tuner as kt
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ensembles.hyper_deep import HyperDeepEnsemble
from tests.ensembles import searches
from tests.ensembles.searches import ensemble_of

(X, Y), VALIDATION = searches.data()


@pytest.fixture(scope="module")
def tuner(tmp_path_factory):
    return searches.searched(tmp_path_factory.mktemp("search"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"ensemble_size": 0}, "`ensemble_size` to be an int >= 1"),
        ({"num_top": 5}, "`num_top` <= 4.*Received: 5"),
        ({"num_top": 2, "num_settings": 3}, "`num_settings` <= 2.*Received: 3"),
        ({"ensemble_size": 5, "replacement": False}, "`ensemble_size` <= .* 4.*Received: 5"),
        ({"ensemble_size": 5, "unique": True}, "`ensemble_size` <= .* 4.*Received: 5"),
        ({"num_initializations": 0}, "`num_initializations`"),
        ({"second_candidates": "best"}, "`second_candidates`.*'best'"),
        ({"combination": "trimmed_mean"}, "replacement=False"),
        ({"seed": -1}, "`seed`"),
        ({"loss": "mae"}, "`loss`"),
        ({"strategy": "mirrored"}, "`strategy`"),
    ],
)
def test_wrong_arguments_are_refused_before_any_training(tuner, arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        ensemble_of(tuner, **{"second_candidates": "trained", **arguments})
    assert not tuner.hypermodel.trained


@pytest.mark.parametrize(
    "validation, message",
    [
        (None, "validation_data=None"),
        ((VALIDATION[0], VALIDATION[1][:-1]), "as many labels as inputs"),
        ((VALIDATION[0], np.stack([VALIDATION[1]] * 2, axis=1)), "Received: int64 of shape"),
        ((VALIDATION[0], VALIDATION[1] + 1), "in 0..2.*Received: 3"),
        ((VALIDATION[0],), "1 parts"),
        (7, "finite tf.data.Dataset.*Received: 7"),
    ],
)
def test_wrong_validation_data_is_refused_before_any_training(tuner, validation, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        HyperDeepEnsemble.from_tuner(tuner, 2, X, Y, validation, second_candidates="trained")
    assert not tuner.hypermodel.trained


def test_a_tuner_without_trials_is_refused(tmp_path):
    tuner = kt.RandomSearch(searches.CountingHyperModel(), "val_loss", directory=str(tmp_path))
    with pytest.raises(errors.InvalidArgumentError, match="completed trials.*0 trials"):
        ensemble_of(tuner)
    with pytest.raises(errors.InvalidArgumentError, match="`tuner` to be a keras_tuner.Tuner"):
        ensemble_of("tuner")
    assert not tuner.hypermodel.trained
