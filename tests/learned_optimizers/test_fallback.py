"""The conventional optimizer that takes over."""

import keras
import pytest

from keras_hparam import errors
from keras_hparam.learned_optimizers.optimizer import LearnedOptimizer
from keras_hparam.learned_optimizers.plateau import HandOverOnPlateau
from tests.learned_optimizers.trainees import apply, assert_same, fit, network, random


@pytest.mark.parametrize("jit_compile", [True, False])
def test_after_given_steps_a_fresh_one_takes_over(jit_compile):
    fallback = keras.optimizers.Adam(0.02, weight_decay=0.3)
    model, _ = fit(random(fallback=fallback, fallback_after=3), 5, jit_compile=jit_compile)
    expected, _ = fit(random(), 3)
    expected, _ = fit(keras.optimizers.Adam(0.02, weight_decay=0.3), 2, expected)
    assert_same(model, expected)
    assert int(fallback.iterations) == 2 and bool(model.optimizer.handed_over)


def test_handing_over_retraces_nothing_and_survives_a_file(tmp_path, monkeypatch):
    traced, update_step = [], LearnedOptimizer.update_step
    monkeypatch.setattr(LearnedOptimizer, "update_step", lambda *args: traced.append(0) or update_step(*args))
    model, _ = fit(random(fallback=keras.optimizers.Adam(0.02)), 2)
    assert not bool(model.optimizer.handed_over) and traced
    del traced[:]
    model.optimizer.hand_over()
    fit(None, 1, model)
    assert int(model.optimizer.fallback.iterations) == 1 and not traced
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same(loaded.optimizer.variables, model.optimizer.variables, rtol=0, atol=0)
    assert_same(fit(None, 2, loaded)[0], fit(None, 2, model)[0])
    assert len(loaded.optimizer.variables) == len({id(v) for v in loaded.optimizer.variables})


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adamw", "adafactor", "lion", "ftrl", "muon"])
def test_conventional_optimizers_do_what_they_do_alone(name):
    options = {"exclude_layers": []} if name == "muon" else {}
    alone, fallback = (keras.optimizers.get({"class_name": name, "config": options}) for _ in range(2))
    optimizer = random(fallback=fallback)
    optimizer.hand_over()
    assert_same(apply(optimizer), apply(alone))


def test_a_plateau_hands_over():
    loss, handed_over = iter([3.0, 2.0, 2.0, 1.95, 1.0]), []

    class Logs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            handed_over.append(bool(self.model.optimizer.handed_over))
            logs["measured"] = next(loss)

    callbacks = [Logs(), HandOverOnPlateau("measured", patience=2, min_delta=0.1)]
    model, _ = fit(random(fallback="sgd"), 5, callbacks=callbacks)
    assert handed_over == [False, False, False, False, True]
    assert int(model.optimizer.fallback.iterations) == 1


def test_a_plateau_needs_an_optimizer_that_can_hand_over_and_a_value():
    for optimizer in ("sgd", random()):
        with pytest.raises(errors.InvalidArgumentError, match="LearnedOptimizer with a fallback. Received"):
            fit(optimizer, callbacks=[HandOverOnPlateau()])
    callback = HandOverOnPlateau("val_loss")
    model = network()
    model.compile(keras.optimizers.LossScaleOptimizer(random(fallback="sgd")), "mse")
    callback.set_model(model)
    callback.on_train_begin()
    with pytest.raises(errors.InvalidArgumentError, match=r"one of the logs \['loss'\]. Received: 'val_loss'"):
        callback.on_epoch_end(0, {"loss": 1.0})
    for arguments in ({"patience": 0}, {"patience": 1.5}, {"min_delta": -1}):
        with pytest.raises(errors.InvalidArgumentError, match="Received"):
            HandOverOnPlateau(**arguments)


def test_an_optimizer_that_was_used_before_cannot_take_over():
    used = keras.optimizers.SGD()
    used.build(network().trainable_variables)
    with pytest.raises(errors.InvalidArgumentError, match="not used before"):
        random(fallback=used)


def test_accumulated_and_clipped_gradients_reach_it():
    options = {"gradient_accumulation_steps": 2, "clipnorm": 0.1}
    optimizer = random(fallback="sgd", **options)
    optimizer.hand_over()
    assert_same(apply(optimizer), apply(keras.optimizers.SGD(**options)))
