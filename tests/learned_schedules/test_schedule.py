"""The schedule by itself: rates, bounds, the cap, decisions, state, refusals."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_schedules import LearnedSchedule, TrainingDynamics, decisions, observation, weights
from keras_hparam.learned_schedules.observation import Measurements
from tests.learned_schedules import trainings

MEASURED = {
    "training_loss": 1.0, "validation_loss": 1.2, "layer_mean": 0.1, "layer_variance": 0.5, "outputs_before": 0.1,
    "outputs_after": 0.2, "outputs_change": 0.05,
}  # fmt: skip


def schedule(rate=0.1, **arguments):
    return LearnedSchedule(rate, trainings.controller(**arguments.pop("config", {})), **arguments)


def drift(step):
    return {name: value * (1 + 0.1 * step) for name, value in MEASURED.items()}


def test_it_begins_with_the_given_rate_and_reading_never_changes_it():
    one = schedule(0.03)
    optimizer = keras.optimizers.SGD(one)
    assert [float(optimizer.learning_rate) for _ in range(3)] == pytest.approx([0.03] * 3)


def test_decisions_are_those_of_the_pure_functions():
    one = schedule(0.1, config={"network": "gru"})
    config, memory = one.controller.config, observation.initial_state(one.controller.config)
    one.begin(0, 100)
    states, rate = one.controller.initial_states(1), 0.1
    for step in (10, 20, 30):
        measured = {name: ops.convert_to_tensor(value, "float32") for name, value in drift(step).items()}
        measured = Measurements(rate=ops.convert_to_tensor(rate, "float32"), **measured)
        features, memory = observation.observe(config, memory, measured, step / 100)
        action, states = one.controller(features[None], states)
        rate = float(decisions.next_rate(config, rate, 0.1, action[0]))
        assert float(one.update(step, **drift(step))) == pytest.approx(rate, rel=1e-5)
    assert rate != pytest.approx(0.1, rel=0.05)
    assert float(one(30)) == pytest.approx(rate, rel=1e-5)


def test_a_cosine_base_is_known_between_begin_and_total():
    one = schedule(0.2, config={"base": "cosine"}, cap=None)
    assert float(one(0)) == pytest.approx(0.2)
    one.attach(keras.optimizers.SGD(one))
    one.begin(40, 100)
    assert float(one(40)) == pytest.approx(0.2)
    assert float(one(90)) == pytest.approx(0.2 * 0.5 * (1 + math.cos(math.pi * 0.5)))
    assert 0 < float(one(140)) < 1e-4


def test_the_users_bounds_hold():
    one = schedule(0.1, lowest=0.05, highest=0.15, config={"scale": 30.0})
    for step in range(10, 100, 10):
        assert 0.05 - 1e-6 <= float(one.update(step, **drift(step))) <= 0.15 + 1e-6
    assert float(schedule(5.0, highest=1.0)(0)) == 1.0


def test_a_cut_lowers_the_rate_to_a_tenth():
    one = schedule(0.1)
    one.cut()
    assert float(one(0)) == pytest.approx(0.01)


@pytest.mark.parametrize("network", ["mlp", "gru", "lstm"])
def test_a_configuration_keeps_everything(network):
    one = schedule(0.1, config={"network": network}, every=20, lowest=1e-4, highest=2.0, cap=0.1)
    one.begin(5, 200)
    one.update(10, **drift(10))
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(one))
    assert again.get_config() == one.get_config()
    assert float(again.update(20, **drift(20))) == float(one.update(20, **drift(20)))


def test_a_snapshot_of_another_controller_is_refused():
    content = schedule(config={"network": "gru"}).state.to_bytes()
    with pytest.raises(errors.CorruptFileError, match="a schedule's variables"):
        schedule().state.from_bytes(content)
    with pytest.raises(errors.CorruptFileError):
        schedule().state.from_bytes(content[:100])


@pytest.mark.parametrize("arguments, message", [
    ({"rate": 0.0}, "`initial_learning_rate`"), ({"rate": -1.0}, "`initial_learning_rate`"),
    ({"rate": math.nan}, "`initial_learning_rate`"), ({"every": 0}, "`every`"), ({"every": 2.5}, "`every`"),
    ({"lowest": -1.0}, "`lowest`"), ({"lowest": 0.5, "highest": 0.1}, "`highest`"), ({"cap": 0.0}, "`cap`"),
])  # fmt: skip
def test_what_is_out_of_range_is_named(arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        schedule(**arguments)


def test_an_unknown_controller_is_named():
    with pytest.raises(errors.InvalidArgumentError, match="no-such-controller"):
        LearnedSchedule(0.1, "no-such-controller")


def test_weights_of_something_else_are_refused():
    with pytest.raises(errors.CorruptFileError):
        LearnedSchedule(0.1, "learned-nn")


def test_a_missing_measurement_is_named():
    with pytest.raises(errors.InvalidArgumentError, match="layer_mean"):
        schedule().update(10, **{k: v for k, v in MEASURED.items() if k != "layer_mean"})


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_training_without_the_callback_is_refused(run_eagerly):
    model = trainings.network(keras.optimizers.SGD(schedule()), run_eagerly=run_eagerly)
    with pytest.raises(errors.InvalidArgumentError, match="TrainingDynamics"):
        model.fit(*trainings.data(), batch_size=32, epochs=2, verbose=0)


def test_a_model_that_was_saved_before_a_decision_tells_its_rate(tmp_path):
    one = schedule(0.1, every=1000, cap=None)
    model = trainings.network(keras.optimizers.SGD(one, momentum=0.9))
    dynamics = TrainingDynamics(one, validation_data=trainings.data(1))
    model.fit(*trainings.data(), batch_size=32, epochs=1, verbose=0, callbacks=[dynamics])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.learning_rate) == pytest.approx(0.1)
    with pytest.raises(errors.InvalidArgumentError, match="TrainingDynamics"):
        loaded.fit(*trainings.data(), epochs=1, verbose=0)


def test_a_custom_loop_attaches_and_feeds_it():
    one = schedule(0.1, config={"base": "cosine"})
    optimizer = keras.optimizers.SGD(one, momentum=0.9)
    weight = keras.Variable([2.0, -1.0])
    optimizer.build([weight])
    one.attach(optimizer)
    one.begin(0, 30)
    rates = []
    for step in range(1, 31):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([0.01 * weight], [weight])
        if step % 10 == 0:
            one.update(step, **drift(step))
    assert rates[0] == pytest.approx(0.1) and rates[29] < rates[19] < rates[0]


def limited_steps(optimizer_of, cap, scale=1.0, steps=6):
    """Relative lengths of updates of a variable with steep gradients."""
    one = schedule(10.0, cap=cap)
    optimizer, weight = optimizer_of(one), keras.Variable(np.linspace(1.0, 2.0, 4))
    optimizer.build([weight])
    one.attach(optimizer, first_length=scale)
    found = []
    for _ in range(steps):
        before = ops.convert_to_numpy(weight).copy()
        optimizer.apply([scale * ops.ones((4,)) / 2], [weight])
        found.append(np.linalg.norm(ops.convert_to_numpy(weight) - before) / np.linalg.norm(before))
    return np.array(found), one


def test_the_cap_holds_for_sgd_with_momentum_and_what_it_takes_stays_taken():
    found, one = limited_steps(lambda s: keras.optimizers.SGD(s, momentum=0.9), cap=0.01, scale=3.0)
    assert found[0] == pytest.approx(0.01, rel=1e-4)
    assert found.max() < 0.03  # a velocity lasts longer than the rate that it came from
    assert found[-1] < found[-2] < found[-3]
    assert float(one.state.values["rate"]) < 10.0


def test_the_cap_holds_for_adam():
    found, _ = limited_steps(keras.optimizers.Adam, cap=0.02, scale=2.0)
    np.testing.assert_allclose(found, 0.02, rtol=0.05)


def test_without_a_cap_rates_are_the_users():
    one = schedule(10.0, cap=None)
    optimizer, weight = keras.optimizers.SGD(one, momentum=0.9), keras.Variable([1.0])
    optimizer.build([weight])
    one.attach(optimizer)
    assert float(optimizer.learning_rate) == 10.0


def test_the_rate_of_a_step_is_the_same_however_often_it_is_read():
    def course(reads):
        one = schedule(1.0, cap=0.01)
        optimizer, weight = keras.optimizers.SGD(one, momentum=0.9), keras.Variable([1.0, 2.0])
        optimizer.build([weight])
        one.attach(optimizer, first_length=1.0)
        for _ in range(5):
            for _ in range(reads):
                float(optimizer.learning_rate), float(one(100)), float(one(0))
            optimizer.apply([ops.ones((2,))], [weight])
        return ops.convert_to_numpy(weight)

    np.testing.assert_array_equal(course(0), course(3))


def test_controllers_are_texts_and_files_and_themselves_again(tmp_path):
    made = trainings.controller("lstm")
    weights.save(tmp_path / "c", made, seed=0)
    for again in (weights.load(tmp_path / "c"), weights.from_text(weights.to_text(made))):
        assert again.config == made.config
        for one, other in zip(again.weights, made.weights, strict=True):
            np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


@pytest.mark.parametrize("text", ["", "{}", '{"config": {}, "weights": "AAAA"}'])
def test_other_texts_are_refused(text):
    with pytest.raises(errors.CorruptFileError):
        weights.from_text(text)
