"""Values completed and corrected."""

import pytest

from keras_hparam.optformer.history import complete_values, nearest_legal
from keras_hparam.spaces import Condition, Parameter, SearchSpace


def test_complete_values_follow_the_conditions():
    space = SearchSpace(
        (
            Parameter("a", "choice", values=("x", "y"), default="x"),
            Parameter("b", "boolean", default=True, conditions=(Condition("a", ("y",)),)),
            Parameter("c", "int", low=1, high=5, default=2, conditions=(Condition("b", (True,)),)),
        )
    )
    assert complete_values(space, {"b": True, "c": 3}) == {"a": "x"}
    assert complete_values(space, {"a": "y"}) == {"a": "y", "b": True, "c": 2}
    assert complete_values(space, {"a": "y", "b": False, "c": 3, "z": 0}) == {"a": "y", "b": False}


@pytest.mark.parametrize("value, expected", [(0.3, 0.3), (0.30000001192092896, 0.3), (7, 0.5), (-1.0, 0.1)])
def test_illegal_values_become_the_nearest_legal_one(value, expected):
    parameter = Parameter("x", "float", low=0.1, high=0.5, step=0.1, default=0.2)
    assert nearest_legal(parameter, value) == pytest.approx(expected, abs=1e-12)
    assert nearest_legal(parameter, "text") == 0.2
