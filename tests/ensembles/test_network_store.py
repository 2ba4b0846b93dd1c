"""Trained networks on disk."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ensembles.network_store import NetworkStore


def test_a_damaged_network_is_no_network(tmp_path):
    store = NetworkStore(tmp_path, {"seed": 0})
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    store.save("one", model, np.zeros((2, 1)), {"units": 1})
    np.testing.assert_array_equal(store.predictions("one", {"units": 1}), np.zeros((2, 1)))
    with pytest.raises(errors.InvalidArgumentError, match="of another one"):
        store.predictions("one", {"units": 2})
    (tmp_path / "networks" / "one" / "model.keras").write_bytes(b"damaged")
    with pytest.raises(errors.CorruptFileError):
        store.predictions("one", {"units": 1})


def test_what_a_kill_leaves_behind_is_removed(tmp_path):
    for name in (".description.0a.partial", "networks/.one.0b.partial"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.keras").write_bytes(b"half")
        store = NetworkStore(tmp_path, {"seed": 0})
        assert "one" not in store and not list(tmp_path.glob("**/*.partial"))
