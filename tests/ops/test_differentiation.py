"""Gradients of functions of tensors and lists, eager and compiled, against derivatives by hand."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_hparam import errors
from keras_hparam.ops.differentiation import value_and_gradient


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
