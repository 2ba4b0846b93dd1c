"""Every public optimizer of the package passes every check, and the checks find what they are there to find."""

import inspect

import keras
import numpy as np
import pytest

from keras_hparam import optimizers
from tests.conformance import optimizers as conformance

SINGLE = {
    "config_round_trip": lambda make, path: conformance.check_config_round_trip(make),
    "save_and_load": conformance.check_save_and_load,
    "xla": lambda make, path: conformance.check_xla(make),
    "mixed_precision": lambda make, path: conformance.check_mixed_precision(make),
}


class Momentum(keras.optimizers.Optimizer):
    """Gradient descent with momentum, without a fault; the base of faulty ones."""

    def __init__(self, learning_rate=0.1, decay_rate=0.9, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.decay_rate = decay_rate

    def build(self, variables):
        super().build(variables)
        self.momenta = [self.add_variable_from_reference(variable, "momentum") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        momentum = self.momenta[self._get_variable_index(variable)]
        self.assign(momentum, self.decay_rate * momentum + gradient)
        self.assign_sub(variable, keras.ops.cast(learning_rate, variable.dtype) * momentum)

    def get_config(self):
        return {**super().get_config(), "decay_rate": self.decay_rate}


register = keras.saving.register_keras_serializable(package="tests_conformance_optimizers")
register(Momentum)


@register
class Forgetful(Momentum):
    """Its configuration lacks its decay."""

    def get_config(self):
        return keras.optimizers.Optimizer.get_config(self)


@register
class Untracked(Momentum):
    """Its momenta are no variables of it, and are not saved."""

    def build(self, variables):
        keras.optimizers.Optimizer.build(self, variables)
        self.__dict__["momenta"] = [keras.Variable(np.zeros(variable.shape), dtype="float32") for variable in variables]


@register
class HalfPrecision(Momentum):
    """Its momenta are bfloat16."""

    def build(self, variables):
        keras.optimizers.Optimizer.build(self, variables)
        self.momenta = [self.add_variable(variable.shape, dtype="bfloat16") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        self.assign(self.momenta[self._get_variable_index(variable)], gradient)
        self.assign_sub(variable, learning_rate * gradient)


@register
class PythonCount(Momentum):
    """Counts its steps in Python, which a graph does only once."""

    def build(self, variables):
        super().build(variables)
        self.__dict__["count"] = 0

    def update_step(self, gradient, variable, learning_rate):
        self.__dict__["count"] += 1
        self.assign_sub(variable, learning_rate * gradient / self.count)


@pytest.mark.parametrize("check", SINGLE)
@pytest.mark.parametrize("name", conformance.TABLE)
def test_conforms(name, check, tmp_path):
    SINGLE[check](conformance.TABLE[name].make, tmp_path / "model.keras")


@pytest.mark.parametrize("name", conformance.TABLE)
def test_two_replicas_equal_one(name, logical_cpus):
    conformance.check_two_replicas(conformance.TABLE[name].make, logical_cpus)


@pytest.mark.parametrize("check", SINGLE)
def test_an_optimizer_without_a_fault_passes(check, tmp_path):
    SINGLE[check](lambda: Momentum(decay_rate=0.5), tmp_path / "model.keras")


@pytest.mark.parametrize(
    "optimizer, check",
    [(Forgetful, "config_round_trip"), (Untracked, "save_and_load"), (HalfPrecision, "mixed_precision"),
     (PythonCount, "xla")],
)  # fmt: skip
def test_a_fault_is_found(optimizer, check, tmp_path):
    with pytest.raises(AssertionError, match="xpected"):
        SINGLE[check](lambda: optimizer(decay_rate=0.5), tmp_path / "model.keras")


def test_every_public_optimizer_is_in_the_table():
    public = {value for value in vars(optimizers).values() if inspect.isclass(value)}
    assert public and public == {type(row.make()) for row in conformance.TABLE.values()}
