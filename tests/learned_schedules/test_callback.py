"""The callback in `fit`: decisions, files, kills, divergence, several devices, other forms of training."""

import functools
import logging
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.distribute import strategies
from keras_hparam.learned_schedules import ControllerConfig, LearnedSchedule, TrainingDynamics
from keras_hparam.learned_schedules.controller import Controller
from tests.learned_schedules import trainings

OPTIMIZERS = {
    "sgd": keras.optimizers.SGD, "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam, "lion": keras.optimizers.Lion,
}  # fmt: skip
X, Y = trainings.data()
VALIDATION = trainings.data(seed=1, number=40)


def make(optimizer="momentum", rate=0.05, every=4, network="mlp", arguments=None, **options):
    schedule = LearnedSchedule(rate, trainings.controller(network, base="cosine"), every=every, **options)
    model = trainings.network(OPTIMIZERS[optimizer](schedule), **(arguments or {}))
    return model, schedule, TrainingDynamics(schedule, validation_data=VALIDATION)


def fit(model, *callbacks, epochs=4, x=X, y=Y, **arguments):
    return model.fit(
        x, y, **{"batch_size": 16, "epochs": epochs, "verbose": 0, "shuffle": False, "callbacks": list(callbacks),
                 **arguments}
    )  # fmt: skip


def variables_of(model):
    return [ops.convert_to_numpy(v) for v in [*model.variables, *model.optimizer.variables]]


def assert_equal_variables(model, other, **tolerance):
    for one, two in zip(variables_of(model), variables_of(other), strict=True):
        np.testing.assert_allclose(one, two, **{"rtol": 0, "atol": 0, **tolerance})


@pytest.mark.parametrize(
    "optimizer, jit",
    [*((name, False) for name in OPTIMIZERS), *((name, True) for name in ("sgd", "momentum", "adam", "lion"))],
)
def test_it_drives_each_optimizer(optimizer, jit):
    model, schedule, dynamics = make(optimizer, 0.01, arguments={"jit_compile": jit})
    history = fit(model, dynamics).history
    assert dynamics.history["step"] == [4, 8, 12, 16, 20, 24]
    rates = np.array(dynamics.history["learning_rate"])
    assert len(set(rates.tolist())) == 6 and np.isfinite(rates).all() and (rates > 0).all()
    assert history["loss"][-1] < history["loss"][0]
    assert history["learning_rate"][-1] == pytest.approx(float(model.optimizer.learning_rate))


def test_what_is_measured_is_what_it_says():
    """Losses, outputs and the layer at the second decision, computed from models that stopped there."""
    model, _, dynamics = make(every=3, cap=None)
    fit(model, dynamics, epochs=2)
    states = {}

    class Keep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            states.setdefault(batch + 1, (self.model.get_weights(), logs["loss"] * (batch + 1)))

    again, _, repeated = make(every=3, cap=None)
    fit(again, Keep(), repeated, epochs=2)
    found = {name: values[1] for name, values in dynamics.history.items()}
    assert found["training_loss"] == pytest.approx((states[6][1] - states[3][1]) / 3, rel=1e-4)
    outputs = []
    for step in (3, 6):
        again.set_weights(states[step][0])
        outputs.append(again.predict(VALIDATION[0], verbose=0))
    loss = -np.mean(np.log(outputs[1][np.arange(40), VALIDATION[1]]))
    kernel = again.get_layer("last").get_weights()[0]
    expected = {
        "validation_loss": loss, "outputs_before": outputs[0].var(), "outputs_after": outputs[1].var(),
        "outputs_change": (outputs[1] - outputs[0]).var(), "layer_mean": kernel.mean(), "layer_variance": kernel.var(),
    }  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-3), name


@pytest.mark.parametrize("network", ["mlp", "lstm"])
def test_a_training_that_stops_and_resumes_is_one_that_never_stopped(tmp_path, network):
    whole, _, dynamics = make(network=network, every=5)
    fit(whole, dynamics, epochs=6)

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise KeyboardInterrupt

    parts = []
    for callbacks in ([Stop()], []):
        model, _, dynamics = make(network=network, every=5)
        parts.append(dynamics)
        try:
            fit(model, dynamics, keras.callbacks.BackupAndRestore(tmp_path / "backup"), *callbacks, epochs=6)
        except KeyboardInterrupt:
            pass
    assert_equal_variables(model, whole)
    assert parts[0].history["step"] + parts[1].history["step"] == list(range(5, 37, 5))


def test_a_saved_model_goes_on_exactly(tmp_path):
    whole, _, dynamics = make(every=5)
    fit(whole, dynamics, epochs=6)
    model, _, dynamics = make(every=5)

    class Save(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                self.model.save(tmp_path / "model.keras")

    fit(model, dynamics, Save(), epochs=6)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    schedule = loaded.optimizer._learning_rate
    assert isinstance(schedule, LearnedSchedule) and float(schedule.state.memory["decisions"]) == 3
    assert float(loaded.optimizer.learning_rate) > 0
    fit(loaded, TrainingDynamics(validation_data=VALIDATION), epochs=6, initial_epoch=3)
    assert_equal_variables(loaded, whole)


def test_weights_of_a_checkpoint_bring_the_schedule_along(tmp_path):
    model, schedule, dynamics = make()
    path = tmp_path / "best.weights.h5"
    fit(model, dynamics, keras.callbacks.ModelCheckpoint(path, save_weights_only=True))
    again, other, dynamics = make()
    dynamics.set_model(again)
    again.optimizer.build(again.trainable_variables)
    again.load_weights(path)
    assert other.get_config() == schedule.get_config()


def test_weights_without_a_schedule_are_said(tmp_path, caplog):
    model, _, _ = make()
    model.save_weights(tmp_path / "plain.weights.h5")
    again, _, dynamics = make()
    dynamics.set_model(again)
    with caplog.at_level(logging.WARNING):
        again.load_weights(tmp_path / "plain.weights.h5")
    assert "plain.weights.h5.schedule.npz is missing" in caplog.text


def test_another_fit_is_another_training():
    model, schedule, dynamics = make(cap=None)
    fit(model, dynamics)
    rates = dynamics.history["learning_rate"][:6]
    assert schedule.state.number("rate") != pytest.approx(0.05, rel=1e-2)
    fit(model, dynamics)
    assert schedule.state.number("start") == 24 and len(dynamics.history["step"]) == 12
    assert dynamics.history["learning_rate"][6] == pytest.approx(rates[0], rel=0.8)
    assert float(schedule.state.memory["decisions"]) == 6


def test_several_steps_at_once_and_gradient_accumulation():
    model, _, dynamics = make(arguments={"steps_per_execution": 2})
    fit(model, dynamics)
    assert dynamics.history["step"] == [4, 8, 12, 16, 20, 24]
    one_by_one, _, dynamics = make()
    fit(one_by_one, dynamics)
    assert_equal_variables(model, one_by_one, rtol=1e-4, atol=1e-6)
    schedule = LearnedSchedule(0.05, trainings.controller(), every=4)
    model = trainings.network(keras.optimizers.Adam(schedule, gradient_accumulation_steps=2))
    dynamics = TrainingDynamics(schedule, validation_data=VALIDATION)
    assert np.isfinite(fit(model, dynamics).history["loss"]).all() and len(dynamics.history["step"]) == 6


def test_every_has_to_fit_the_steps_of_an_execution():
    model, _, dynamics = make(every=3, arguments={"steps_per_execution": 2})
    with pytest.raises(errors.InvalidArgumentError, match="`every` to be a multiple"):
        fit(model, dynamics)


def test_the_default_makes_forty_decisions():
    model, _, dynamics = make(every=None)
    fit(model, dynamics, epochs=82)
    assert dynamics.every == 12 and len(dynamics.history["step"]) == 41


def test_validation_data_that_are_needed_are_asked_for():
    model, schedule, _ = make()
    with pytest.raises(errors.InvalidArgumentError, match="`validation_data`.*outputs_after"):
        fit(model, TrainingDynamics(schedule))


def test_a_controller_without_such_features_needs_none():
    config = ControllerConfig(features=("rate", "training_loss", "layer"), widths=(4,))
    schedule = LearnedSchedule(0.05, Controller(config), every=4)
    dynamics = TrainingDynamics(schedule)
    fit(trainings.network(keras.optimizers.SGD(schedule, momentum=0.9)), dynamics)
    assert set(dynamics.history) == {"step", "learning_rate", "training_loss", "layer_mean", "layer_variance"}


def test_another_schedule_and_another_layer_are_refused():
    model, schedule, _ = make()
    with pytest.raises(errors.InvalidArgumentError, match="`schedule` of TrainingDynamics"):
        fit(model, TrainingDynamics(make()[1], validation_data=VALIDATION))
    with pytest.raises(errors.InvalidArgumentError, match="`schedule` of TrainingDynamics"):
        fit(trainings.network("sgd"), TrainingDynamics(validation_data=VALIDATION))
    with pytest.raises(errors.InvalidArgumentError, match="`layer`.*'last'"):
        fit(model, TrainingDynamics(schedule, validation_data=VALIDATION, layer="first"))


def test_a_loss_that_is_not_finite_is_recovered_from(caplog):
    x = X.copy()
    model, schedule, dynamics = make(every=3)

    class Break(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if len(dynamics.history["step"]) == 2 and not self.broken:
                self.broken = True
                self.model.layers[0].kernel.assign(np.full((6, 8), np.nan))

        broken = False

    dynamics.history["step"] = []
    rates = []
    with caplog.at_level(logging.WARNING):
        history = fit(model, Break(), dynamics, x=x, epochs=5).history
    rates = dynamics.history["learning_rate"]
    assert caplog.text.count("no longer finite") == 1
    assert rates[2] < 0.2 * rates[1]
    assert np.isnan(dynamics.history["training_loss"][2]) and np.isfinite(dynamics.history["training_loss"][3:]).all()
    assert all(np.isfinite(v).all() for v in variables_of(model))
    assert np.isfinite(history["loss"][-1]) and history["loss"][-1] < math.log(3)


def test_datasets_sample_weights_and_logits():
    import tensorflow as tf

    logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    schedule = LearnedSchedule(0.05, trainings.controller(), every=4)
    layers = [keras.layers.Input((6,)), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(schedule), loss=logits)
    weight = np.linspace(0.5, 1.5, 40).astype("float32")
    validation = tf.data.Dataset.from_tensor_slices((*VALIDATION, weight)).batch(16)
    dynamics = TrainingDynamics(schedule, validation_data=validation, examples=30)
    fit(model, dynamics, x=tf.data.Dataset.from_tensor_slices((X, Y)).batch(16), y=None, batch_size=None)
    assert 0 < dynamics.history["outputs_after"][-1] < 0.25  # probabilities, not logits
    assert len(dynamics._probe.examples[0]) == 30 and len(dynamics._probe.examples[2]) == 30


def test_a_training_of_unknown_length_has_no_cosine():
    import tensorflow as tf

    model, schedule, dynamics = make(every=4)
    examples = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    unknown = tf.data.Dataset.from_generator(lambda: iter(examples), output_signature=examples.element_spec)
    fit(model, dynamics, x=unknown, y=None, batch_size=None)
    # Keras counts a step more at the end of each epoch of unknown length; decisions go by the batches.
    assert len(dynamics.history["step"]) == 6 and schedule.state.number("total") == 0
    assert float(schedule(10**6)) == pytest.approx(schedule.state.number("rate"))


def test_several_outputs_keep_their_metrics():
    inputs = keras.Input((6,))
    outputs = {"a": keras.layers.Dense(3, "softmax", name="a")(inputs), "b": keras.layers.Dense(1, name="b")(inputs)}
    schedule = LearnedSchedule(0.01, trainings.controller(), every=2)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(schedule), loss={"a": "sparse_categorical_crossentropy", "b": "mse"})
    targets = {"a": Y, "b": X[:, :1]}
    validation = VALIDATION[0], {"a": VALIDATION[1], "b": VALIDATION[0][:, :1]}
    history = fit(model, TrainingDynamics(schedule, validation_data=validation), y=targets, epochs=1).history
    assert history["loss"][0] == pytest.approx(history["a_loss"][0] + history["b_loss"][0], rel=1e-5)


def test_mixed_precision_with_loss_scaling():
    schedule = LearnedSchedule(0.01, trainings.controller(), every=4)
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(schedule))
    dynamics = TrainingDynamics(schedule, validation_data=VALIDATION)
    history = fit(trainings.network(optimizer), dynamics).history
    assert np.isfinite(history["loss"]).all() and len(set(dynamics.history["learning_rate"])) == 6


def test_rates_are_logged_for_tensorboard(tmp_path):
    model, schedule, _ = make()
    fit(model, TrainingDynamics(schedule, validation_data=VALIDATION, log_dir=tmp_path))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Scalars("learning_rate")] == [4, 8, 12, 16, 20, 24]


@functools.cache
def trained_alone(optimizer):
    """(model, callback) of a training on one device."""
    model, _, dynamics = make(optimizer, 0.05)
    fit(model, dynamics, epochs=3)
    return model, dynamics


@pytest.mark.parametrize(
    "optimizer, made_inside", [("momentum", False), ("momentum", True), ("adam", False), ("sgd", True)]
)
def test_two_replicas_equal_one(optimizer, made_inside, logical_cpus):
    one, alone = trained_alone(optimizer)
    strategy = strategies.mirrored(*logical_cpus)
    schedule = LearnedSchedule(0.05, trainings.controller(base="cosine"), every=4)
    with strategy.scope():
        if made_inside:
            schedule = LearnedSchedule(0.05, trainings.controller(base="cosine"), every=4)
        model = trainings.network(OPTIMIZERS[optimizer](schedule))
    both = TrainingDynamics(schedule, validation_data=VALIDATION)
    fit(model, both, epochs=3)
    np.testing.assert_allclose(both.history["learning_rate"], alone.history["learning_rate"], rtol=1e-3)
    for a, b in zip(model.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
