"""One cell of the benchmark: one peer on one problem with one seed, cached as a JSON file.

Axes: T trials in the order in which they were asked for.
"""

import gzip
import json
import pathlib
import time
import zlib

import numpy as np

from benchmarks import peers, problems, reference
from keras_hparam import atomic, errors
from keras_hparam.spaces.convert import from_hyperparameters


def run(problem, peer, seed, num_trials):
    """Searches, sequentially.

    Args:
        problem: `Problem`.
        peer: text as in `peers.parse`.
        seed: int >= 0.
        num_trials: trials to run; fewer are if the peer stops.

    Returns:
        Dict with `objectives` [T], `ask_seconds` [T] (wall time of a proposal), `tell_seconds` [T] (wall time of
        reporting it), `illegal` (proposals outside the space, evaluated all the same) and what names the cell.

    Raises:
        InvalidArgumentError: if the objective is not finite.
    """
    space = from_hyperparameters(problem.build())
    started = time.perf_counter()
    searcher = peers.make(peer, problem, num_trials, search_seed(problem.name, seed))
    load_seconds = time.perf_counter() - started
    objectives, ask_seconds, tell_seconds, illegal = [], [], [], 0
    for _ in range(num_trials):
        started = time.perf_counter()
        values = searcher.ask()
        asked = time.perf_counter()
        if values is None:
            break
        illegal += not is_legal(space, values)
        objective = problem.evaluate(values)
        if not np.isfinite(objective):
            raise errors.InvalidArgumentError(
                f"Expected a finite objective of {problem.name}. Received: {objective} at {values}."
            )
        evaluated = time.perf_counter()
        searcher.tell(objective)
        objectives.append(objective)
        ask_seconds.append(round(asked - started, 6))
        tell_seconds.append(round(time.perf_counter() - evaluated, 6))
    return {
        "problem": problem.name,
        "suite": problem.suite,
        "peer": peers.parse(peer).label,
        "seed": seed,
        "weights": peers.parse(peer).weights,
        "num_trials": num_trials,
        "num_parameters": len(space.parameters),
        "load_seconds": round(load_seconds, 3),
        "illegal": illegal,
        "objectives": objectives,
        "ask_seconds": ask_seconds,
        "tell_seconds": tell_seconds,
    }


def search_seed(problem_name, seed):
    """A seed in [1, 2^31) of a problem's own: with one seed for all, problems that share a space share their starts.

    It also keeps seeds apart: KerasTuner counts a seed up by one per sampled value and takes 0 for none.
    """
    state = np.random.SeedSequence((seed, zlib.crc32(problem_name.encode()))).generate_state(1)
    return 1 + int(state[0]) % (2**31 - 1)


def is_legal(space, values):
    """Whether the space accepts the values."""
    try:
        space.validate(values)
    except errors.InvalidArgumentError:
        return False
    return True


def path(workdir, problem_name, peer, seed):
    """Where a cell is cached."""
    folder = peers.parse(peer).label.replace(":", "-")
    return pathlib.Path(workdir) / "cells" / problem_name / folder / f"{seed}.json"


def read(workdir, problem_name, peer, seed, num_trials):
    """A cached cell that has at least `num_trials` trials, with the same weights, else `None`."""
    file = path(workdir, problem_name, peer, seed)
    if not file.exists():
        return None
    try:
        cell = json.loads(file.read_text())
    except ValueError as error:
        raise errors.CorruptFileError(f"Expected {file} to be JSON; delete it. Received: {error}.") from error
    same_weights = cell["weights"] == peers.parse(peer).weights
    return cell if cell["num_trials"] >= num_trials and same_weights else None


def complete(workdir, data_dir, problem_name, peer, seed, num_trials):
    """Runs and caches a cell unless it is cached already; the unit of work of a process.

    Returns:
        The cell.
    """
    cell = read(workdir, problem_name, peer, seed, num_trials)
    if cell is None:
        (problem,) = problems.load([problem_name], data_dir)
        cell = run(problem, peer, seed, num_trials)
        reference.write_json(path(workdir, problem_name, peer, seed), cell)
    return cell


def pack(workdir, file):
    """Writes all cells of a workdir as one file, so that a benchmark can go on elsewhere, or get another peer."""
    found = [json.loads(path.read_text()) for path in sorted((pathlib.Path(workdir) / "cells").glob("*/*/*.json"))]
    atomic.write_bytes(pathlib.Path(file), gzip.compress(json.dumps(found).encode(), mtime=0))


def unpack(file, workdir):
    """Adds the cells of a file that `pack` wrote to a workdir, where it has none in their place.

    Raises:
        CorruptFileError: if the file is something else, not whole, or names a place outside of the workdir.
    """
    folder = (pathlib.Path(workdir) / "cells").resolve()
    try:
        found = json.loads(gzip.decompress(pathlib.Path(file).read_bytes()))
        cells = {path(workdir, cell["problem"], cell["peer"], cell["seed"]): cell for cell in found}
    except (KeyError, *errors.MALFORMED) as error:
        raise errors.CorruptFileError(f"Expected {file} to hold cells that were packed. Received: {error}.") from error
    outside = [str(place) for place in cells if place.resolve().parents[1].parent != folder]
    if outside:
        raise errors.CorruptFileError(f"Expected {file} to name cells within {folder}. Received: {outside[0]}.")
    for place, cell in cells.items():
        if not place.exists():
            reference.write_json(place, cell)
