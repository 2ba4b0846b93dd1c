"""The controller that comes with the package: that it is there, what made it, and that it is worth having."""

import pathlib

import keras
import pytest
from sklearn.datasets import load_digits

import keras_hparam as kh
from keras_hparam import checkpoints
from keras_hparam.learned_schedules import Controller, ControllerConfig, weights

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "schedule-controller"


def test_the_manifest_says_what_made_it():
    facts = checkpoints.load_weights(NAME, kind="schedule_controller").manifest["training"]
    assert (ROOT / facts["flag_file"]).exists() and facts["name"] == NAME
    assert facts["figures"]["score"] < facts["figures"]["first_score"] - 0.2
    assert weights.load(NAME).config.base == "cosine"


def test_digits_and_breast_cancer_are_not_among_its_tasks():
    facts = checkpoints.load_weights(NAME, kind="schedule_controller").manifest["training"]
    assert not {"digits", "fashion_mnist", "breast_cancer"} & set(facts["sources"])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_rate_that_is_thirty_times_too_small_is_raised(seed):
    """Validation loss on digits after 20 epochs, beside the same start with the cosine alone."""
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16.0).astype("float32"), y
    losses = {}
    for name, controller in {"learned": NAME, "cosine": Controller(ControllerConfig(base="cosine"))}.items():
        keras.utils.set_random_seed(seed)
        layers = [keras.layers.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")]
        model, schedule = keras.Sequential(layers), kh.schedules.LearnedSchedule(0.05 / 30, controller)
        model.compile(keras.optimizers.SGD(schedule, momentum=0.9), "sparse_categorical_crossentropy")
        validation = x[1000:1400], y[1000:1400]
        dynamics = kh.callbacks.TrainingDynamics(schedule, validation_data=validation)
        model.fit(x[:1000], y[:1000], batch_size=64, epochs=25, verbose=0, callbacks=[dynamics])
        losses[name] = model.evaluate(*validation, verbose=0)
    assert losses["learned"] < 0.5 * losses["cosine"]
