"""Losses on smoothed targets against closed forms, and what becomes of losses of integer classes."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.autohas import losses
from keras_hparam.autohas.losses import SmoothedLoss
from tests.autohas import problems

CLASSES = 4


def outputs(rng, number=5):
    p = rng.uniform(0.1, 1.0, (number, CLASSES))
    return (p / p.sum(axis=1, keepdims=True)).astype("float32")


def targets(rng, number=5):
    y = rng.integers(0, CLASSES, number)
    return y, np.eye(CLASSES, dtype="float32")[y]


def cross_entropies(vectors, p, smoothing):
    return -(((1 - smoothing) * vectors + smoothing / CLASSES) * np.log(p)).sum(axis=1)


@pytest.mark.parametrize("form", ["int", "column", "vector"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_a_smoothed_cross_entropy_is_the_closed_form(form, smoothing, rng):
    p, (y, vectors) = outputs(rng), targets(rng)
    given = {"int": y, "column": y[:, None], "vector": vectors}[form]
    found = SmoothedLoss("categorical_crossentropy", smoothing)(given, p)
    assert float(found) == pytest.approx(cross_entropies(vectors, p, smoothing).mean(), rel=1e-5)


def test_a_smoothed_squared_error_is_the_closed_form(rng):
    p, (y, vectors) = outputs(rng), targets(rng)
    wanted = np.mean((0.8 * vectors + 0.2 / CLASSES - p) ** 2)
    assert float(SmoothedLoss("mse", 0.2)(y, p)) == pytest.approx(wanted, rel=1e-5)


def test_keras_own_smoothing_is_the_same(rng):
    p, (y, vectors) = outputs(rng), targets(rng)
    wanted = keras.losses.CategoricalCrossentropy(label_smoothing=0.3)(vectors, p)
    assert float(SmoothedLoss("categorical_crossentropy", 0.3)(y, p)) == pytest.approx(float(wanted), rel=1e-6)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", keras.losses.CategoricalCrossentropy])
def test_examples_have_weights(loss, rng):
    p, (y, vectors), weights = outputs(rng), targets(rng), rng.uniform(size=5).astype("float32")
    found = SmoothedLoss(loss if isinstance(loss, str) else loss(), 0.1)(y, p, sample_weight=weights)
    wanted = np.mean(weights * cross_entropies(vectors, p, 0.1))
    assert float(found) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        keras.losses.sparse_categorical_crossentropy,
        keras.losses.SparseCategoricalCrossentropy,
    ],
)
def test_a_loss_of_integers_becomes_that_of_vectors(loss, rng):
    p, (_, vectors) = outputs(rng), targets(rng)
    loss = loss() if loss is keras.losses.SparseCategoricalCrossentropy else loss
    found = losses.value(losses.of_vectors(loss), vectors, p)
    assert float(found) == pytest.approx(cross_entropies(vectors, p, 0.0).mean(), rel=1e-5)


def test_logits_stay_logits(rng):
    p, (y, vectors) = outputs(rng), targets(rng)
    given = keras.losses.SparseCategoricalCrossentropy(from_logits=True, name="mine")
    found = losses.of_vectors(given)
    assert found.name == "mine"
    wanted = cross_entropies(vectors, p, 0.2).mean()
    assert float(SmoothedLoss(found, 0.2)(y, 3 + np.log(p))) == pytest.approx(wanted, rel=1e-5)


def test_other_losses_stay_as_they_are():
    huber = keras.losses.Huber()
    assert losses.of_vectors(huber) is huber and losses.of_vectors("mse") is keras.losses.get("mse")


@pytest.mark.parametrize("loss", ["mse", keras.losses.MeanSquaredError, keras.losses.mean_squared_error])
def test_the_value_of_a_loss_is_the_mean_over_examples(loss, rng):
    p, (_, vectors) = outputs(rng), targets(rng)
    loss = keras.losses.get(loss() if isinstance(loss, type) else loss)
    assert float(losses.value(loss, vectors, p)) == pytest.approx(np.mean((vectors - p) ** 2), rel=1e-5)


@pytest.mark.parametrize(
    "loss, name",
    [("mse", "mse"), (keras.losses.mean_absolute_error, "mean_absolute_error"), (keras.losses.Huber, "huber_loss")],
)
def test_a_loss_has_a_name(loss, name):
    assert losses.name_of(loss() if isinstance(loss, type) else loss) == name


@pytest.mark.parametrize("loss", ["no_loss", 7])
def test_what_is_no_loss_is_refused(loss):
    with pytest.raises(errors.InvalidArgumentError, match=f"Expected `loss` .*Received: {loss!r}"):
        losses.name_of(loss)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", keras.losses.CategoricalCrossentropy])
def test_a_configuration_keeps_everything(loss, rng):
    p, (y, _) = outputs(rng), targets(rng)
    inner = loss if isinstance(loss, str) else loss(from_logits=True)
    one = SmoothedLoss(inner, 0.3, name="mine", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(one))
    assert isinstance(again, SmoothedLoss) and again.get_config() == one.get_config()
    assert again.name == "mine" and again.reduction == "sum" and again.label_smoothing == 0.3
    assert float(again(y, p)) == float(one(y, p))


def test_a_saved_model_trains_on_with_its_smoothed_loss(tmp_path):
    x, y = problems.data()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", SmoothedLoss("categorical_crossentropy", 0.2))
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)
    p = np.asarray(model(x))
    wanted = -((0.8 * np.eye(3)[y] + 0.2 / 3) * np.log(p)).sum(axis=1).mean()
    assert again.evaluate(x, y, verbose=0) == pytest.approx(wanted, rel=1e-5)
