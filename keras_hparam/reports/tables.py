"""Trials as CSV, for people and spreadsheets, and as strict JSON, for programs; both exact in both directions.

Axes: one row per trial, T rows; in the CSV four fixed columns and then one column per parameter, D columns, empty where
the parameter is inactive. A failed trial keeps its row; its objective is empty in the CSV and null in the JSON.
"""

import csv
import io
import json
import pathlib

from keras_hparam import atomic, errors
from keras_hparam.reports.records import GOALS, TrialRecord, check_choice

COLUMNS = ("number", "status", "objective", "seconds")
FORMAT = "keras_hparam.trials"
VERSION = 1


def write_csv(path, records):
    """Writes the records as CSV (UTF-8, RFC 4180), atomically.

    A cell is the value as JSON (0.001, 32, true), except that a string stands bare where it cannot be mistaken for
    anything else: adam, but "1" in quotation marks.

    Args:
        path: the file to write or to replace; its folder is made where missing.
        records: T `TrialRecord`s.

    Raises:
        OSError: if the file cannot be written.
    """
    names = list(dict.fromkeys(name for record in records for name in record.values))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *map(_to_cell, names)])
    for record in records:
        fixed = [_to_cell(getattr(record, column)) for column in COLUMNS]
        writer.writerow(fixed + [_to_cell(record.values.get(name)) for name in names])
    with atomic.replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def read_csv(path):
    """Reads what `write_csv` wrote.

    Returns:
        A list of T `TrialRecord`s.

    Raises:
        CorruptFileError: if the file is not such a table.
        OSError: if it cannot be read.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file, strict=True))
        if tuple(header[: len(COLUMNS)]) != COLUMNS:
            raise ValueError(f"a header of {header}")
        names = [_from_cell(cell) for cell in header[len(COLUMNS) :]]
        return [_record_from_row(names, row) for row in rows]
    except (ValueError, RecursionError, csv.Error) as error:
        raise errors.CorruptFileError(
            f"Expected {str(path)!r} to be a table of trials with columns {list(COLUMNS)} and then one per parameter. "
            f"Received: {error}"
        ) from error


def write_json(path, records, metric, goal):
    """Writes the records as strictly valid JSON (no NaN), atomically.

    Args:
        path: the file to write or to replace; its folder is made where missing.
        records: T `TrialRecord`s.
        metric: str, the objective's name, such as "val_accuracy".
        goal: "max" or "min", the direction in which it improves.

    Raises:
        InvalidArgumentError: if the goal is unknown.
        OSError: if the file cannot be written.
    """
    check_choice("goal", goal, GOALS)
    fields = (*COLUMNS, "values")
    trials = [{field: getattr(record, field) for field in fields} for record in records]
    document = {"format": FORMAT, "version": VERSION, "metric": metric, "goal": goal, "trials": trials}
    with atomic.replacing(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path):
    """Reads what `write_json` wrote.

    Returns:
        records, metric, goal: a list of T `TrialRecord`s, the objective's name and "max" or "min".

    Raises:
        CorruptFileError: if the file is truncated, foreign or of another version.
        OSError: if it cannot be read.
    """
    try:
        document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if (document["format"], document["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {document['format']!r}, version {document['version']!r}")
        check_choice("goal", document["goal"], GOALS)
        return [TrialRecord(**trial) for trial in document["trials"]], document["metric"], document["goal"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise errors.CorruptFileError(
            f"Expected {str(path)!r} to be JSON of format {FORMAT!r}, version {VERSION}. Received: {error!r}"
        ) from error


def _record_from_row(names, row):
    """The record in the cells of one CSV row."""
    if len(row) != len(COLUMNS) + len(names):
        raise ValueError(f"a row of {len(row)} cells under a header of {len(COLUMNS) + len(names)}")
    fixed = dict(zip(COLUMNS, map(_from_cell, row), strict=False))
    active = [(name, cell) for name, cell in zip(names, row[len(COLUMNS) :], strict=True) if cell]
    return TrialRecord(**fixed, values={name: _from_cell(cell) for name, cell in active})


def _to_cell(value):
    """A scalar or None as the text of a CSV cell."""
    if value is None:
        return ""
    if isinstance(value, str) and value and value.isprintable() and isinstance(_from_cell(value), str):
        if not value.startswith('"'):
            return value
    return json.dumps(value, allow_nan=False)


def _from_cell(cell):
    """The inverse of `_to_cell`: JSON where the text is JSON, else the text itself."""
    if not cell:
        return None
    try:
        return json.loads(cell)
    except ValueError:
        return cell
