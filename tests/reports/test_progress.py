"""What the progress of a search says."""

import pytest

from keras_hparam import errors
from keras_hparam.reports import SearchProgress, TrialRecord
from keras_hparam.reports.progress import format_duration, format_number


def test_lines_of_a_maximisation():
    progress = SearchProgress(total=12, goal="max", metric="val_accuracy")
    assert progress.best is None and progress.seconds_left is None
    line = progress.update(TrialRecord(1, "failed", None, {}, 2.0))
    assert line == "trial  1 of 12 | failed | no best yet | took 2.0 s | 0:22 left"
    line = progress.update(TrialRecord(2, "completed", 0.9, {}, 4.0))
    assert line == "trial  2 of 12 | val_accuracy 0.9000 | best 0.9000 (trial 2) | took 4.0 s | 0:30 left"
    line = progress.update(TrialRecord(3, "completed", 0.8, {}, 3.0))
    assert line == "trial  3 of 12 | val_accuracy 0.8000 | best 0.9000 (trial 2) | took 3.0 s | 0:27 left"


def test_best_of_a_minimisation_and_the_earliest_of_equals():
    progress = SearchProgress(total=4, goal="min")
    for number, value in [(2, 1.0), (1, 1.0), (3, 2.0)]:
        progress.update(TrialRecord(number, "completed", value, {}))
    assert progress.best.number == 1
    assert progress.seconds_left is None


def test_a_continued_search_counts_what_is_done_and_a_repeated_trial_once():
    done = [TrialRecord(n, "completed", 0.1, {}, 10.0) for n in (1, 2)] + [TrialRecord(3, "completed", 0.1, {}, None)]
    progress = SearchProgress(total=5, goal="max", records=done)
    assert progress.seconds_left == 20.0
    progress.update(TrialRecord(3, "completed", 0.2, {}, 40.0))
    assert progress.seconds_left == 40.0
    assert progress.best.number == 3


def test_more_trials_than_planned_leave_no_time():
    progress = SearchProgress(1, "max", records=[TrialRecord(n, "completed", 0.0, {}, 1.0) for n in (1, 2)])
    assert progress.seconds_left == 0


@pytest.mark.parametrize(
    "arguments, named",
    [({"total": 0}, "total"), ({"total": True}, "total"), ({"total": 2.0}, "total"), ({"goal": "up"}, "goal")],
)
def test_a_wrong_argument_is_named(arguments, named):
    with pytest.raises(errors.InvalidArgumentError, match=f"`{named}`.*Received: "):
        SearchProgress(**{"total": 3, "goal": "max", **arguments})


def test_a_pending_trial_is_no_progress():
    with pytest.raises(errors.InvalidArgumentError, match="finished"):
        SearchProgress(3, "max").update(TrialRecord(1, "pending", None, {}))


def test_numbers_and_durations():
    values = [0.0, 0.97123, -0.5, 1.2e-5, 123.456, 98765.0]
    assert [format_number(v) for v in values] == ["0.0000", "0.9712", "-0.5000", "1.2e-05", "123.5", "9.88e+04"]
    assert [format_duration(s) for s in (0, 59.6, 61, 3661)] == ["0:00", "1:00", "1:01", "1:01:01"]
