"""Mixtures of families that texts name."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.tasks import functions
from keras_hparam.tasks.family import Mixture

FAMILIES = {
    "quadratics": functions.Quadratics(3), "rastrigin": functions.Rastrigin(3), "ackley": functions.Ackley(3),
    "again": functions.Quadratics(3),
}  # fmt: skip


def by_name(name):
    if name not in FAMILIES:
        raise errors.InvalidArgumentError(f"Expected one of {sorted(FAMILIES)}. Received: {name!r}.")
    return FAMILIES[name]


@pytest.mark.parametrize(
    "texts, weights",
    [
        (["ackley"], [1]), (["ackley", "quadratics"], [1, 1]), (["rastrigin:3", "quadratics"], [3, 1]),
        (("quadratics:0.25", "ackley:1e1", "rastrigin:"), [0.25, 10, 1]),
    ],
)  # fmt: skip
def test_families_have_the_weights_of_their_texts(texts, weights):
    mixture = Mixture.of_texts(texts, by_name)
    expected = [FAMILIES[text.split(":")[0]] for text in texts]
    assert len(mixture.families) == len(expected)
    assert all(found is family for found, family in zip(mixture.families, expected, strict=True))
    np.testing.assert_allclose(mixture.probabilities, np.array(weights) / sum(weights))


def test_a_subclass_makes_its_own_kind():
    class Other(Mixture):
        pass

    assert type(Other.of_texts(["ackley"], by_name)) is Other


def test_texts_may_come_one_by_one():
    mixture = Mixture.of_texts((f"{name}:2" for name in ("ackley", "rastrigin")), by_name)
    assert [family.name for family in mixture.families] == ["ackley-3", "rastrigin-3"]


@pytest.mark.parametrize(
    "texts, message",
    [
        (["ackley:x"], "weight of 'ackley' to be a number. Received: 'x'"), (["ackley:1:2"], "Received: '1:2'"),
        (["ackley", "rastrigin:0"], "`weights` to be 2 numbers > 0. Received: \\[1.0, 0.0\\]"),
        (["ackley:-1"], "Received: \\[-1.0\\]"), (["ackley:nan"], "Received: \\[nan\\]"),
        (["ackley:inf"], "Received: \\[inf\\]"), (["digits"], "Expected one of .*Received: 'digits'"),
        ([" ackley"], "Received: ' ackley'"), ([":2"], "Received: ''"), (["ackley", "ackley:2"], "different names"),
        (["quadratics", "again"], "different names"), ([], "`families`.*Received: \\[\\]"),
    ],
)  # fmt: skip
def test_wrong_texts_are_errors(texts, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        Mixture.of_texts(texts, by_name)
