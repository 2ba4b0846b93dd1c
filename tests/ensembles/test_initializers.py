"""Random signs: their distribution, their seed, their configuration."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ensembles import RandomSigns


def test_values_lie_around_plus_and_minus_one():
    values = keras.ops.convert_to_numpy(RandomSigns(0.1, seed=0)((200, 100)))
    assert abs((values > 0).mean() - 0.5) < 0.02
    assert np.abs(values).mean() == pytest.approx(1.0, abs=0.01)
    assert np.abs(values).std() == pytest.approx(0.1, abs=0.01)
    assert set(np.unique(RandomSigns(0.0, seed=1)((50,)))) == {-1.0, 1.0}


def test_a_seed_gives_the_same_values_in_a_copy():
    one = RandomSigns(seed=3)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(one))
    np.testing.assert_array_equal(one((4, 5)), copy((4, 5)))
    assert not np.array_equal(RandomSigns(seed=4)((4, 5)), RandomSigns(seed=3)((4, 5)))


def test_a_negative_deviation_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="`stddev`"):
        RandomSigns(-0.1)
