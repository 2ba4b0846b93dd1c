"""Costs in the logs of a training run."""

import time

import keras
import numpy as np
import pytest
from keras import layers

from keras_hparam import errors
from keras_hparam.costs import callback
from keras_hparam.costs.callback import COSTS, Costs

X, Y = np.zeros((8, 6), "float32"), np.zeros((8, 3), "float32")
PARAMETERS = (6 * 4 + 4) + 4 * 4 + (4 * 3 + 3)  # Dense, BatchNormalization (half of it not trainable), Dense


class Clock(keras.callbacks.Callback):
    """A clock that stands still but for what training, validation and other callbacks take."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def on_train_batch_begin(self, batch, logs=None):
        self.now += 1.0

    def on_test_begin(self, logs=None):
        self.now += 100.0

    def on_epoch_end(self, epoch, logs=None):
        self.now += 10000.0


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(callback, "time", clock)
    return clock


def fit(*callbacks, with_input=True, **kwargs):
    first = [keras.Input((6,))] if with_input else []
    model = keras.Sequential([*first, layers.Dense(4), layers.BatchNormalization(), layers.Dense(3)])
    model.compile("sgd", "mse", run_eagerly=True)
    kwargs = {"epochs": 2, "batch_size": 4, "validation_data": (X, Y), "verbose": 0} | kwargs
    return model.fit(X, Y, callbacks=list(callbacks), **kwargs).history


@pytest.mark.parametrize("with_input", [True, False])
def test_parameters_and_flops_are_in_every_epoch(with_input):
    history = fit(Costs(), with_input=with_input)
    assert history["parameters"] == [PARAMETERS] * 2
    assert history["flops"] == [2 * (6 * 4 + 4 * 3)] * 2
    assert {"val_loss", *COSTS} <= set(history)


def test_seconds_are_those_of_training_alone(clock):
    assert fit(Costs("train_seconds"), clock)["train_seconds"] == [2.0, 4.0]  # two batches per epoch
    assert fit(Costs("train_seconds"), clock, validation_data=None)["train_seconds"] == [2.0, 4.0]


def test_a_callback_starts_anew_in_every_fit(clock):
    costs = Costs(["train_seconds"])
    assert fit(costs, clock, epochs=3)["train_seconds"] == [2.0, 4.0, 6.0]
    assert fit(costs, clock, epochs=1)["train_seconds"] == [2.0]


def test_seconds_of_a_real_clock_add_up():
    began = time.perf_counter()
    first, second = fit(Costs("train_seconds"))["train_seconds"]
    assert 0 < first < second < time.perf_counter() - began


def test_only_what_is_asked_for_is_measured():
    history = fit(Costs("parameters"))
    assert "parameters" in history and not {"train_seconds", "flops"} & set(history)
    for measures in ((), ("flop",), "seconds"):
        with pytest.raises(errors.InvalidArgumentError, match="measures.*Received"):
            Costs(measures)


def test_flops_that_cannot_be_counted_end_the_run_before_it_begins():
    model = keras.Sequential([keras.Input((None, 3)), layers.GlobalMaxPooling1D()])
    model.compile("sgd", "mse")
    with pytest.raises(errors.UnavailableError, match="Received"):
        model.fit(np.zeros((8, 5, 3)), np.zeros((8, 3)), callbacks=[Costs()], verbose=0)
    assert int(model.optimizer.iterations) == 0
