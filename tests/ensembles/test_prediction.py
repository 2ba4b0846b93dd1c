"""Axes: K members, n examples, C classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_hparam import errors
from keras_hparam.ensembles.prediction import MemberPredictions

FACTORS = np.array([1.0, 2.0, -3.0], "float32")


class Multiples(MemberPredictions, keras.Model):
    """Its members multiply a number, or the sum of two, by their factors; Python runs `members` when it is traced."""

    output_kind = "point"

    def __init__(self, output_kind="point"):
        super().__init__()
        self.output_kind, self.traces = output_kind, 0

    def members(self, inputs, training=False):
        self.traces += 1
        total = inputs["one"] + inputs["two"] if isinstance(inputs, dict) else inputs
        found = keras.ops.expand_dims(total, 1) * FACTORS[:, None]  # [n, K, …]
        return keras.ops.softmax(found) if self.output_kind == "probabilities" else found

    def build(self, input_shape):
        self.built = True


@pytest.fixture
def x(rng):
    return rng.standard_normal((70, 2)).astype("float32")


def expected(x):
    return FACTORS[:, None, None] * x


@pytest.mark.parametrize("batch_size", [1, 32, 70, 100])
def test_members_come_first_and_in_order(x, batch_size):
    np.testing.assert_allclose(Multiples().predict_members(x, batch_size=batch_size), expected(x), rtol=1e-6)


def test_datasets_and_dicts(x):
    ensemble = Multiples()
    dataset = tf.data.Dataset.from_tensor_slices((x, np.zeros(70))).batch(32)
    np.testing.assert_allclose(ensemble.predict_members(dataset), expected(x), rtol=1e-6)
    np.testing.assert_allclose(ensemble.predict_members(dataset, steps=1), expected(x[:32]), rtol=1e-6)
    found = Multiples().predict_members({"one": x, "two": np.ones_like(x)})
    np.testing.assert_allclose(found, expected(x + 1), rtol=1e-6)


def test_a_smaller_last_batch_is_traced_once_more_and_never_again(x):
    ensemble = Multiples()
    ensemble.predict_members(x[:64], batch_size=32)
    whole = ensemble.traces
    ensemble.predict_members(x, batch_size=32)
    ensemble.uncertainty(x, "variance")
    rest = ensemble.traces
    assert rest <= whole + 1
    for size in (70, 41, 33):
        ensemble.predict_members(x[:size], batch_size=32)
    assert ensemble.traces == rest


def test_uncertainties_are_those_of_the_members(x):
    points = Multiples().uncertainty(x, "variance", batch_size=32)
    np.testing.assert_allclose(points, (FACTORS.var() * x**2).sum(-1), rtol=1e-5)
    ensemble = Multiples("probabilities")
    members = ensemble.predict_members(x)
    entropies = stats.entropy(members, axis=-1)
    np.testing.assert_allclose(ensemble.uncertainty(x), stats.entropy(members.mean(0), axis=-1), rtol=1e-5)
    information = stats.entropy(members.mean(0), axis=-1) - entropies.mean(0)
    np.testing.assert_allclose(ensemble.uncertainty(x, "mutual_information"), information, atol=1e-6)
    spread = members[:, :, 1].max(0) - members[:, :, 1].min(0)
    np.testing.assert_allclose(ensemble.uncertainty(x, "score_range", classes=[1]), spread, rtol=1e-5)


def test_weights_count(x):
    ensemble = Multiples()
    ensemble.member_weights = (0.5, 0.5, 0.0)
    np.testing.assert_allclose(ensemble.uncertainty(x, "variance"), (0.25 * x**2).sum(-1), rtol=1e-5)


def test_an_unknown_measure_is_refused_before_any_prediction(x):
    ensemble = Multiples()
    with pytest.raises(errors.InvalidArgumentError, match="'mutual_information'"):
        ensemble.uncertainty(x, "mutual_information")
    assert ensemble.traces == 0
