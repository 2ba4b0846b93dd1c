"""Hyperparameters without values: what they collect, and what they refuse to tell."""

import keras_tuner as kt
import pytest

from keras_hparam import errors
from keras_hparam.spaces import relaxed


@pytest.mark.parametrize(
    "ask",
    [
        lambda hp: hp.Choice("units", [1, 2]),
        lambda hp: hp.Int("units", 1, 8),
        lambda hp: hp.Float("units", 0.1, 1.0, sampling="log"),
        lambda hp: hp.Boolean("units"),
        lambda hp: hp.conditional_scope("units", [1]),
        lambda hp: hp.declare("units", "basis") and hp.get("units"),
    ],
    ids=["Choice", "Int", "Float", "Boolean", "conditional_scope", "get"],
)
def test_a_value_that_python_would_look_at_is_refused_by_name(ask, request):
    with pytest.raises(errors.InvalidArgumentError, match="Expected hyperparameters that can be relaxed") as caught:
        ask(relaxed.RelaxedHyperParameters())
    assert f"hp.{request.node.callspec.id}('units')" in str(caught.value)


def test_a_fixed_value_is_given():
    hp = relaxed.RelaxedHyperParameters()
    assert hp.Fixed("depth", 3) == 3 and hp.get("depth") == 3


def test_bases_are_kept_in_order_under_their_scopes():
    hp = relaxed.RelaxedHyperParameters()
    assert hp.declare("b", 1) == "b"
    with hp.name_scope("outer"), hp.name_scope("inner"):
        assert hp.declare("b", 2) == "outer/inner/b"
    assert hp.declare("a", 3) == "a"
    assert list(hp.bases.items()) == [("b", 1), ("outer/inner/b", 2), ("a", 3)]


def test_a_name_is_declared_once():
    hp = relaxed.RelaxedHyperParameters()
    with hp.name_scope("outer"):
        hp.declare("b", 1)
        with pytest.raises(errors.InvalidArgumentError, match="Expected `name` .*Received: 'outer/b'"):
            hp.declare("b", 1)


def test_only_relaxed_ones_are_relaxed():
    assert relaxed.is_relaxed(relaxed.RelaxedHyperParameters())
    assert not relaxed.is_relaxed(kt.HyperParameters())
    with pytest.raises(errors.InvalidArgumentError, match="Expected `hp` to be .*Received: None"):
        relaxed.is_relaxed(None)


def test_values_are_given_where_they_are_declared_later():
    hp = relaxed.with_values({"units": 8, "rate": 0.25, "outer/kind": "b"})
    assert hp.Int("units", 1, 16) == 8 and hp.Float("rate", 0.1, 1.0) == 0.25
    with hp.name_scope("outer"):
        assert hp.Choice("kind", ["a", "b"]) == "b"
    assert hp.Choice("other", [5, 6]) == 5
    assert [one.name for one in hp.space] == ["units", "rate", "outer/kind", "other"]
