"""Ranges of hyperparameters and the columns that they become."""

import keras
import pytest

from keras_hparam import errors
from keras_hparam.ensembles import L2, DropoutRate, LabelSmoothing, LossWeight
from keras_hparam.ensembles.columns import columns

KERNELS, DROPOUTS, OUTPUTS = ("hidden", "block/conv", "head"), ("dropout",), ("main", "auxiliary")


def names(*hyperparameters):
    return [column.name for column in columns(hyperparameters, KERNELS, DROPOUTS, OUTPUTS)]


def test_columns_are_per_layer_or_shared():
    assert names(L2(1e-6, 1e-2)) == ["l2/hidden", "l2/block/conv", "l2/head"]
    assert names(L2(1e-6, 1e-2, per_layer=False), DropoutRate(0.01, 0.5)) == ["l2", "dropout"]
    assert names(L2(1e-6, 1e-2, layers=["hidden", "head"], per_layer=False)) == ["l2/hidden+head"]
    assert names(LabelSmoothing(1e-3, 0.1), LossWeight(0.1, 10.0, "auxiliary")) == [
        "label_smoothing",
        "loss_weight/auxiliary",
    ]
    assert columns([LabelSmoothing(1e-3, 0.1)], KERNELS, DROPOUTS, OUTPUTS)[0].targets == OUTPUTS


@pytest.mark.parametrize(
    "low, high", [(0, 1), (-1, 1), (1e-2, 1e-2), (1e-2, 1e-3), ("a", 1), (True, 2), (float("nan"), 1)]
)
def test_limits_that_are_no_range_are_refused(low, high):
    with pytest.raises(errors.InvalidArgumentError, match="Expected `low` and `high` of L2 with 0 < low < high"):
        L2(low, high)


@pytest.mark.parametrize("kind", [DropoutRate, LabelSmoothing])
def test_shares_stay_below_one(kind):
    with pytest.raises(errors.InvalidArgumentError, match="< 1.0"):
        kind(0.1, 1.0)


@pytest.mark.parametrize(
    "hyperparameters, message",
    [
        ((L2(1e-6, 1e-2, layers=["missing"]),), r"`layers` .* Received: \['missing'\]"),
        ((LossWeight(0.1, 1.0, "third"),), r"`output` .* Received: \['third'\]"),
        ((L2(1e-6, 1e-2), L2(1e-5, 1e-3, layers=["head"])), "two for 'head'"),
        (("l2",), "a list of L2, DropoutRate"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(hyperparameters, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        names(*hyperparameters)


def test_a_model_without_dropout_has_no_rate_to_vary():
    with pytest.raises(errors.InvalidArgumentError, match="DropoutRate can act on. Received: none"):
        columns([DropoutRate(0.1, 0.5)], KERNELS, (), OUTPUTS)


@pytest.mark.parametrize(
    "one",
    [
        L2(1e-6, 1e-2, layers=["a"], bias=False),
        DropoutRate(0.1, 0.5),
        LabelSmoothing(0.01, 0.1),
        LossWeight(1.0, 2.0, "a"),
    ],
)
def test_serialization_is_a_round_trip(one):
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(one)) == one
