"""One line per trial: how far the search is, how good, and how long it still takes."""

from keras_hparam import errors
from keras_hparam.configuration import is_integer, require
from keras_hparam.reports.records import GOALS, best_record, check_choice


class SearchProgress:
    """Counts the trials of a search and words its progress.

    Example:

    ```python
    progress = SearchProgress(total=20, goal="max", metric="val_accuracy")
    print(progress.update(TrialRecord(1, "completed", 0.91, {"units": 8}, seconds=4.0)))
    # trial  1 of 20 | val_accuracy 0.9100 | best 0.9100 (trial 1) | took 4.0 s | 1:16 left
    ```

    Args:
        total: int >= 1, trials that the whole search runs.
        goal: "max" or "min".
        metric: str, the objective's name.
        records: finished `TrialRecord`s of an interrupted search that is being continued.
        at_once: int >= 1, trials that run at the same time.

    Raises:
        InvalidArgumentError: if the total, the goal or `at_once` is out of range.
    """

    def __init__(self, total, goal, metric="objective", records=(), at_once=1):
        require("total", total, is_integer(total, 1), "an int of at least 1")
        require("at_once", at_once, is_integer(at_once, 1), "an int of at least 1")
        check_choice("goal", goal, GOALS)
        self.total, self.at_once = total, at_once
        self.goal = goal
        self.metric = metric
        self.records = {record.number: record for record in records}

    @property
    def best(self):
        """The best completed `TrialRecord`, or None."""
        return best_record([self.records[number] for number in sorted(self.records)], self.goal)

    @property
    def seconds_left(self):
        """Mean seconds of the trials whose time is known, times those still to run, over those at once; or None."""
        known = [record.seconds for record in self.records.values() if record.seconds is not None]
        remaining = max(self.total - len(self.records), 0)
        return remaining * sum(known) / len(known) / self.at_once if known else None

    def update(self, record):
        """Takes in a finished trial and returns its line of text.

        Args:
            record: `TrialRecord`, completed or failed; one of a number seen before replaces the earlier one.

        Raises:
            InvalidArgumentError: if the trial is still pending.
        """
        if record.status == "pending":
            raise errors.InvalidArgumentError("Expected `record` of a finished trial. Received: status 'pending'.")
        self.records[record.number] = record
        best = self.best
        parts = [
            f"trial {record.number:{len(str(self.total))}d} of {self.total}",
            "failed" if record.objective is None else f"{self.metric} {format_number(record.objective)}",
            f"best {format_number(best.objective)} (trial {best.number})" if best else "no best yet",
        ]
        if record.seconds is not None:
            parts.append(f"took {record.seconds:.1f} s")
        if self.seconds_left is not None:
            parts.append(f"{format_duration(self.seconds_left)} left")
        return " | ".join(parts)


def format_number(value):
    """A number in about four significant digits: 0.9712, 1.2e-05, 1234."""
    magnitude = abs(value)
    if magnitude and not 1e-3 <= magnitude < 1e4:
        return f"{value:.3g}"
    return f"{value:.4f}" if magnitude < 10 else f"{value:.4g}"


def format_duration(seconds):
    """Seconds as m:ss, or h:mm:ss from an hour on, rounded to the second."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
