"""Directions of optimizers against Keras' own optimizers, and what has no rule."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.ops import optimizer_rules
from keras_hparam.ops.differentiation import value_and_gradient

RATE, DECAY = 0.05, 0.2
CASES = {
    "sgd": lambda **a: keras.optimizers.SGD(**a),
    "momentum": lambda **a: keras.optimizers.SGD(momentum=0.8, **a),
    "nesterov": lambda **a: keras.optimizers.SGD(momentum=0.8, nesterov=True, **a),
    "adam": lambda **a: keras.optimizers.Adam(beta_1=0.7, beta_2=0.95, epsilon=1e-3, **a),
    "adamw": lambda **a: keras.optimizers.AdamW(**a),
    "rmsprop": lambda **a: keras.optimizers.RMSprop(rho=0.8, epsilon=1e-4, **a),
    "rmsprop_momentum": lambda **a: keras.optimizers.RMSprop(momentum=0.6, **a),
}


def gradients(rng, steps=7):
    """Gradients [steps] of two parameters, with entries of many sizes and exact zeros."""
    found = [[rng.normal(size=(4, 3)) * 10.0 ** rng.integers(-4, 2, (4, 3)), rng.normal(size=5)] for _ in range(steps)]
    for kernel, bias in found:
        kernel[0, 0], bias[-1] = 0.0, 0.0
    return [[part.astype("float32") for part in parts] for parts in found]


def by_keras(optimizer, start, steps):
    variables = [keras.Variable(value) for value in start]
    optimizer.build(variables)
    for gradient in steps:
        optimizer.apply([ops.convert_to_tensor(part) for part in gradient], variables)
    return [ops.convert_to_numpy(variable) for variable in variables]


def by_rule(rule, start, steps, decay):
    found = []
    for i, weights in enumerate(start):
        slots = [np.zeros_like(weights) for _ in range(rule.slots)]
        for step, gradient in enumerate(steps):
            direction, slots = rule.direction(ops.convert_to_tensor(gradient[i]), slots, step)
            assert len(slots) == rule.slots
            weights = weights - RATE * (np.asarray(direction) + decay * weights)
        found.append(weights)
    return found


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_keras(name, decay, rng):
    optimizer = CASES[name](learning_rate=RATE, weight_decay=decay)
    start, steps = [rng.normal(size=(4, 3)).astype("float32"), rng.normal(size=5).astype("float32")], gradients(rng)
    wanted = by_keras(optimizer, start, steps)
    found = by_rule(optimizer_rules.of(optimizer), start, steps, decay)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    assert not np.allclose(wanted[0], start[0], atol=1e-2)


@pytest.mark.parametrize("name", CASES)
def test_directions_have_finite_derivatives_where_a_gradient_is_0(name, rng):
    rule = optimizer_rules.of(CASES[name]())

    def moved(gradient):
        return ops.sum(rule.direction(gradient, [ops.zeros(4)] * rule.slots, 0)[0])

    _, derivative = value_and_gradient(moved)(np.array([0.0, 1.0, 0.0, -2.0], "float32"))
    assert np.isfinite(np.asarray(derivative)).all()


def test_a_gradient_of_0_moves_nothing(rng):
    for make in CASES.values():
        rule = optimizer_rules.of(make())
        direction, _ = rule.direction(ops.zeros(3), [ops.zeros(3)] * rule.slots, 0)
        np.testing.assert_array_equal(np.asarray(direction), np.zeros(3))


@pytest.mark.parametrize(
    "make, received",
    [
        (lambda: keras.optimizers.Adam(amsgrad=True), "Adam with .'amsgrad'"),
        (lambda: keras.optimizers.RMSprop(centered=True), "RMSprop with .'centered'"),
        (lambda: keras.optimizers.SGD(clipnorm=1.0), "SGD with .'clipnorm'"),
        (lambda: keras.optimizers.SGD(clipvalue=1.0), "SGD with .'clipvalue'"),
        (lambda: keras.optimizers.Adam(global_clipnorm=1.0), "Adam with .'global_clipnorm'"),
        (lambda: keras.optimizers.Adam(use_ema=True), "Adam with .'use_ema'"),
        (lambda: keras.optimizers.Adam(gradient_accumulation_steps=2), "Adam with .'gradient_accumulation_steps'"),
        (lambda: keras.optimizers.Nadam(), "Nadam with"),
        (lambda: type("SGD", (keras.optimizers.SGD,), {})(), "SGD with"),
    ],
)
def test_what_has_no_rule_is_refused(make, received):
    with pytest.raises(errors.InvalidArgumentError, match=f"Expected `optimizer` .*Received: {received}"):
        optimizer_rules.of(make())
