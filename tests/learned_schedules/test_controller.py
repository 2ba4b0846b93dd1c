"""The controller network: normalisation, states, round trips, refusals."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_schedules.config import NETWORKS, ControllerConfig
from keras_hparam.learned_schedules.controller import Controller


def disturbed(controller, seed=0):
    """The controller with random weights, and features [5, F]."""
    rng = np.random.default_rng(seed)
    for weight in controller.trainable_weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return controller, rng.normal(size=(5, controller.num_features)).astype("float32")


@pytest.mark.parametrize("network", NETWORKS)
def test_an_untrained_controller_changes_nothing(network, rng):
    controller = Controller(ControllerConfig(network=network))
    action, _ = controller(rng.normal(size=(4, controller.num_features)), controller.initial_states(4))
    assert action.shape == (4,) and not ops.convert_to_numpy(action).any()


@pytest.mark.parametrize("network", NETWORKS)
def test_recurrent_controllers_are_keras_layers_over_decisions(network, rng):
    controller, _ = disturbed(Controller(ControllerConfig(network=network, widths=(6, 4))))
    sequence = rng.normal(size=(3, 7, controller.num_features)).astype("float32")  # [B, decisions, F]
    states, found = controller.initial_states(3), []
    for t in range(7):
        action, states = controller(sequence[:, t], states)
        found.append(ops.convert_to_numpy(action))
    if network == "mlp":
        x = sequence
        for layer in controller.hidden:
            x = np.tanh(x @ layer.kernel.numpy() + layer.bias.numpy())
    else:
        x = np.tanh(sequence @ controller.hidden[0].kernel.numpy() + controller.hidden[0].bias.numpy())
        x = ops.convert_to_numpy(keras.layers.RNN(controller.cell, return_sequences=True)(x))
    expected = x @ controller.head.kernel.numpy() + controller.head.bias.numpy()
    np.testing.assert_allclose(np.array(found).T, expected[..., 0], rtol=1e-3, atol=1e-4)


def test_features_are_normalised_by_all_that_were_absorbed(rng):
    controller = Controller()
    parts = [rng.normal(3.0, size, (n, 2, controller.num_features)) for n, size in ((5, 1.0), (1, 4.0), (30, 0.1))]
    for part in parts:
        controller.absorb(part)
    rows = np.concatenate([part.reshape(-1, controller.num_features) for part in parts])
    np.testing.assert_allclose(controller.mean, rows.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(controller.variance, rows.var(axis=0), rtol=1e-3)
    normalized = ops.convert_to_numpy(controller.normalize(rows.astype("float32")))
    np.testing.assert_allclose([normalized.mean(), normalized.std()], [0.0, 1.0], atol=2e-2)
    assert float(ops.max(ops.abs(controller.normalize(1e6 * np.ones((1, controller.num_features)))))) == 10.0


@pytest.mark.parametrize("network", NETWORKS)
def test_a_controller_is_saved_with_its_normalisation(network, tmp_path, rng):
    controller, features = disturbed(Controller(ControllerConfig(network=network, features=("rate", "training_loss"))))
    controller.absorb(rng.normal(2.0, 3.0, (20, controller.num_features)))
    controller.save(tmp_path / "controller.keras")
    again = keras.saving.load_model(tmp_path / "controller.keras")
    states = controller.initial_states(5)
    np.testing.assert_array_equal(again(features, states)[0], controller(features, states)[0])
    assert again.config == controller.config and float(again.seen) == 20


@pytest.mark.parametrize(
    "name, value",
    [
        ("features", ()), ("features", ("loss",)), ("features", ("rate", "rate")), ("features", "rate"),
        ("network", "rnn"), ("widths", ()), ("widths", (0,)), ("widths", 3), ("action", "add"), ("base", "step"),
        ("largest_change", 0), ("clip", float("inf")), ("smoothing", 1.0), ("smoothing", True),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(errors.InvalidArgumentError, match=f"Expected `{name}` to be .* Received: "):
        ControllerConfig(**{name: value})
    with pytest.raises(errors.InvalidArgumentError, match="fields"):
        ControllerConfig.from_dict({"feature": name})
    with pytest.raises(errors.InvalidArgumentError, match="`config` to be a ControllerConfig"):
        Controller("mlp")
