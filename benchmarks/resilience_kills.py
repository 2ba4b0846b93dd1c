"""Trainings that are killed at random moments and started again, beside one that is not.

A moment counts from when the program holds its workdir: before that, it only loads libraries.
"""

import hashlib
import io
import json
import pathlib
import shutil
import time
import zipfile

import h5py
import numpy as np
from absl import logging

from benchmarks import reference, tables, trainers
from benchmarks.training_programs import finish
from keras_hparam import errors
from keras_hparam.checkpoints import exclusive

REPEATABLE = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
LONGEST = 1.2  # moments of kills, in durations of a training that is not killed
CHANGING, DATED = ("seconds", "shared_object_id"), "metadata.json"  # keys of JSON, a part of a `.keras` file


def measure(names, kills, seed, directory):
    """{trainer: figures of `kill_often`}, from files in the directory where they are there.

    Args:
        names: list of names in the table of trainers, or None for all.
        kills: int >= 1, of each.
        seed: int >= 0, of the moments.
        directory: pathlib.Path.
    """
    found = {}
    for name in names or trainers.TABLE:
        path = directory / f"kills-{name.replace(' ', '_')}-{kills}-{seed}.json"
        if not path.exists():
            figures = kill_often(trainers.TABLE[name], kills, seed, directory / name.replace(" ", "_"))
            reference.write_json(path, figures)
            logging.info("%s: %s", name, json.dumps(figures))
        found[name] = json.loads(path.read_text())
    return found


def kill_often(row, kills, seed, directory):
    """Figures of trainings that were killed.

    Args:
        row: `trainers.Row`.
        kills: int >= 1; trainings begin until so many happened.
        seed: int >= 0.
        directory: pathlib.Path of the workdirs, which are removed.

    Returns:
        Dict of `kills`, `trainings` (that came to their end), `without_progress` (kills before a new checkpoint),
        `seconds` (of the work of a training that was not killed), `differences` and `partial`: lists of str, what
        differs from the training that was not killed, and files of writes that were cut off.
    """
    shutil.rmtree(directory, ignore_errors=True)
    rng = np.random.default_rng(seed)
    seconds = _run(row.program, directory / "whole")
    expected, step = digests(row, directory / "whole"), _step(row.program, directory / "whole")
    found = {"kills": 0, "trainings": 0, "without_progress": 0, "seconds": round(seconds, 2), "steps": step}
    found |= {"differences": [], "partial": []}
    while found["kills"] < kills:
        workdir = directory / str(found["trainings"])
        for moment in rng.uniform(0.0, LONGEST * seconds, kills - found["kills"]):
            before = _step(row.program, workdir)
            if _run(row.program, workdir, moment) is not None:
                break
            found["kills"] += 1
            found["without_progress"] += _step(row.program, workdir) == before
        else:
            _run(row.program, workdir)
        found["trainings"] += 1
        found["differences"] += different(expected, digests(row, workdir))
        found["partial"] += [path.name for path in workdir.rglob("*") if "partial" in path.name]
        shutil.rmtree(workdir)
    shutil.rmtree(directory)
    return found


def _run(program, workdir, moment=float("inf")):
    """Starts a program; the seconds that it held its workdir, or None if it was killed after `moment` seconds."""
    process = program.start(workdir, **REPEATABLE)
    while process.poll() is None and not _holds(process, workdir):
        time.sleep(0.005)
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < moment:
        time.sleep(0.002)
    seconds, was_running = time.monotonic() - began, process.poll() is None
    process.kill()
    code, _, said = finish(process)
    if code != 0 and not was_running:
        raise errors.UnavailableError(f"Expected {program.name} to run or be killed. Received: status {code}, {said}.")
    return None if was_running else seconds


def _holds(process, workdir):
    path = pathlib.Path(workdir) / exclusive.NAME
    try:
        return json.loads(path.read_text())["process"] == process.pid
    except (OSError, ValueError):
        return False


def _step(program, workdir):
    return max(program.manager(workdir).steps(), default=-1)


def digests(row, workdir):
    """{name: sha256} of what a training leaves, without times and addresses: its results and its newest checkpoint.

    Args:
        row: `trainers.Row`.
        workdir: pathlib.Path.
    """
    newest = row.program.manager(workdir).directory / f"step-{_step(row.program, workdir):09d}"
    roots = [newest, *(workdir / name for name in row.results)]
    paths = [path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*")))]
    parts = (part for path in paths if path.is_file() for part in _parts(path, str(path.relative_to(workdir))))
    return {name: hashlib.sha256(data).hexdigest() for name, data in parts}


def _parts(path, name):
    """(name, bytes) of a file, of each file of an archive and of each array in it."""
    if path.suffix != ".keras":
        return _part(path.read_bytes(), name)
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.namelist() if member != DATED]
        return [part for member in members for part in _part(archive.read(member), f"{name}/{member}")]


def _part(data, name):
    if name.endswith(".json"):
        return [(name, json.dumps(_lasting(json.loads(data)), sort_keys=True).encode())]
    if not name.endswith(".h5"):
        return [(name, data)]
    found = []
    with h5py.File(io.BytesIO(data)) as file:  # the order of arrays in it depends on how the model was made
        file.visititems(lambda path, item: found.append((f"{name}/{path}", item)) if hasattr(item, "shape") else None)
        return [(path, np.asarray(item).tobytes()) for path, item in found]


def _lasting(content):
    """Values of JSON without what differs from run to run."""
    if isinstance(content, dict):
        return {key: _lasting(value) for key, value in content.items() if key not in CHANGING}
    return list(map(_lasting, content)) if isinstance(content, list) else content


def different(expected, received):
    """Names of what differs between two results of `digests`."""
    return sorted(name for name in {**expected, **received} if expected.get(name) != received.get(name))


def table(found):
    """Lines of text of `measure`'s figures."""
    rows = [["training", "kills survived", "before a new checkpoint", "trainings", "differences", "partial files"]]
    for name, figures in found.items():
        numbers = [figures[key] for key in ("kills", "without_progress", "trainings")]
        rows.append([name, *map(str, [*numbers, len(figures["differences"]), len(figures["partial"])])])
    return tables.align(rows)
