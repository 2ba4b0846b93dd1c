"""The data and the search space of the main program."""

import pathlib

import numpy as np
import pytest

TOOLS = pathlib.Path(__file__).parents[2] / "tools"


@pytest.fixture(scope="module")
def digits():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        import digits

        yield digits


def test_the_split_is_stratified_disjoint_and_seeded(digits):
    data = digits.load(800, 400, seed=0)
    assert [len(labels) for _, labels in data] == [800, 400, 597]
    images = np.concatenate([images for images, _ in data])
    assert images.shape[1:] == (8, 8, 1) and images.min() == 0 and images.max() == 1
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == 1797  # the data set holds no duplicate
    shares = np.stack([np.bincount(labels) / len(labels) for _, labels in data])
    assert np.ptp(shares, axis=0).max() < 0.01
    np.testing.assert_array_equal(data.test[1], digits.load(800, 400, seed=0).test[1])
    assert not np.array_equal(data.test[1], digits.load(800, 400, seed=1).test[1])


def test_conditional_parameters_exist_where_their_condition_holds(digits):
    import keras_tuner

    for optimizer, depth in [("sgd", 1), ("adam", 2), ("rmsprop", 3)]:
        hp = keras_tuner.HyperParameters()
        hp.values.update(optimizer=optimizer, depth=depth)
        model = digits.DigitsHyperModel(seed=0).build(hp)
        assert ("momentum" in hp.values) == (optimizer == "sgd")
        assert [f"filters_{layer}" in hp.values for layer in (1, 2, 3)] == [depth >= layer for layer in (1, 2, 3)]
        assert sum(layer.name.startswith("conv_") for layer in model.layers) == depth
        assert model.output_shape == (None, 10)


def test_images_are_drawn_side_by_side_over_their_predictions(digits):
    class Certain:
        def predict(self, images, verbose):
            return np.eye(10)[: len(images)]

    images = np.zeros((2, 8, 8, 1), "float32")
    images[1, 0] = 1.0
    lines = digits.show_predictions(Certain(), images, np.array([0, 7])).splitlines()
    assert lines[0] == " " * 20 + "@" * 16 and lines[1:8] == [""] * 7
    assert lines[8] == "0 (100.0%), is 0    1 (100.0%), is 7"
