"""The two levels that normalise a regret: the best known value of a problem and the median of random search.

regret = (best so far - best known) / (median of random - best known), clipped at 0: 1 is what half of all random
configurations reach, 0 the best known. Both levels are searched for once, deterministically, and cached as JSON.
"""

import json
import os
import pathlib

import numpy as np

from benchmarks.problems import sampling
from keras_hparam import errors
from keras_hparam.spaces.convert import from_hyperparameters

VERSION = 1
NUM_RANDOM = 20_000
NUM_STARTS = 10
NUM_STEPS = 2_500
FIRST_SCALE, LAST_SCALE = 0.2, 2e-4


def climb(problem, space, values, score, rng, num_steps):
    """Local search from one configuration with a step size that shrinks geometrically; returns (values, score)."""
    for scale in np.geomspace(FIRST_SCALE, LAST_SCALE, num_steps):
        candidate = sampling.neighbour(space, values, rng, scale, resample=0.1, rate=rng.choice((0.2, 0.5, 1.0)))
        candidate_score = problem.sign * problem.evaluate(candidate)
        if candidate_score >= score:
            values, score = candidate, candidate_score
    return values, score


def search(problem, num_random=NUM_RANDOM, num_starts=NUM_STARTS, num_steps=NUM_STEPS):
    """Random search, then local search from its best configurations.

    Args:
        problem: `Problem`.
        num_random: random configurations, whose median is the upper level.
        num_starts: how many of the best ones are improved.
        num_steps: evaluations of each local search.

    Returns:
        Dict with `best` and `median` (raw objective values), `best_values`, `source` ("search", or "literature"
        where the known optimum is at least as good) and `version`.
    """
    rng = np.random.default_rng(0)
    space = from_hyperparameters(problem.build())
    drawn = [sampling.random_values(space, rng) for _ in range(num_random)]
    scores = np.array([problem.sign * problem.evaluate(values) for values in drawn])
    starts = np.argsort(-scores)[:num_starts]
    found = [climb(problem, space, drawn[i], scores[i], rng, num_steps) for i in starts]
    best_values, best = max(found, key=lambda pair: pair[1])
    source = "search"
    if problem.best_values is not None:
        known = problem.sign * problem.evaluate(problem.best_values)
        if known >= best:
            best_values, best, source = problem.best_values, known, "literature"
    return {
        "best": problem.sign * float(best),
        "median": problem.sign * float(np.median(scores)),
        "best_values": best_values,
        "source": source,
        "version": VERSION,
    }


def load_or_search(problem, directory, **options):
    """`search(problem)`, read from `<directory>/<problem>.json` where it is there already.

    Raises:
        CorruptFileError: if the cached file is of another version or no JSON.
    """
    path = pathlib.Path(directory) / f"{problem.name}.json"
    if not path.exists():
        write_json(path, search(problem, **options))
    try:
        reference = json.loads(path.read_text())
    except ValueError as error:
        raise errors.CorruptFileError(f"Expected {path} to be JSON; delete it. Received: {error}.") from error
    if reference.get("version") != VERSION:
        raise errors.CorruptFileError(
            f"Expected {path} of version {VERSION}; delete it. Received: version {reference.get('version')}."
        )
    return reference


def regret(objectives, reference, sign):
    """Normalised regret of the best value so far.

    Args:
        objectives: float [T], raw objective values in the order of the trials.
        reference: dict with `best` and `median`.
        sign: 1.0 where larger is better, -1.0 where smaller is.

    Returns:
        Float array [T], non-increasing, >= 0.
    """
    best_so_far = np.maximum.accumulate(sign * np.asarray(objectives, float))
    gap = sign * (reference["best"] - reference["median"])
    return np.maximum(sign * reference["best"] - best_so_far, 0.0) / gap


def write_json(path, content):
    """Writes a file that is either complete or absent, whenever the process dies."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=1) + "\n")
    part.replace(path)
