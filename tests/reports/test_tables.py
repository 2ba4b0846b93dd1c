"""CSV and JSON: exact in both directions, whole or absent, and clear about foreign files."""

import csv
import json
import string
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import atomic, errors
from keras_hparam.reports import TrialRecord, read_csv, read_json, write_csv, write_json

TEXTS = st.text(max_size=8) | st.sampled_from(
    ["", "1", "true", "null", "NaN", '"', "a,b", " 1", "adam", "\r", "\ud800"]
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.booleans() | st.integers(-(2**70), 2**70) | FLOATS | TEXTS
STATUSES = st.sampled_from(["completed", "failed", "pending"])


@st.composite
def records(draw):
    status = draw(STATUSES)
    objective = draw(FLOATS if status == "completed" else st.none() | FLOATS)
    values = draw(st.dictionaries(TEXTS, SCALARS, max_size=4))
    seconds = draw(st.none() | st.floats(0, 1e9))
    return TrialRecord(draw(st.integers(1, 10**6)), status, objective, values, seconds)


def _typed(records):
    """The records with the types of their values, which == does not see (1 == 1.0 == True)."""
    return [(r, {name: type(value) for name, value in r.values.items()}) for r in records]


@settings(deadline=None)  # each example writes a file
@given(st.lists(records(), max_size=6))
def test_csv_comes_back_exactly(trials):
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        write_csv(file.name, trials)
        assert _typed(read_csv(file.name)) == _typed(trials)


@settings(deadline=None)  # each example writes a file
@given(st.lists(records(), max_size=6), TEXTS, st.sampled_from(["max", "min"]))
def test_json_comes_back_exactly(trials, metric, goal):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        write_json(file.name, trials, metric, goal)
        read, *header = read_json(file.name)
        assert _typed(read) == _typed(trials)
        assert header == [metric, goal]


def test_what_a_spreadsheet_sees(tmp_path):
    values = {"learning_rate": 0.001, "optimizer": "adam", "nesterov": True, "version": "2"}
    trials = [
        TrialRecord(1, "completed", 0.5, values, 2.0),
        TrialRecord(2, "failed", float("nan"), {"optimizer": "sgd"}, None),
    ]
    write_csv(tmp_path / "made" / "trials.csv", trials)
    with open(tmp_path / "made" / "trials.csv", newline="") as file:
        header, first, second = csv.reader(file)
    assert header == ["number", "status", "objective", "seconds", *values]
    assert first == ["1", "completed", "0.5", "2.0", "0.001", "adam", "true", '"2"']
    assert second == ["2", "failed", "", "", "", "sgd", "", ""]


def test_json_is_strict(tmp_path):
    write_json(tmp_path / "trials.json", [TrialRecord(1, "failed", float("nan"), {})], "loss", "min")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    document = json.loads((tmp_path / "trials.json").read_text(), parse_constant=refuse)
    assert document["trials"] == [{"number": 1, "status": "failed", "objective": None, "seconds": None, "values": {}}]
    assert document["metric"] == "loss"


@pytest.mark.parametrize("read, write", [(read_csv, write_csv), (read_json, lambda p, r: write_json(p, r, "m", "max"))])
def test_truncated_or_foreign_files_are_corrupt(tmp_path, read, write):
    path = tmp_path / "trials"
    write(path, [TrialRecord(n, "completed", 0.25, {"a": 1, "b": "x"}, 1.0) for n in (1, 2)])
    whole = path.read_bytes()
    middle = whole.rindex(b"x") - 3
    for damaged in (
        whole[:middle],
        b"",
        b"\x00\xff",
        string.printable.encode(),
        b"[1, 2]",
        whole.replace(b"0.25", b"?"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(errors.CorruptFileError, match="(?s)Expected .*trials.*Received: "):
            read(path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent")


def test_json_of_another_version_is_refused(tmp_path):
    path = tmp_path / "trials.json"
    write_json(path, [], "m", "max")
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(errors.CorruptFileError, match="version 2"):
        read_json(path)


def test_a_write_that_fails_leaves_the_earlier_file_and_no_other(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("earlier")
    with pytest.raises(RuntimeError):
        with atomic.replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError
    assert path.read_text() == "earlier"
    with atomic.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "earlier"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
