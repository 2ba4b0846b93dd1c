"""Data sets and what makes them."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.tasks import data


@pytest.mark.parametrize("name", data.TABLES)
def test_tables_are_standardised_and_of_one_kind(name):
    found = data.table(name)
    np.testing.assert_allclose(found.x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.x.std(axis=0), 1, atol=1e-4)
    assert found.is_classification == (name != "diabetes") and found.x.dtype == np.float32
    assert len(found.x) == len(found.y) >= 150
    if found.is_classification:
        assert set(found.y.tolist()) == set(range(2 if name == "breast_cancer" else 3))
    else:
        np.testing.assert_allclose([found.y.mean(), found.y.std()], [0, 1], atol=1e-5)


def test_teachers_can_be_learned_and_differ(rng):
    for classes in (None, 5):
        first, second = (data.random_teacher(rng, 600, features=6, classes=classes) for _ in range(2))
        assert first.x.shape == (600, 6) and not np.array_equal(first.y, second.y)
        nearest = np.argsort(np.square(first.x[:300, None] - first.x[None, 300:]).sum(-1), axis=1)[:, 0] + 300
        if classes is None:
            assert np.corrcoef(first.y[:300, 0], first.y[nearest, 0])[0, 1] > 0.3  # neighbours have like targets
        else:
            assert len(set(first.y.tolist())) > 1
            share = np.square(np.bincount(first.y) / 600).sum()  # agreement by chance
            assert (first.y[:300] == first.y[nearest]).mean() > share + 0.05


def test_images_of_a_class_look_alike(rng):
    images = data.random_images(rng, 300, size=8, classes=3)
    assert images.x.shape == (300, 8, 8, 1) and set(images.y.tolist()) == {0, 1, 2}
    flat = images.x.reshape(300, -1)
    similar = flat @ flat.T / 64
    same = images.y[:, None] == images.y[None]
    assert similar[same & ~np.eye(300, dtype=bool)].mean() > similar[~same].mean() + 0.1


def test_wrong_arrays_are_errors():
    good = np.zeros((4, 2))
    for x, y in [(good, [0, 1]), (good, [0, 1, -1, 0]), (good, ["a"] * 4), (np.zeros(4), [0] * 4), (good[:1], [0]),
                 (np.full((4, 2), np.nan), [0] * 4)]:  # fmt: skip
        with pytest.raises(errors.InvalidArgumentError, match="Received:"):
            data.data_set(x, y)
    with pytest.raises(errors.InvalidArgumentError, match="Received: 'digits'"):
        data.table("digits")
    constant = data.data_set([[1.0, 2.0], [1.0, 4.0]], [0, 1])
    np.testing.assert_array_equal(constant.x, [[0, -1], [0, 1]])
