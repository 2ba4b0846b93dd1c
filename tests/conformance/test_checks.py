"""The checks themselves: each fails for the fault that it is there to find, and passes a layer without it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_hparam import errors, testing

X = np.linspace(-1.0, 1.0, 8, dtype="float32").reshape(4, 2)
TARGETS = np.zeros((4, 3), "float32")


class Projection(keras.layers.Layer):
    """x [B, 2] to x·w [B, 3]; the base of faulty layers."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="ones", name="w")

    def call(self, x):
        return ops.matmul(x, self.w)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


register = keras.saving.register_keras_serializable(package="tests_conformance")


@register
class Sound(Projection):
    """No fault."""


class Unregistered(Projection):
    """Keras cannot find it."""


@register
class Forgetful(Projection):
    """Its configuration lacks its size."""

    def get_config(self):
        return keras.layers.Layer.get_config(self)


@register
class NotJson(Projection):
    """Its configuration holds an object."""

    def get_config(self):
        return {**super().get_config(), "units": object()}


@register
class HiddenState(Projection):
    """A number that is neither a weight nor in the configuration."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.hidden = float(np.random.default_rng().normal())

    def call(self, x):
        return super().call(x) + self.hidden


@register
class PythonOperation(Projection):
    """Leaves the graph, where XLA cannot follow."""

    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(np.sin, [super().call(x)], x.dtype), (None, self.units))


@register
class PerReplica(Projection):
    """Scales by the number of the replica."""

    def call(self, x):
        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        return super().call(x) * (1.0 + tf.cast(replica, "float32"))


@register
class Centred(Projection):
    """Centres by the mean of the rows, which are others on each replica."""

    def call(self, x):
        return super().call(ops.square(x - ops.mean(x, axis=0)))


@register
class LowPrecisionWeights(Projection):
    """Keeps its weights in bfloat16."""

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="ones", name="w", dtype=self.compute_dtype
        )


@register
class Overflowing(Projection):
    """Infinite in bfloat16 alone."""

    def call(self, x):
        y = super().call(x)
        return y / ops.cast(0.0, y.dtype) if y.dtype == "bfloat16" else y


@register
class Inaccurate(Projection):
    """Rounds away what matters in bfloat16 alone."""

    def call(self, x):
        y = super().call(x)
        return y + ops.cast(300.7, y.dtype) - ops.cast(300.0, y.dtype) - ops.cast(0.7, y.dtype)


@register
class DeafSublayer(Projection):
    """Its sublayer follows the global policy, not its own."""

    def build(self, input_shape):
        self.inner = keras.layers.Dense(self.units, name="inner")
        self.inner.build(input_shape)

    def call(self, x):
        return self.inner(x)


def test_a_sound_layer_passes(tmp_path):
    testing.check_config_round_trip(Sound(), X)
    testing.check_save_and_load(Sound(), X, tmp_path / "model.keras")
    testing.check_xla(Sound(), X)
    testing.check_mixed_precision(Sound, X, "bfloat16")
    assert keras.config.dtype_policy().name == "float32"


def test_a_sound_layer_passes_on_two_replicas(logical_cpus):
    testing.check_two_replicas(Sound, X, TARGETS)


@pytest.mark.parametrize(
    "layer, message",
    [(Unregistered, "register_keras_serializable"), (Forgetful, "expected variables"), (NotJson, "JSON values"),
     (HiddenState, "within 1e-06")],
)  # fmt: skip
def test_configurations_that_do_not_round_trip(layer, message):
    with pytest.raises(AssertionError, match=message):
        testing.check_config_round_trip(layer(5), X)


@pytest.mark.parametrize("layer, message", [(Unregistered, "loaded from it"), (HiddenState, "loaded from a file")])
def test_files_that_do_not_give_back_the_layer(layer, message, tmp_path):
    with pytest.raises(AssertionError, match=message):
        testing.check_save_and_load(layer(), X, tmp_path / "model.keras")


@pytest.mark.parametrize(
    "call, message",
    [(PythonOperation(), "expected XLA to compile it"), (lambda x: x + tf.random.uniform((4, 2)), "under XLA")],
)
def test_calls_that_xla_changes(call, message):
    with pytest.raises(AssertionError, match=message):
        testing.check_xla(call, X)


@pytest.mark.parametrize(
    "make, message",
    [(LowPrecisionWeights, "float32 variables"), (Overflowing, "finite"), (Inaccurate, "within 0.1"),
     (DeafSublayer, "where the global policy is float32"), (lambda: Sound(dtype="float32"), "bfloat16 outputs")],
)  # fmt: skip
def test_layers_that_mixed_precision_breaks(make, message):
    with pytest.raises(AssertionError, match=message):
        testing.check_mixed_precision(make, X, "bfloat16")
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("layer", [PerReplica, Centred])
def test_layers_that_replicas_change(layer, logical_cpus):
    with pytest.raises(AssertionError, match="Weight .* on replica"):
        testing.check_two_replicas(layer, X, TARGETS)


def test_a_sum_over_rows_is_no_loss_for_replicas(logical_cpus):
    with pytest.raises(AssertionError, match="Weight .* on replica"):
        testing.check_two_replicas(Sound, X, TARGETS, loss=lambda y, t: ops.sum(ops.square(y - t)))


def test_a_step_that_changes_nothing_shows_nothing(logical_cpus):
    with pytest.raises(AssertionError, match="to change a weight"):
        testing.check_two_replicas(Sound, X, TARGETS, learning_rate=0.0)


def test_rows_must_be_even_and_the_same(logical_cpus):
    for inputs, targets in ((X[:3], TARGETS[:3]), (X, TARGETS[:2])):
        with pytest.raises(errors.InvalidArgumentError, match="even number of rows"):
            testing.check_two_replicas(Sound, inputs, targets)


def test_one_cpu_is_not_enough(monkeypatch):
    one = tf.config.list_logical_devices("CPU")[:1]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: one)
    with pytest.raises(errors.UnavailableError, match="set_logical_device_configuration"):
        testing.check_two_replicas(Sound, X, TARGETS)
