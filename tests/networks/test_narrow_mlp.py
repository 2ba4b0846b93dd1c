"""Narrow networks: both evaluations, with and without a population, against loops in NumPy."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.networks.narrow_mlp import NarrowMLP

ACTIVATIONS = {"softsign": lambda x: x / (1 + np.abs(x)), "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}


def reference(network, theta, rows, context):
    """Outputs [rows, O] of rows [rows, F] that share the context [C]."""
    x, start = np.concatenate([rows, np.tile(context, (len(rows), 1))], axis=1).astype("float64"), 0
    sizes = (network.features + network.context, *network.widths, network.outputs)
    for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        x = ACTIVATIONS[network.activation](x) if layer else x
        kernel = theta[start : start + inputs * outputs].reshape(inputs, outputs)
        x = x @ kernel + theta[start + inputs * outputs : start + (inputs + 1) * outputs]
        start += (inputs + 1) * outputs
    assert start == len(theta)
    return x


@pytest.mark.parametrize("widths, activation", [((), "tanh"), ((3,), "softsign"), ((4, 3), "tanh"), ((20, 2), "relu")])
@pytest.mark.parametrize("context", [0, 2])
def test_a_network_is_what_numpy_computes(widths, activation, context, rng):
    network = NarrowMLP(3, widths, 2, activation, context)
    theta = rng.standard_normal(network.num_parameters).astype("float32")
    x, shared = (rng.standard_normal(shape).astype("float32") for shape in ((5, 7, 3), (5, context)))
    columns = [x[..., index] for index in range(3)]
    outputs = network(theta, columns, shared if context else None)
    unrolled = network.unrolled(keras.ops.convert_to_tensor(theta), columns, shared if context else None)
    dense = network.dense(theta, x, shared if context else None)
    expected = np.stack([reference(network, theta, *rows) for rows in zip(x, shared, strict=True)])
    for received in (np.stack(outputs, -1), np.stack(unrolled, -1), np.asarray(dense)):
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("widths", [(4,), (20,)])
@pytest.mark.parametrize("context", [0, 3])
def test_a_population_is_each_member_by_itself(widths, context, rng):
    network = NarrowMLP(2, widths, 2, context=context)
    theta = rng.standard_normal((3, network.num_parameters)).astype("float32")
    x, shared = (rng.standard_normal(shape).astype("float32") for shape in ((3, 4, 5, 6, 2), (3, 4, context)))
    columns = [x[..., index] for index in range(2)]
    received = np.stack(network(theta, columns, shared if context else None), -1)
    dense = np.asarray(network.dense(theta, x, shared if context else None))
    for member in range(3):
        own = [column[member] for column in columns]
        expected = np.stack(network(theta[member], own, shared[member] if context else None), -1)
        np.testing.assert_allclose(received[member], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(dense[member], expected, rtol=1e-4, atol=1e-5)


def test_a_network_of_a_context_alone_gives_what_broadcasts(rng):
    network = NarrowMLP(0, (3,), 1, context=2)
    theta, context = (rng.standard_normal(shape).astype("float32") for shape in ((network.num_parameters,), (4, 2)))
    (received,) = network(theta, [], context, rank=3)
    expected = [reference(network, theta, np.zeros((1, 0)), shared)[0] for shared in context]
    np.testing.assert_allclose(np.reshape(received, (4, 1)), expected, rtol=1e-5, atol=1e-6)
    assert tuple(received.shape) == (4, 1, 1)


def test_initial_weights_give_zero_and_depend_on_the_generator():
    network = NarrowMLP(3, (4, 5), 2, context=1)
    theta = network.initial(np.random.default_rng(0))
    assert theta.shape == (network.num_parameters,) == (5 * 4 + 5 * 5 + 6 * 2,) and theta.dtype == "float32"
    assert not np.any(network(theta, [np.ones(3, "float32")] * 3, np.ones(1, "float32")))
    assert np.any(theta) and np.any(theta != network.initial(np.random.default_rng(1)))


@pytest.mark.parametrize(
    "arguments",
    [(-1, (4,), 2), (3, (0,), 2), (3, (4,), 0), (3, (4.0,), 2), (3, (4,), 2, "sine"), (3, (), 2, "tanh", -1)],
)
def test_wrong_sizes_are_refused(arguments):
    with pytest.raises(errors.InvalidArgumentError, match="Received"):
        NarrowMLP(*arguments)


def test_wrong_weights_and_features_are_refused():
    network = NarrowMLP(2, (4,), 1)
    with pytest.raises(errors.InvalidArgumentError, match="`theta` of 17 weights. Received: shape"):
        network.dense(np.zeros(16, "float32"), np.zeros((3, 2), "float32"))
    with pytest.raises(errors.InvalidArgumentError, match="`features` to be 2 tensors. Received: 1"):
        network(np.zeros(17, "float32"), [np.zeros(3, "float32")])
