"""Gradients of functions of tensors and lists, eager and compiled, against derivatives by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_hparam import errors
from keras_hparam.ops.differentiation import exact_moments, value_and_gradient


def test_each_problem_has_its_own_gradient(rng):
    x = rng.standard_normal((4, 3))
    values, gradient = value_and_gradient(lambda x: ops.sum(x**3, axis=-1))(x)
    np.testing.assert_allclose(values, (x**3).sum(-1))
    np.testing.assert_allclose(gradient, 3.0 * x**2)


def test_gradients_of_a_list_are_a_list_with_0_where_nothing_depends(rng):
    x, y, z = rng.standard_normal((3, 2, 5))
    value, gradients = value_and_gradient(lambda tensors: ops.sum(tensors[0] * ops.sin(tensors[1])))([x, y, z])
    assert isinstance(gradients, list)
    np.testing.assert_allclose(value, (x * np.sin(y)).sum())
    for found, expected in zip(gradients, (np.sin(y), x * np.cos(y), np.zeros_like(z)), strict=True):
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_descends_inside_a_compiled_loop(jit_compile):
    function = value_and_gradient(lambda x: (x - 3.0) ** 2)

    @tf.function(jit_compile=jit_compile)
    def descend(x):
        return ops.while_loop(lambda i, x: i < 50, lambda i, x: (i + 1, x - 0.25 * function(x)[1]), (0, x))[1]

    np.testing.assert_allclose(descend(tf.constant([0.0, 10.0])), [3.0, 3.0], rtol=1e-6)


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "numpy")
    with pytest.raises(errors.UnavailableError, match="'tensorflow' or 'jax'.*Received: 'numpy'"):
        value_and_gradient(ops.sum)


def test_other_tensors_come_back_and_have_no_part_in_the_gradient(rng):
    x = rng.standard_normal(4)

    def function(x):
        return ops.sum(x**2), {"cubes": x**3, "pair": (x, 2.0)}

    (value, others), gradient = value_and_gradient(function, has_aux=True)(x)
    np.testing.assert_allclose(value, (x**2).sum())
    np.testing.assert_allclose(others["cubes"], x**3)
    np.testing.assert_array_equal(others["pair"][0], x)
    np.testing.assert_allclose(gradient, 2.0 * x)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_gradient_of_a_gradient_with_other_tensors_is_the_second_derivative(jit_compile, rng):
    x = rng.standard_normal(5)

    @tf.function(jit_compile=jit_compile)
    def second(x):
        def slope(x):
            (_, cube), gradient = value_and_gradient(lambda x: (ops.sum(x**4), x**3), has_aux=True)(x)
            return gradient, cube

        (gradient, cube), curvature = value_and_gradient(slope, has_aux=True)(x)
        return gradient, cube, curvature

    for found, wanted in zip(second(tf.constant(x)), (4 * x**3, x**3, 12 * x**2), strict=True):
        np.testing.assert_allclose(found, wanted)


NORMALIZATIONS = {
    "batch": lambda: keras.layers.BatchNormalization(dtype="float64"),
    "layer": lambda: keras.layers.LayerNormalization(dtype="float64"),
    "group": lambda: keras.layers.GroupNormalization(2, dtype="float64"),
}


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_exact_moments_have_second_derivatives(name, rng):
    """Finite differences of the gradient; without, TensorFlow's are wrong, which is why there are exact moments."""
    layer, (x, inner, outer) = NORMALIZATIONS[name](), rng.standard_normal((3, 5, 4))

    def slope(x):
        def value(x):
            return ops.sum(inner * ops.tanh(layer(x, training=True)))

        return ops.sum(outer * value_and_gradient(value)(x)[1])

    with exact_moments():
        exact = np.asarray(value_and_gradient(slope)(x)[1])
    steps = 1e-5 * np.eye(x.size).reshape(-1, *x.shape)
    wanted = [(float(slope(x + step)) - float(slope(x - step))) / 2e-5 for step in steps]
    np.testing.assert_allclose(exact.ravel(), wanted, atol=1e-7)
    inexact = np.asarray(value_and_gradient(slope)(x)[1])
    assert np.abs(inexact - exact).max() > 1e-3


@pytest.mark.parametrize("axes, keepdims", [([0], False), ([0, 2], True), ([-1], False)])
def test_exact_moments_have_the_values_that_they_always_have(axes, keepdims, rng):
    x = rng.standard_normal((3, 5, 4))
    with exact_moments():
        exact = ops.moments(x, axes, keepdims=keepdims)
    for found, wanted in zip(exact, (np.mean, np.var), strict=True):
        np.testing.assert_allclose(found, wanted(x, axis=tuple(axes), keepdims=keepdims))
    assert tf.nn.moments.__module__.startswith("tensorflow")


def test_exact_moments_end_with_an_error():
    before = tf.nn.moments
    with pytest.raises(RuntimeError), exact_moments(), exact_moments():
        assert tf.nn.moments is not before
        raise RuntimeError
    assert tf.nn.moments is before
