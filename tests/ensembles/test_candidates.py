"""What is refused before a selection starts, and what labels may be."""

import numpy as np
import pytest
from scipy import special

from keras_hparam import errors
from keras_hparam.ensembles import candidates
from keras_hparam.ensembles.selection import greedy_selection


@pytest.fixture
def probabilities(rng):
    return rng.dirichlet(np.ones(3), size=(4, 6))


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32"])
def test_labels_may_be_classes_or_one_hot(probabilities, rng, dtype):
    labels = rng.integers(3, size=6)
    for given in (labels.astype(dtype), labels[:, None].astype(dtype), np.eye(3, dtype=dtype)[labels], labels.tolist()):
        found = candidates.checked_classes(probabilities, given)
        np.testing.assert_array_equal(found, labels)
        assert found.dtype == "int64"


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 1, 2, 0, 1, 3], "in 0..2. Received: 3"),
        ([0, 1, 2, 0, 1, -1], "in 0..2. Received: -1"),
        ([0, 1, 2, 0, 1, 0.5], "in 0..2. Received: 0.5"),
        ([0, 1, 2], r"integers \[6\] or one-hot \[6, 3\]. Received: int64 of shape \(3,\)"),
        (["a"] * 6, "integers"),
        (np.full((6, 3), 1 / 3), "one-hot `labels`"),
        (np.ones((6, 3)), "one-hot `labels`"),
    ],
)
def test_wrong_labels_are_named(probabilities, labels, message):
    with pytest.raises(errors.InvalidArgumentError, match=f"{message}"):
        candidates.checked_classes(probabilities, labels)


def test_the_candidate_that_is_wrong_is_named(probabilities):
    labels = [0] * 6
    spoiled = probabilities.copy()
    spoiled[2, 3, 1] = np.nan
    with pytest.raises(errors.InvalidArgumentError, match="to be finite. Received: candidate 2 with 1 that are not"):
        greedy_selection(spoiled, labels, 2)
    spoiled = probabilities.copy()
    spoiled[1] *= 0.9
    with pytest.raises(errors.InvalidArgumentError, match="sum to 1 .* Received: candidate 1 with 6 .*such as 0.[89]"):
        greedy_selection(spoiled, labels, 2)
    for loss in ("nll", "brier", "error"):
        with pytest.raises(errors.InvalidArgumentError, match=r"\[0, 1\] \(logits are none\). Received: candidate 0"):
            greedy_selection(np.log(probabilities), labels, 2, loss)


def test_half_precision_passes(probabilities):
    logits = np.random.default_rng(0).standard_normal((3, 5, 100))
    half = special.softmax(logits, -1).astype("float16")
    assert len(greedy_selection(half, [0] * 5, 2).members) == 2


@pytest.mark.parametrize("shape", [(), (4,), (0, 6, 3), (4, 0, 3), (4, 6), (4, 6, 1), (4, 6, 3, 2)])
def test_the_shape_of_probabilities_is_checked(shape):
    with pytest.raises(errors.InvalidArgumentError, match=r"`probabilities` \[M, n, C\].*Received: shape"):
        greedy_selection(np.full(shape, 0.5), [0] * 6, 1)


def test_ragged_predictions_are_refused():
    with pytest.raises(errors.InvalidArgumentError, match="of one shape for all candidates"):
        greedy_selection([[[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]], [0], 1)


@pytest.mark.parametrize(
    "predictions, targets", [((4, 6), (6,)), ((4, 6), (6, 1)), ((4, 6, 1), (6,)), ((4, 6, 2), (6, 2))]
)
def test_targets_that_fit(rng, predictions, targets):
    found = candidates.checked_targets(np.zeros(predictions), rng.random(targets))
    assert found.shape == predictions[1:]


@pytest.mark.parametrize(
    "predictions, targets", [((4, 6), (5,)), ((4, 6, 2), (6,)), ((4, 6), (6, 2)), ((4, 6), (1, 6))]
)
def test_targets_that_do_not_fit(predictions, targets):
    with pytest.raises(errors.InvalidArgumentError, match="`labels` to be targets.*Received: shape"):
        candidates.checked_targets(np.zeros(predictions), np.zeros(targets))


def test_targets_and_gaussians_are_checked():
    with pytest.raises(errors.InvalidArgumentError, match="finite targets in `labels`. Received: 1"):
        greedy_selection(np.zeros((2, 3)), [0.0, np.inf, 1.0], 1, "mse")
    for shape in ((2, 3), (2, 3, 3)):
        with pytest.raises(errors.InvalidArgumentError, match=r"\[M, n, 2D\].*Received: shape"):
            greedy_selection(np.zeros(shape), np.zeros(3), 1, "gaussian_nll")
