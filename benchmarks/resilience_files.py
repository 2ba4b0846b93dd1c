"""Damaged files of every kind that the package reads: how often they are refused, and what else happens.

`python -m benchmarks.resilience --part=files` prints the table.
"""

import pathlib
import tempfile
import time

from benchmarks import file_kinds, tables
from keras_hparam.testing import check_damaged_files
from keras_hparam.testing.damage import OTHER_CONTENT, REFUSED, UNCHANGED

COLUMNS = ("kind", "damaged", REFUSED, UNCHANGED, OTHER_CONTENT, "fault", "seconds")


def run(mutations=1000, seed=0, kinds=None):
    """Damages files of every kind.

    Args:
        mutations: int, random damages of each kind, beside those that every file gets.
        seed: int, of the random ones.
        kinds: list of keys of `file_kinds.TABLE`; None for all.

    Returns:
        A list of dicts with `COLUMNS`: numbers of damaged files, of named errors, of files read as if they were whole,
        and of files that have no digest and were read with other content; the first fault, or "".
    """
    return [_row(kind, mutations, seed) for kind in kinds or file_kinds.TABLE]


def _row(kind, mutations, seed):
    begun, fault, found = time.perf_counter(), "", {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = check_damaged_files(file_kinds.TABLE[kind], pathlib.Path(folder), mutations, seed)
        except AssertionError as error:
            fault = str(error)
    numbers = {name: found.get(name, 0) for name in (REFUSED, UNCHANGED, OTHER_CONTENT)}
    seconds = round(time.perf_counter() - begun, 1)
    return {"kind": kind, "damaged": sum(numbers.values()), **numbers, "fault": fault, "seconds": seconds}


def table(rows):
    """Lines of text of the rows of `run`; faults follow the table."""
    columns = COLUMNS[:-2]
    lines = tables.align([["files", *columns[1:]], *([str(row[name]) for name in columns] for row in rows)])
    return [*lines, *(f"{row['kind']}: {row['fault']}" for row in rows if row["fault"])]
