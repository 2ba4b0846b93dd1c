"""A corpus on disk: which studies each shard holds, and making those that are missing, also after a kill.

Every shard is a pure function of its recipe and of the data that the recipe names, whichever process makes it.
"""

import dataclasses
import functools
import hashlib
import json
import pathlib

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer.corpus import draws, shards, table_files, yahpo
from keras_hparam.optformer.corpus.generator import NUM_BINS, REAL_SHARE, generate_study, random_num_trials
from keras_hparam.optformer.corpus.policies import Run
from keras_hparam.optformer.corpus.problems import random_problem
from keras_hparam.optformer.corpus.real import RealProblems

TRAININGS_PER_SHARD = 8  # studies of real trainings take minutes


@dataclasses.dataclass(frozen=True)
class Corpus:
    """What a corpus holds.

    Args:
        seed: int >= 0.
        studies: number of generated studies.
        studies_per_shard: of them in a shard; the last may hold fewer.
        max_trials, max_parameters: limits of a study.
        library_share: share of the generated studies whose trials come from the samplers of Optuna.
        trainings: number of studies of real trainings of scikit-learn and Keras models.
        data_dir: folder of data of real trainings, see `real.RealProblems`, or "".

    Raises:
        InvalidArgumentError: if a number is out of its range or there are no studies at all.
    """

    seed: int = 0
    studies: int = 1000
    studies_per_shard: int = 256
    max_trials: int = 100
    max_parameters: int = 12
    library_share: float = 0.0
    trainings: int = 0
    data_dir: str = ""

    def __post_init__(self):
        least = {"seed": 0, "studies": 0, "studies_per_shard": 1, "max_trials": 1, "max_parameters": 1, "trainings": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < bound:
                raise errors.InvalidArgumentError(f"Expected `{name}` to be an int >= {bound}. Received: {value!r}.")
        if not 0.0 <= self.library_share <= 1.0:
            message = f"Expected `library_share` to be in [0, 1]. Received: {self.library_share!r}."
            raise errors.InvalidArgumentError(message)
        if not self.studies + self.trainings:
            raise errors.InvalidArgumentError("Expected `studies` or `trainings` to be positive. Received: 0 and 0.")

    def recipes(self):
        """The recipes, dicts of JSON values, of all shards in order; equal recipes make equal shards."""
        common = {"seed": self.seed, "max_trials": self.max_trials, "max_parameters": self.max_parameters}
        generated = {**common, "source": "generated", "library_share": self.library_share, "data": self._digests}
        trained = {**common, "source": "trainings"}
        return [
            {**recipe, "first": first, "count": min(size, total - first)}
            for recipe, total, size in (
                (generated, self.studies, self.studies_per_shard),
                (trained, self.trainings, TRAININGS_PER_SHARD),
            )
            for first in range(0, total, size)
        ]

    @functools.cached_property
    def _digests(self):
        """sha256 of every file of data by name."""
        if not self.data_dir:
            return {}
        names = [*(collection.archive for collection in yahpo.COLLECTIONS), *table_files.READERS]
        paths = [pathlib.Path(self.data_dir) / name for name in names]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


def missing_shards(corpus, directory):
    """Indices of the shards of `corpus` that the directory lacks; those that are there are read and verified.

    Raises:
        InvalidArgumentError: if a shard that is there was made in another way, or there are more of them.
        CorruptFileError: if one of them is damaged.
    """
    recipes = corpus.recipes()
    present = {path.name for path in pathlib.Path(directory).glob(shards.PATTERN)}
    names = [shards.shard_path(directory, index).name for index in range(len(recipes))]
    foreign = sorted(present - set(names))
    for name, recipe in zip(names, recipes, strict=True):
        if name in present and shards.Shard(pathlib.Path(directory) / name).recipe != json.loads(json.dumps(recipe)):
            foreign.append(name)
    if foreign:
        raise errors.InvalidArgumentError(
            f"Expected the directory {str(directory)!r} to be new or to hold shards of the same corpus. "
            f"Received: one with {foreign[:5]}, made from another seed, other limits, numbers or data."
        )
    return [index for index, name in enumerate(names) if name not in present]


def generate_shard(corpus, directory, index):
    """Makes the shard of that index; returns its number of studies."""
    recipe = corpus.recipes()[index]
    make = _trained if recipe["source"] == "trainings" else _generated
    studies = [make(corpus, row) for row in range(recipe["first"], recipe["first"] + recipe["count"])]
    shards.write_shard(shards.shard_path(directory, index), studies, recipe)
    return len(studies)


def _generated(corpus, index):
    real = _real_problems(corpus.data_dir) if corpus.data_dir else None
    rng = np.random.default_rng([corpus.seed, index, 2])
    if draws.chance(rng, corpus.library_share):
        return _of_library(rng, corpus, real)
    return generate_study(corpus.seed, index, corpus.max_trials, corpus.max_parameters, real=real)


def _of_library(rng, corpus, real):
    """A study whose trials one of Optuna's samplers proposes."""
    from keras_hparam.optformer.corpus.policies import libraries

    source = real if real and draws.chance(rng, REAL_SHARE) else random_problem
    problem, metadata = source(rng, corpus.max_parameters, num_bins=NUM_BINS)
    run = Run(rng, problem, random_num_trials(rng, corpus.max_trials))
    libraries.LIBRARY_POLICIES[draws.pick_from(rng, libraries.LIBRARY_SHARES)](run)
    return run.study(metadata)


def _trained(corpus, index):
    from keras_hparam.optformer.corpus import trainings

    return trainings.train_study(corpus.seed, index, corpus.max_trials, corpus.max_parameters)


_real_problems = functools.lru_cache(maxsize=1)(RealProblems)  # they are read once in each process
