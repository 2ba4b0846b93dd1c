"""Members' kernels and the closed form of their mean squared norms against loops over rows."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from keras_hparam import errors
from keras_hparam.ops import hyper_batch_kernels
from tests.ops import member_loops

FACTORS = ("r", "s", "u", "v")


def kernel_arguments(arrays, names=FACTORS):
    kernels = (arrays["kernel"], arrays.get("delta_kernel"))
    return *kernels, *(arrays.get(name) for name in names)


@hypothesis.settings(max_examples=40)
@hypothesis.given(
    strategies.integers(1, 4), strategies.integers(1, 9), strategies.sampled_from([(), (2, 3)]),
    strategies.booleans(), strategies.booleans(), strategies.sampled_from(["plain", "embedded"]),
)  # fmt: skip
def test_penalties_are_means_over_rows(members, rows, window, tied, delta, bias):
    rng = np.random.default_rng(members)
    arrays = member_loops.random_arrays(rng, members, rows, 3, 2, window=window, tied=tied, delta=delta, bias=bias)
    l2 = rng.random(rows)
    kernels = [np.sum(member_loops.kernel_of(row, rows, arrays) ** 2) for row in range(rows)]
    biases = [np.sum(member_loops.bias_of(row, rows, arrays) ** 2) for row in range(rows)]
    shared = [
        np.sum((arrays["kernel"] + (arrays["delta_kernel"] * arrays["e"][row] if delta else 0.0)) ** 2)
        for row in range(rows)
    ]
    for expected, received in (
        (kernels, hyper_batch_kernels.l2_penalty(l2, arrays.get("e"), *kernel_arguments(arrays))),
        (shared, hyper_batch_kernels.l2_penalty(l2, arrays.get("e"), *kernel_arguments(arrays, ()))),
        (biases, hyper_batch_kernels.bias_l2_penalty(
            l2, arrays.get("e_bias"), arrays["bias"], arrays.get("delta_bias"))),
    ):  # fmt: skip
        assert received.shape == ()
        np.testing.assert_allclose(received, np.mean(l2 * expected), rtol=1e-12)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("window", [(), (2, 1)])
def test_the_penalty_has_the_gradient_of_the_formed_kernels(rng, tied, window):
    arrays = member_loops.random_arrays(rng, 3, 3, 4, 2, window=window, tied=tied, bias=None) | {"l2": rng.random(3)}

    def formed(l2, e, **rest):  # one row for each member
        kernels = hyper_batch_kernels.member_kernel(e, **rest)
        return tf.reduce_mean(l2 * tf.reduce_sum(kernels**2, axis=tuple(range(1, len(kernels.shape)))))

    found = []
    for function in (hyper_batch_kernels.l2_penalty, formed):
        variables = {name: tf.Variable(value) for name, value in arrays.items()}
        with tf.GradientTape() as tape:
            value = function(**variables)
        found.append(tape.gradient(value, variables))
    for name in arrays:
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("window", [(), (2, 3)])
@pytest.mark.parametrize("tied, delta", [(False, True), (True, True), (False, False)])
def test_members_kernels_and_biases_are_those_of_their_rows(rng, window, tied, delta):
    arrays = member_loops.random_arrays(rng, 3, 3, 4, 2, window=window, tied=tied, delta=delta)
    kernels = hyper_batch_kernels.member_kernel(arrays.get("e"), *kernel_arguments(arrays))
    biases = hyper_batch_kernels.member_bias(arrays["e_bias"], arrays["bias"], arrays["delta_bias"])
    for row in range(3):
        np.testing.assert_allclose(kernels[row], member_loops.kernel_of(row, 3, arrays), atol=1e-14)
        np.testing.assert_allclose(biases[row], member_loops.bias_of(row, 3, arrays), atol=1e-14)
    assert kernels.shape == (3, *window, 4, 2)
    np.testing.assert_array_equal(hyper_batch_kernels.member_bias(None, arrays["bias"], None), arrays["bias"])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_number_of_rows_may_be_unknown(rng, jit_compile):
    arrays = member_loops.random_arrays(rng, 2, 1, 3, 2)
    rest = {name: arrays[name] for name in ("kernel", "delta_kernel", "r", "s")}
    signature = [tf.TensorSpec((None,), "float64"), tf.TensorSpec((None, 2), "float64")]
    graph = tf.function(
        lambda l2, e: hyper_batch_kernels.l2_penalty(l2, e, **rest), input_signature=signature, jit_compile=jit_compile
    )
    for rows in (1, 4, 5):
        l2, e = rng.random(rows), rng.standard_normal((rows, 2))
        np.testing.assert_allclose(graph(l2, e), hyper_batch_kernels.l2_penalty(l2, e, **rest), rtol=1e-12)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda w, f: hyper_batch_kernels.l2_penalty(np.ones((4, 1)), None, w, None, f, f), "`l2` of shape .N."),
        (lambda w, f: hyper_batch_kernels.l2_penalty(np.ones(4), w, w, w, f, f), "`e` of shape .N = 4, O"),
        (lambda w, f: hyper_batch_kernels.l2_penalty(np.ones(4), None, w, w, f, f), "both `e` and `delta_kernel`"),
        (lambda w, f: hyper_batch_kernels.l2_penalty(np.ones(4), None, w, None, f), "both `r` and `s`"),
        (lambda w, f: hyper_batch_kernels.member_kernel(np.ones((2, 2)), w, w, f, f), "`e` of shape .K = 3"),
        (lambda w, f: hyper_batch_kernels.member_bias(None, f, f), "both `e` and `delta_bias`"),
        (lambda w, f: hyper_batch_kernels.bias_l2_penalty(np.ones(4), None, f[:0], None), "K ≥ 1"),
    ],
)
def test_arrays_that_do_not_fit_are_errors(call, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        call(np.ones((2, 2)), np.ones((3, 2)))
