"""Kinds of outputs, and the combination of members against the formulas on probabilities."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from keras_hparam import errors
from keras_hparam.ensembles import outputs
from keras_hparam.ensembles.losses import GaussianNegativeLogLikelihood

losses = keras.losses


@pytest.mark.parametrize(
    "loss, kind",
    [
        ("sparse_categorical_crossentropy", "probabilities"),
        ("CategoricalCrossentropy", "probabilities"),
        (losses.categorical_crossentropy, "probabilities"),
        (losses.SparseCategoricalCrossentropy(from_logits=True), "logits"),
        (losses.CategoricalFocalCrossentropy(from_logits=True), "logits"),
        (functools.partial(losses.sparse_categorical_crossentropy, from_logits=True), "logits"),
        (losses.KLDivergence(), "probabilities"),
        ("binary_crossentropy", "binary_probabilities"),
        (losses.BinaryCrossentropy(from_logits=True), "binary_logits"),
        (losses.BinaryFocalCrossentropy(), "binary_probabilities"),
        (GaussianNegativeLogLikelihood(), "gaussian"),
        ("mse", "point"),
        (losses.Huber(), "point"),
        (lambda y_true, y_pred: y_pred, "point"),
    ],
)
def test_the_kind_follows_from_the_loss(loss, kind):
    assert outputs.kind_of(loss) == kind


@pytest.mark.parametrize(
    "loss", [None, "no such loss", {"head": "mse"}, ["mse"], losses.CategoricalCrossentropy(axis=1)]
)
def test_what_is_not_one_loss_is_refused(loss):
    with pytest.raises(errors.InvalidArgumentError, match="`loss`.*Received"):
        outputs.kind_of(loss)


def example(kind, rng, size=5):
    """Members [K, 6, 4] of a kind."""
    logits = 2 * rng.standard_normal((size, 6, 4))
    if kind == "probabilities":
        return special.softmax(logits, -1)
    return special.expit(logits) if kind == "binary_probabilities" else logits


@pytest.mark.parametrize("how", outputs.HOWS)
@pytest.mark.parametrize("kind", outputs.OUTPUT_KINDS)
def test_equal_members_are_their_combination(rng, kind, how):
    one = example(kind, rng)[0]
    expected = special.log_softmax(one, -1) if kind == "logits" else one
    np.testing.assert_allclose(outputs.combine(np.stack([one] * 3), kind, how), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "how, weights", [("mean", None), ("mean", [0.4, 0.3, 0.2, 0.1, 0.0]), ("trimmed_mean", None)]
)
@pytest.mark.parametrize(
    "prefix, inverse", [("", functools.partial(special.softmax, axis=-1)), ("binary_", special.expit)]
)
def test_logits_and_probabilities_say_the_same(rng, prefix, inverse, how, weights):
    logits = example("logits", rng)
    by_logits = outputs.combine(logits, f"{prefix}logits", how, weights=weights).numpy()
    by_probabilities = outputs.combine(inverse(logits), f"{prefix}probabilities", how, weights=weights)
    np.testing.assert_allclose(inverse(by_logits), by_probabilities, rtol=1e-9)


def test_weights_repeat_members(rng):
    for kind in outputs.OUTPUT_KINDS:
        members = example(kind, rng)[:2]
        repeated = outputs.combine(members[[0, 1, 0, 0]], kind)
        weighted = outputs.combine(members, kind, weights=(0.75, 0.25))
        np.testing.assert_allclose(weighted, repeated, rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(3, 7), st.data())
def test_a_trimmed_mean_of_points_is_that_of_a_loop(seed, size, data):
    members = np.random.default_rng(seed).standard_normal((size, 3, 2))
    trim = data.draw(st.integers(0, (size - 1) // 2))
    found = outputs.combine(members, "point", how="trimmed_mean", trim=trim).numpy()
    for index in np.ndindex(3, 2):
        values = members[:, *index]
        kept = sorted(values, key=lambda value: abs(value - np.median(values)))[: size - trim]
        assert found[index] == pytest.approx(np.mean(kept))


def test_an_outlier_has_no_part_in_the_trimmed_mean(rng):
    for kind, outlier in (("probabilities", [0.0, 0.0, 0.0, 1.0]), ("gaussian", [99.0, -99.0, 50.0, 50.0])):
        one = np.asarray([0.4, 0.3, 0.2, 0.1])
        members = np.stack([one, one + 0.01 * np.asarray([1, -1, 1, -1]), outlier, one])[:, None]
        found = outputs.combine(members, kind, how="trimmed_mean")
        np.testing.assert_allclose(found, outputs.combine(members[[0, 1, 3]], kind), atol=1e-9)


def test_trimmed_probabilities_sum_to_one(rng):
    found = outputs.combine(example("probabilities", rng), "probabilities", how="trimmed_mean", trim=2).numpy()
    np.testing.assert_allclose(found.sum(-1), 1.0)
    disjoint = np.eye(3)[:, None]  # nothing is left of any class
    np.testing.assert_allclose(outputs.combine(disjoint, "probabilities", how="trimmed_mean"), [[1 / 3] * 3])


def test_a_gaussian_combination_has_the_mixture_s_moments(rng):
    members = rng.standard_normal((3, 5, 4))
    means, variances = members[..., :2], np.exp(members[..., 2:])
    found = outputs.combine(members, "gaussian").numpy()
    np.testing.assert_allclose(found[..., :2], means.mean(0))
    np.testing.assert_allclose(np.exp(found[..., 2:]), (variances + means**2).mean(0) - means.mean(0) ** 2)


@pytest.mark.parametrize("how", outputs.HOWS)
@pytest.mark.parametrize("kind", outputs.OUTPUT_KINDS)
def test_graph_and_xla_and_gradients(rng, kind, how):
    members = example(kind, rng).astype("float32")
    expected = outputs.combine(members, kind, how)

    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec((5, 6, 4))])
    def compiled(values):
        return outputs.combine(values, kind, how)

    @tf.function(input_signature=[tf.TensorSpec((5, None, 4))])
    def differentiated(values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            result = tf.reduce_sum(tf.square(outputs.combine(values, kind, how)))
        return tape.gradient(result, values)

    assert compiled(members).dtype == tf.float32
    np.testing.assert_allclose(compiled(members), expected, rtol=1e-4, atol=1e-5)
    gradient = differentiated(members).numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_half_precision_is_combined_in_single(rng):
    for kind in outputs.OUTPUT_KINDS:
        members = tf.cast(example(kind, rng), tf.bfloat16)
        assert outputs.combine(members, kind).dtype == tf.float32


def test_probabilities_of_classes(rng):
    logits = example("logits", rng)
    np.testing.assert_allclose(outputs.to_probabilities(logits, "logits"), special.softmax(logits, -1))
    event = special.expit(logits[..., :1])
    expected = np.concatenate([1 - event, event], axis=-1)
    for members in (logits[..., :1], logits[..., 0]):
        np.testing.assert_allclose(outputs.to_probabilities(members, "binary_logits"), expected)
        np.testing.assert_allclose(outputs.to_probabilities(special.expit(members), "binary_probabilities"), expected)
    assert outputs.to_probabilities(logits, "binary_logits").shape == (5, 6, 4, 2)
    for kind in ("gaussian", "point"):
        with pytest.raises(errors.InvalidArgumentError, match=f"with classes.*'{kind}'"):
            outputs.to_probabilities(logits, kind)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kind": "classes"}, "`kind` to be one of"),
        ({"how": "median"}, "`how` to be one of"),
        ({"how": "trimmed_mean", "trim": 3}, r"`trim` in 0..2, less than half of the 5 members. Received: 3"),
        ({"how": "trimmed_mean", "trim": -1}, "`trim`"),
        ({"how": "trimmed_mean", "trim": True}, "`trim`"),
        ({"how": "trimmed_mean", "weights": [0.2] * 5}, "no `weights`"),
        ({"weights": [0.5, 0.5]}, "`weights` to be 5 numbers"),
        ({"weights": [0.5] * 5}, "sum to 1"),
        ({"weights": [1.5, -0.5, 0, 0, 0]}, ">= 0"),
        ({"weights": [float("nan")] * 5}, "`weights`"),
        ({"members": np.zeros(3), "kind": "point"}, "K, n, …"),
        ({"members": np.zeros((3, 4))}, "K, n, …, C"),
        ({"members": np.zeros((3, 4, 5)), "kind": "gaussian"}, "2D"),
        ({"members": np.zeros((0, 4, 5))}, "K >= 1"),
    ],
)
def test_bad_arguments_are_named(rng, arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=f"{message}.*") as caught:
        outputs.combine(**{"members": example("probabilities", rng), "kind": "probabilities", **arguments})
    assert "Received" in str(caught.value)
