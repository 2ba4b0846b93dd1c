"""Measures by name and kind against the formulas that they stand for."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from keras_hparam import errors
from keras_hparam.ensembles import outputs, uncertainties
from keras_hparam.ops import uncertainty


@pytest.mark.parametrize("kind", [kind for kind in outputs.OUTPUT_KINDS if kind not in ("gaussian", "point")])
def test_every_measure_of_classes_is_that_of_their_probabilities(rng, kind):
    logits = rng.standard_normal((4, 6, 1 if kind.startswith("binary") else 3))
    probabilities = special.softmax(logits, -1)
    if kind.startswith("binary"):
        probabilities = np.concatenate([special.expit(-logits), special.expit(logits)], axis=-1)
    members = {"probabilities": probabilities, "binary_probabilities": probabilities[..., 1:]}.get(kind, logits)
    for weights in (None, [0.1, 0.2, 0.3, 0.4]):
        for name in uncertainties.MEASURES[kind]:
            expected = getattr(uncertainty, name)(probabilities, weights=weights)
            found = uncertainties.measure(members, kind, name, weights=weights)
            np.testing.assert_allclose(found, expected, rtol=1e-9)
            assert found.shape == (6,)
    found = uncertainties.measure(members, kind, "score_range", classes=[1])
    np.testing.assert_allclose(found, np.ptp(probabilities[..., 1], axis=0))


@pytest.mark.parametrize("weights", [None, (0.5, 0.25, 0.25)])
def test_variances_of_normal_distributions(rng, weights):
    members = rng.standard_normal((3, 6, 4))
    shares = weights or (1 / 3,) * 3
    epistemic = np.average((members[..., :2] - np.average(members[..., :2], axis=0, weights=shares)) ** 2, 0, shares)
    aleatoric = np.average(np.exp(members[..., 2:]), axis=0, weights=shares)
    for name, expected in (
        ("variance", epistemic), ("aleatoric_variance", aleatoric), ("total_variance", epistemic + aleatoric)
    ):  # fmt: skip
        found = uncertainties.measure(members, "gaussian", name, weights=weights)
        np.testing.assert_allclose(found, expected.sum(-1))
    combined = outputs.combine(members, "gaussian", weights=weights).numpy()
    np.testing.assert_allclose(found, np.exp(combined[..., 2:]).sum(-1))  # the total is the mixture's


@pytest.mark.parametrize("shape", [(3, 6), (3, 6, 1), (3, 6, 2)])
def test_variance_of_points(rng, shape):
    members = rng.standard_normal(shape)
    expected = members.var(axis=0).reshape(6, -1).sum(-1)
    np.testing.assert_allclose(uncertainties.measure(members, "point", "variance"), expected)


def test_measures_compile(rng):
    logits = rng.standard_normal((4, 6, 3)).astype("float32")
    for name in uncertainties.MEASURES["logits"]:
        measure = functools.partial(uncertainties.measure, kind="logits", name=name)
        np.testing.assert_allclose(tf.function(measure, jit_compile=True)(logits), measure(logits), atol=1e-5)


@pytest.mark.parametrize(
    "kind, name, classes, message",
    [
        ("point", "mutual_information", None, r"`measure` to be one of \('variance',\) for .* 'point'"),
        ("gaussian", "predictive_entropy", None, "'total_variance'"),
        ("probabilities", "total_variance", None, "'score_range'"),
        ("classes", "variance", None, "`kind`"),
        ("probabilities", "variance", [0], "`classes` with 'score_range' alone"),
        ("probabilities", "score_range", [4], "`classes` to be some of 0..3"),
    ],
)
def test_what_a_kind_lacks_is_refused(kind, name, classes, message):
    with pytest.raises(errors.InvalidArgumentError, match=f"{message}.*Received"):
        uncertainties.measure(np.full((2, 3, 4), 0.25), kind, name, classes)
