"""Axes: K members, n examples, C classes."""

import keras
import numpy as np
import pytest
from scipy import special

from keras_hparam import errors
from keras_hparam.ensembles.deep_ensemble import DeepEnsemble
from keras_hparam.ensembles.losses import GaussianNegativeLogLikelihood

N, INPUTS, CLASSES = 70, 5, 3


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """A member that knows its shapes only when it is called."""

    def __init__(self, units=CLASSES, **kwargs):
        super().__init__(**kwargs)
        self.units, self.dense = units, keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return {"units": self.units}


def sequential(units=CLASSES, hidden=4, activation=None):
    layers = [keras.Input((INPUTS,)), keras.layers.Dense(hidden, "tanh"), keras.layers.Dropout(0.5)]
    return keras.Sequential([*layers, keras.layers.Dense(units, activation)])


def functional(hidden=6):
    x = keras.Input((INPUTS,))
    y = keras.layers.BatchNormalization()(keras.layers.Dense(hidden, "relu")(x))
    return keras.Model(x, keras.layers.Dense(CLASSES)(y))


@pytest.fixture
def x(rng):
    return rng.standard_normal((N, INPUTS)).astype("float32")


@pytest.fixture
def y(rng):
    return rng.integers(CLASSES, size=N)


def stacked(networks, x):
    return np.stack([keras.ops.convert_to_numpy(network(x, training=False)) for network in networks])  # [K, n, C]


def test_logits_are_those_of_the_mean_probabilities(x):
    networks = [sequential(), functional(), sequential(hidden=2)]
    ensemble = DeepEnsemble(networks, weights=[1, 1, 2], output_kind="logits")
    expected = np.average(special.softmax(stacked(networks, x), axis=-1), axis=0, weights=[0.25, 0.25, 0.5])
    np.testing.assert_allclose(special.softmax(ensemble.predict(x, verbose=0), axis=-1), expected, atol=1e-6)
    np.testing.assert_allclose(ensemble.predict_members(x), stacked(networks, x), atol=1e-6)


def test_a_trimmed_mean_leaves_out_the_outlier(x):
    networks = [sequential(units=1) for _ in range(3)]
    ensemble = DeepEnsemble(networks, output_kind="point", combination="trimmed_mean")
    members = stacked(networks, x)
    expected = np.empty((N, 1))
    for row in range(N):
        values = members[:, row, 0]
        expected[row] = np.delete(values, np.argmax(np.abs(values - np.median(values)))).mean()
    np.testing.assert_allclose(ensemble.predict(x, verbose=0), expected, atol=1e-6)


def test_the_kind_of_output_is_that_of_the_losses():
    networks = [sequential(), functional()]
    assert DeepEnsemble(networks).output_kind == "probabilities"
    networks[1].compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert DeepEnsemble(networks).output_kind == "logits"
    networks[0].compile(loss=GaussianNegativeLogLikelihood())
    with pytest.raises(errors.InvalidArgumentError, match="of one kind of output.*gaussian"):
        DeepEnsemble(networks)


def test_evaluates_like_a_model_and_trains_all_members(x, y):
    ensemble = DeepEnsemble([sequential(activation="softmax") for _ in range(2)])
    ensemble.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = ensemble.evaluate(x, y, verbose=0)
    mean = ensemble.predict(x, verbose=0)
    assert loss == pytest.approx(-np.log(mean[np.arange(N), y]).mean(), rel=1e-5)
    assert accuracy == pytest.approx((mean.argmax(-1) == y).mean())
    before = [weight.copy() for weight in ensemble.get_weights()]
    assert np.isfinite(ensemble.fit(x, y, verbose=0).history["loss"]).all()
    kernels = [index for index, value in enumerate(before) if value.ndim == 2]
    assert len(kernels) == 4 and all(np.any(before[index] != ensemble.get_weights()[index]) for index in kernels)


def test_saves_members_of_different_architectures(x, tmp_path):
    networks = [sequential(), functional(), Subclassed()]
    networks[0].compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    networks[0].fit(x, np.zeros(N, int), verbose=0)  # its optimizer has state
    ensemble = DeepEnsemble(networks, weights=[3, 2, 1])
    ensemble.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    expected = ensemble.predict(x, verbose=0), ensemble.predict_members(x)
    measured = ensemble.uncertainty(x, "kl_to_mean")
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras", safe_mode=True)
    assert isinstance(loaded, DeepEnsemble) and not loaded.networks[0].compiled
    assert (loaded.output_kind, loaded.member_weights) == ("logits", ensemble.member_weights)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), expected[0], atol=1e-6)
    np.testing.assert_allclose(loaded.predict_members(x), expected[1], atol=1e-6)
    np.testing.assert_allclose(loaded.uncertainty(x, "kl_to_mean"), measured, atol=1e-5)
    before, after = (model.evaluate(x, np.zeros(N, int), verbose=0) for model in (ensemble, loaded))
    np.testing.assert_allclose(before, after, rtol=1e-5)


def test_members_of_other_shapes_are_named(x):
    wrong = sequential(units=2)
    with pytest.raises(errors.InvalidArgumentError, match=f"outputs.*member 1 \\('{wrong.name}'\\)"):
        DeepEnsemble([sequential(), wrong])
    other = keras.Sequential([keras.Input((INPUTS + 1,)), keras.layers.Dense(CLASSES)], name="other")
    with pytest.raises(errors.InvalidArgumentError, match=r"inputs.*member 2 \('other'\)"):
        DeepEnsemble([sequential(), functional(), other])
    with pytest.raises(errors.InvalidArgumentError, match=r"outputs.*member 1 \('late'\)"):
        DeepEnsemble([sequential(), Subclassed(units=2, name="late")])(x)


def two_outputs():
    x = keras.Input((INPUTS,))
    return keras.Model(x, [keras.layers.Dense(2)(x), keras.layers.Dense(3)(x)])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (lambda one: {"members": []}, "Expected `members` to be a list"),
        (lambda one: {"members": [one, "two"]}, "member 1, 'two'"),
        (lambda one: {"members": [one, one]}, "different `members`.*again"),
        (lambda one: {"members": [two_outputs()]}, "one output each"),
        (lambda one: {"members": [one], "weights": [1, 2]}, "`weights` to be 1 number"),
        (lambda one: {"members": [one], "weights": [-1.0]}, "`weights`"),
        (lambda one: {"members": [one], "weights": [0.0]}, "`weights`"),
        (lambda one: {"members": [one], "output_kind": "odds"}, "'odds'"),
        (lambda one: {"members": [one], "combination": "median"}, "'median'"),
        (lambda one: {"members": [one], "combination": "trimmed_mean", "trim": 1}, "`trim`"),
    ],
)
def test_refuses_what_is_no_ensemble(arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        DeepEnsemble(**arguments(sequential()))
