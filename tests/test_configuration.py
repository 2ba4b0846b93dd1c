"""Configurations: checks that name the field, round trips."""

import dataclasses
import math

import pytest

from keras_hparam import configuration, errors
from keras_hparam.configuration import Configuration


@dataclasses.dataclass(frozen=True)
class Sizes(Configuration):
    widths: tuple[int, ...] = (8,)
    name: str = "a"

    def __post_init__(self):
        self.make_tuples()
        self.require("name", self.name in ("a", "b"), "'a' or 'b'")


def test_a_configuration_is_itself_again_after_json():
    sizes = Sizes(widths=[3, 4])
    assert sizes.widths == (3, 4) and sizes.to_dict() == {"widths": [3, 4], "name": "a"}
    assert Sizes.from_dict(sizes.to_dict()) == sizes and Sizes.from_dict({"name": "b"}) == Sizes(name="b")


@pytest.mark.parametrize("values, message", [
    ({"name": "c"}, "`name` to be 'a' or 'b'. Received: 'c'"), ({"widths": 3}, "`widths` to be a list or tuple"),
    ({"heights": 3}, "heights"), ([], r"Received: \[\]"),
])  # fmt: skip
def test_a_wrong_field_is_named(values, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        Sizes.from_dict(values)


def test_numbers_and_integers():
    assert all(map(configuration.is_number, (0, -1.5, 3)))
    assert not any(map(configuration.is_number, (True, "1", None, math.inf, math.nan)))
    assert configuration.is_number(0.5, 0, 1) and not configuration.is_number(0, 0, 1)
    assert configuration.is_integer(2, 2) and not any(map(configuration.is_integer, (2.0, True, "2")))
    assert not configuration.is_integer(1, 2)
    assert configuration.are_distinct("ab", "abc")
    assert not configuration.are_distinct("aa") and not configuration.are_distinct("ad", "abc")
