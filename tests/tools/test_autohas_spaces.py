"""The search spaces of the program that searches architecture and hyperparameters."""

import keras
import numpy as np
import pytest

from keras_hparam.spaces import relaxed
from tools import autohas_spaces

DRAWING = {"augmentation": "shift", "dropout": 0.5, "mixup": 0.2, "optimizer": "sgd", "block0": "skip"}


def trained(build, values, x, y):
    keras.utils.set_random_seed(3)
    model = build(relaxed.with_values(values))
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("name", ["images", "tables"])
def test_a_training_with_a_seed_does_not_depend_on_the_models_before_it(name, rng):
    if name == "images":
        build = autohas_spaces.images((8, 8, 1), 10, 8)
        x, y = rng.normal(size=(32, 8, 8, 1)).astype("float32"), np.eye(10, dtype="float32")[rng.integers(10, size=32)]
    else:
        build, x, y = autohas_spaces.tables(5, 8), rng.normal(size=(32, 5)), rng.normal(size=(32, 1))
    first, again = trained(build, DRAWING, x, y), trained(build, DRAWING, x, y)
    other = trained(build, DRAWING | ({"augmentation": "none"} if name == "images" else {"dropout": 0.0}), x, y)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)  # threads sum in any order
    assert not all(np.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(first, other, strict=True))  # it draws
