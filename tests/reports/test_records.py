"""Records, the best of them and the curve of the best so far."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.reports import ParameterScale, TrialRecord, best_record, best_so_far


def _records(objectives):
    return [
        TrialRecord(number, "failed" if value is None else "completed", value, {})
        for number, value in enumerate(objectives, start=1)
    ]


def test_a_failed_trials_objective_becomes_none_unless_it_is_finite():
    assert TrialRecord(1, "failed", math.nan, {}).objective is None
    assert TrialRecord(1, "failed", math.inf, {}).objective is None
    assert TrialRecord(1, "failed", 0.5, {}).objective == 0.5


@pytest.mark.parametrize(
    "change, named",
    [
        ({"number": 0}, "number"),
        ({"number": True}, "number"),
        ({"number": 1.0}, "number"),
        ({"status": "done"}, "status"),
        ({"objective": math.nan}, "objective"),
        ({"objective": None}, "objective"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": math.inf}, "seconds"),
        ({"values": [1]}, "values"),
        ({"values": {"units": np.float32(1.0)}}, "values"),
        ({"values": {"units": math.nan}}, "values"),
        ({"values": {1: 1}}, "values"),
    ],
)
def test_a_wrong_argument_is_named(change, named):
    right = {"number": 1, "status": "completed", "objective": 0.5, "values": {"units": 8}, "seconds": 1.0}
    TrialRecord(**right)
    with pytest.raises(errors.InvalidArgumentError, match=f"(?s)`{named}`.*Received: "):
        TrialRecord(**{**right, **change})


def test_a_wrong_scale_is_named():
    with pytest.raises(errors.InvalidArgumentError, match="`scale`.*Received: 'cubic'"):
        ParameterScale("x", "cubic")
    with pytest.raises(errors.InvalidArgumentError, match="`low` of 'x'.*Received: 0"):
        ParameterScale("x", "log", 0, 1)


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=20), st.sampled_from(["max", "min"]))
def test_best_so_far_is_the_best_of_every_prefix(objectives, goal):
    records = _records(objectives)
    curve = best_so_far(records, goal)
    choose = {"max": max, "min": min}[goal]
    for row in range(len(records)):
        known = [value for value in objectives[: row + 1] if value is not None]
        assert curve[row] == choose(known) if known else np.isnan(curve[row])
    best = best_record(records, goal)
    known = [value for value in objectives if value is not None]
    assert best is None if not known else objectives.index(choose(known)) + 1 == best.number


def test_an_objective_of_a_failed_trial_is_never_the_best():
    records = [TrialRecord(1, "failed", 9.0, {}), TrialRecord(2, "completed", 1.0, {})]
    assert best_record(records, "max").number == 2
    np.testing.assert_array_equal(best_so_far(records, "max"), [np.nan, 1.0])
    with pytest.raises(errors.InvalidArgumentError, match="`goal`"):
        best_record(records, "maximum")
