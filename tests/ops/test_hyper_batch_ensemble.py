"""Layers of hyper-batch ensembles as functions, against loops over rows and another implementation's numbers."""

import json
import os
import pathlib

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from keras_hparam import errors
from keras_hparam.ops import hyper_batch_ensemble
from tests.ops import member_loops

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA_DIR = pathlib.Path(os.environ.get("DATA_DIR", ROOT.parent / "shared" / "data"))
REFERENCE = DATA_DIR / "hyper_batch_ensemble_reference.npz"
CASES = ("c02", "c03", "c04", "c05", "c10", "c11", "c18", "c19")
NAMES = {"alpha": "r", "gamma": "s", "delta_alpha": "u", "delta_gamma": "v"}


def call(function, x, arrays, **geometry):
    """`dense` or `conv2d` of arrays as `member_loops` has them."""
    arrays = dict(arrays)
    e = (arrays.pop("e", None), arrays.pop("e_bias", None))
    return function(x, e, **{"delta_kernel": None, **arrays}, **geometry)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference file is not beside the repository")
@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference_in_value_and_gradient(case):
    with np.load(REFERENCE, allow_pickle=False) as file:
        found = {name.split("/")[1]: file[name] for name in file.files if name.startswith(case)}
    meta = json.loads(str(found["meta"]))
    inputs = {name[5:]: tf.Variable(found[name[5:]]) for name in found if name.startswith("grad_")}
    arrays = {NAMES.get(name, name): value for name, value in inputs.items()}
    x, lambdas, e = (arrays.pop(name) for name in ("x", "lambdas", "e"))
    outputs = found["kernel"].shape[-1]
    with tf.GradientTape() as tape:
        whole = e if meta["use_bias"] else e[:, :outputs]
        geometry = {} if meta["kind"] == "dense" else {"strides": meta["strides"], "padding": meta["padding"]}
        y = getattr(hyper_batch_ensemble, meta["kind"])(x, whole, **arrays, **geometry)
        factors = {name: arrays.get(name) for name in "rsuv"} if meta["reg_fast"] else {}
        kernels = (arrays["kernel"], arrays["delta_kernel"])
        l2 = hyper_batch_ensemble.l2_penalty(lambdas[:, meta["l2k"]], e[:, :outputs], *kernels, **factors)
        if meta["use_bias"]:
            biases = (arrays["bias"], arrays["delta_bias"])
            l2 += hyper_batch_ensemble.bias_l2_penalty(lambdas[:, meta["l2b"]], e[:, outputs:], *biases)
        loss = tf.reduce_sum(y * found["cot"]) + l2
    np.testing.assert_allclose(y, found["y"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(l2, found["l2"], rtol=0, atol=1e-10)
    gradients = tape.gradient(loss, inputs, unconnected_gradients="zero")
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, found[f"grad_{name}"], rtol=0, atol=1e-10, err_msg=name)


shapes = strategies.tuples(*[strategies.integers(1, 4)] * 2, strategies.integers(1, 3), strategies.integers(1, 3))
options = strategies.fixed_dictionaries(
    {"tied": strategies.booleans(), "delta": strategies.booleans(),
     "bias": strategies.sampled_from([None, "plain", "embedded"])}
)  # fmt: skip


@hypothesis.settings(max_examples=60)
@hypothesis.given(shapes, options, strategies.integers(0, 5), strategies.lists(strategies.integers(1, 2), max_size=2))
def test_dense_is_the_loop_over_rows(sizes, chosen, extra, positions):
    members, per_member, inputs, outputs = sizes
    rng, rows = np.random.default_rng(0), max(members * per_member - extra, 1)
    arrays = member_loops.random_arrays(rng, members, rows, inputs, outputs, **chosen)
    x = rng.standard_normal((rows, *positions, inputs))
    y = call(hyper_batch_ensemble.dense, x, arrays)
    assert y.dtype == "float64"
    np.testing.assert_allclose(y, member_loops.outputs_of(x, arrays), rtol=0, atol=1e-12)


@hypothesis.settings(max_examples=40)
@hypothesis.given(
    strategies.sampled_from(["valid", "same"]), strategies.tuples(*[strategies.integers(1, 3)] * 2),
    strategies.tuples(*[strategies.integers(1, 3)] * 2), strategies.booleans(), options,
)  # fmt: skip
def test_conv2d_is_the_loop_over_rows(padding, window, steps, dilated, chosen):
    rng = np.random.default_rng(0)
    strides, dilation = ((1, 1), steps) if dilated else (steps, (1, 1))
    arrays = member_loops.random_arrays(rng, 2, 3, 2, 3, window=window, **chosen)
    x = rng.standard_normal((3, 8, 9, 2))
    y = call(hyper_batch_ensemble.conv2d, x, arrays, strides=strides, padding=padding, dilation_rate=dilation)
    expected = member_loops.outputs_of(
        x, arrays, lambda image, kernel: member_loops.convolved(image, kernel, strides, padding, dilation)
    )
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


def materialized(x, arrays):
    """`dense` by the kernel of each row."""
    rows, members = x.shape[0], arrays["r"].shape[0]
    owner = [member_loops.member_of(row, rows, members) for row in range(rows)]
    r, s, u, v = (tf.gather(arrays[name], owner) for name in "rsuv")
    first = arrays["kernel"] * r[:, :, None] * s[:, None]
    kernels = first + arrays["delta_kernel"] * u[:, :, None] * (v * arrays["e"])[:, None]  # [N, I, O]
    biases = tf.gather(arrays["bias"], owner) + tf.gather(arrays["delta_bias"], owner) * arrays["e_bias"]
    return tf.einsum("ni,nio->no", x, kernels) + biases


@pytest.mark.parametrize("rows", [6, 7])
def test_gradients_are_those_of_the_formed_kernels(rng, rows):
    arrays = member_loops.random_arrays(rng, 3, rows, 4, 2)
    inputs = {"x": rng.standard_normal((rows, 4)), **arrays}
    weights = rng.standard_normal((rows, 2))
    found = []
    for function in (lambda x, given: call(hyper_batch_ensemble.dense, x, given), materialized):
        variables = {name: tf.Variable(value) for name, value in inputs.items()}
        with tf.GradientTape() as tape:
            given = {name: value for name, value in variables.items() if name != "x"}
            loss = tf.reduce_sum(tf.sin(function(variables["x"], given)) * weights)
        found.append(tape.gradient(loss, variables))
    for name in inputs:
        one, two = (tf.convert_to_tensor(gradients[name]) for gradients in found)
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_number_of_rows_may_be_unknown(rng, jit_compile):
    arrays = member_loops.random_arrays(rng, 2, 1, 3, 2, window=(2, 2))
    del arrays["e"], arrays["e_bias"]

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, 4, 3), "float64"), tf.TensorSpec((None, 4), "float64")],
        jit_compile=jit_compile,
    )
    def graph(x, e):
        y = hyper_batch_ensemble.conv2d(x, e, **arrays)
        return y, tf.gradients(tf.reduce_sum(y * y), [x, e])

    for rows in (1, 2, 5):
        x, e = rng.standard_normal((rows, 3, 4, 3)), rng.standard_normal((rows, 4))
        y, gradients = graph(x, e)
        known, wanted = tf.constant(x), tf.constant(e)
        with tf.GradientTape() as tape:
            tape.watch([known, wanted])
            expected = hyper_batch_ensemble.conv2d(known, wanted, **arrays)
            loss = tf.reduce_sum(expected * expected)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
        for one, two in zip(gradients, tape.gradient(loss, [known, wanted]), strict=True):
            np.testing.assert_allclose(one, two, rtol=0, atol=1e-11)


def test_the_embedding_may_come_whole_or_in_halves(rng):
    arrays = member_loops.random_arrays(rng, 2, 4, 3, 2)
    x, whole = rng.standard_normal((4, 3)), np.concatenate([arrays["e"], arrays["e_bias"]], axis=1)
    rest = {name: value for name, value in arrays.items() if not name.startswith("e")}
    halves = call(hyper_batch_ensemble.dense, x, arrays)
    np.testing.assert_array_equal(hyper_batch_ensemble.dense(x, whole, **rest), halves)
    del rest["delta_bias"]
    arrays = {name: value for name, value in arrays.items() if name not in ("delta_bias", "e_bias")}
    y = hyper_batch_ensemble.dense(x, whole[:, :2], **rest)
    np.testing.assert_array_equal(y, call(hyper_batch_ensemble.dense, x, arrays))


@pytest.mark.parametrize("rows", [6, 5])
def test_embeddings_are_linear_and_shared_or_a_members_own(rng, rows):
    lambdas, shared, own = rng.random((rows, 2)), rng.standard_normal((2, 4)), rng.standard_normal((3, 2, 4))
    np.testing.assert_allclose(hyper_batch_ensemble.embed(lambdas, shared), lambdas @ shared, atol=1e-14)
    expected = [lambdas[row] @ own[member_loops.member_of(row, rows, 3)] for row in range(rows)]
    np.testing.assert_allclose(hyper_batch_ensemble.embed(lambdas, own), expected, atol=1e-14)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"r": np.ones((0, 3)), "s": np.ones((0, 2))}, "`r` of shape .K ≥ 1"),
        ({"s": np.ones((3, 2))}, "`s` of shape .K = 2, O = 2"),
        ({"x": np.ones((4, 5))}, "`x` of shape .N, …, I = 3.. Received: shape .4, 5"),
        ({"x": np.ones(3)}, "`x` of shape"),
        ({"kernel": np.ones(3)}, "`kernel` of shape"),
        ({"delta_kernel": np.ones((3, 3))}, "`delta_kernel` of shape"),
        ({"e": np.ones((4, 3))}, "`e` of shape .N, 2 · 2"),
        ({"e": np.ones((5, 4))}, "`e` of shape .N = 4"),
        ({"e": None}, "both `e` and `delta_kernel`"),
        ({"e": (np.ones((4, 2)), None)}, "both `e_bias` and `delta_bias`"),
        ({"bias": np.ones(2)}, "`bias` of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_errors(changed, message):
    arrays = {
        "x": np.ones((4, 3)), "e": np.ones((4, 4)), "kernel": np.ones((3, 2)), "delta_kernel": np.ones((3, 2)),
        "r": np.ones((2, 3)), "s": np.ones((2, 2)), "bias": np.ones((2, 2)), "delta_bias": np.ones((2, 2)),
    }  # fmt: skip
    assert hyper_batch_ensemble.dense(**arrays).shape == (4, 2)
    with pytest.raises(errors.InvalidArgumentError, match=message):
        hyper_batch_ensemble.dense(**(arrays | changed))


def test_convolutions_need_images():
    kernel, r, s = np.ones((1, 1, 3, 2)), np.ones((2, 3)), np.ones((2, 2))
    with pytest.raises(errors.InvalidArgumentError, match="`x` of shape .N, h, w, I = 3"):
        hyper_batch_ensemble.conv2d(np.ones((4, 3)), None, kernel, None, r, s)
