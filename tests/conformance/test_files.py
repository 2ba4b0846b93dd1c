"""Truncated, altered, missing, foreign and newer files of every kind that the package reads."""

import pytest

from benchmarks import file_kinds, resilience_files
from keras_hparam import testing

MUTATIONS = 24


@pytest.mark.parametrize("kind", file_kinds.TABLE)
def test_damaged_files_are_refused_or_read_as_whole_ones(kind, tmp_path):
    found = testing.check_damaged_files(file_kinds.TABLE[kind], tmp_path, MUTATIONS)
    assert found["refused"] > 0.5 * found.total()


def test_the_benchmark_counts_what_the_check_finds(tmp_path):
    (row,) = resilience_files.run(mutations=3, seed=1, kinds=["clusters"])
    assert tuple(row) == resilience_files.COLUMNS and row["fault"] == ""
    assert row["damaged"] == sum(row[name] for name in ("refused", "unchanged", "other content"))
    assert resilience_files.table([row])[-1].split()[:2] == ["clusters", str(row["damaged"])]
    assert row["refused"] == testing.check_damaged_files(file_kinds.TABLE["clusters"], tmp_path, 3, seed=1)["refused"]
