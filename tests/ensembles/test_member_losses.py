"""Losses per member and example against Keras' own losses, one member and example at a time.

Axes: K members, n examples, C classes.
"""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.ensembles import LabelSmoothing, LossWeight
from keras_hparam.ensembles.columns import Column
from keras_hparam.ensembles.member_losses import MemberLosses

K, N, C = 3, 4, 5
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(K, N, C)).astype("float32")
LABELS = RNG.integers(C, size=N)
ONE_HOT = np.eye(C, dtype="float32")[LABELS]
SMOOTHING = Column("label_smoothing", LabelSmoothing(1e-3, 0.5), ("output",))
LAMBDAS = RNG.uniform(0.01, 0.4, size=(K, N, 1)).astype("float32")


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def cross_entropy(targets, probabilities):
    return -(targets * np.log(probabilities)).sum(-1)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("smoothed", [True, False])
def test_cross_entropies_of_members(sparse, from_logits, smoothed):
    kind = keras.losses.SparseCategoricalCrossentropy if sparse else keras.losses.CategoricalCrossentropy
    losses = MemberLosses(kind(from_logits=from_logits), None, ["output"], [SMOOTHING] if smoothed else [])
    members = LOGITS if from_logits else softmax(LOGITS)
    found = losses(LABELS if sparse else ONE_HOT, [members], LAMBDAS if smoothed else None, "members")
    targets = (1 - LAMBDAS) * ONE_HOT + LAMBDAS / C if smoothed else ONE_HOT
    np.testing.assert_allclose(found, cross_entropy(targets, softmax(LOGITS)), rtol=1e-4)


def test_the_loss_of_the_ensemble_is_that_of_the_mean_probabilities():
    losses = MemberLosses("sparse_categorical_crossentropy", None, ["output"], [SMOOTHING])
    found = losses(LABELS[:, None], [softmax(LOGITS)], LAMBDAS, "ensemble")
    amount = LAMBDAS.mean(0)
    targets = (1 - amount) * ONE_HOT + amount / C
    np.testing.assert_allclose(found, cross_entropy(targets, softmax(LOGITS).mean(0)), rtol=1e-4)


def test_binary_labels_are_smoothed_towards_one_half():
    losses = MemberLosses(keras.losses.BinaryCrossentropy(from_logits=True), None, ["output"], [SMOOTHING])
    logits, labels = LOGITS[..., :1], np.array([0, 1, 1, 0])
    targets = (1 - LAMBDAS) * labels[:, None] + LAMBDAS / 2
    p = 1 / (1 + np.exp(-logits))
    expected = -(targets * np.log(p) + (1 - targets) * np.log(1 - p))[..., 0]
    np.testing.assert_allclose(losses(labels, [logits], LAMBDAS, "members"), expected, rtol=1e-4)


@pytest.mark.parametrize("as_dict", [True, False])
def test_several_outputs_are_weighted_by_numbers_and_by_hyperparameters(as_dict):
    weight = Column("loss_weight/b", LossWeight(0.1, 10.0, "b"), ("b",))
    given = {"a": "mse", "b": "mae"} if as_dict else ["mse", "mae"]
    losses = MemberLosses(given, {"a": 2.0} if as_dict else [2.0, 1.0], ["a", "b"], [weight])
    outputs = [RNG.normal(size=(K, N, 1)).astype("float32") for _ in "ab"]
    y = [RNG.normal(size=N).astype("float32") for _ in "ab"]
    found = losses(dict(zip("ab", y, strict=True)) if as_dict else y, outputs, LAMBDAS, "members")
    square, absolute = (outputs[0][..., 0] - y[0]) ** 2, np.abs(outputs[1][..., 0] - y[1])
    np.testing.assert_allclose(found, 2 * square + LAMBDAS[..., 0] * absolute, rtol=1e-5)


def test_an_output_without_a_loss_is_left_out_and_further_axes_are_averaged():
    losses = MemberLosses({"a": "mse"}, None, ["a", "b"], [])
    output = RNG.normal(size=(K, N, 6, 2)).astype("float32")
    found = losses({"a": np.zeros((N, 6, 2), "float32"), "b": None}, [output, output], None, "members")
    np.testing.assert_allclose(found, (output**2).mean((2, 3)), rtol=1e-5)


@pytest.mark.parametrize(
    "losses, weights, columns, message",
    [
        (None, None, [], "at least one output"),
        (["mse", "mse"], None, [], "one entry for each output"),
        ({"other": "mse"}, None, [], r"Received: \['other'\]"),
        ("mse", [1.0, 2.0], [], "`loss_weights`"),
        ("mse", None, [SMOOTHING], "label smoothing is a hyperparameter"),
        (keras.losses.CategoricalCrossentropy(label_smoothing=0.1), None, [SMOOTHING], "without `label_smoothing`"),
    ],
)
def test_what_does_not_fit_is_refused(losses, weights, columns, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        MemberLosses(losses, weights, ["output"], columns)


def test_targets_of_another_number_of_outputs_are_refused():
    losses = MemberLosses("mse", None, ["a", "b"], [])
    with pytest.raises(errors.InvalidArgumentError, match="Expected `y` with targets"):
        losses(np.zeros(N), [np.zeros((K, N, 1))] * 2, None, "members")
