"""Studies on disk: a shard is a directory with `studies.npz` and a manifest with its sha256, readable with NumPy alone.

`numpy.load` gives, of S studies: `num_trials` and `num_parameters` int64 [S]; `objectives` float64 and `statuses` int8,
both [sum of T], one study after the other; `tokens` int16 or int32 [sum of T * D], row by row; `text` uint8, and
`text_sizes` int64 [S], the bytes in it of each study's JSON text (see `records`).

Axes: S studies of a shard, T trials and D parameters of a study.
"""

import pathlib

import numpy as np

from keras_hparam import errors
from keras_hparam.checkpoints import manifest, npz
from keras_hparam.optformer.corpus import records
from keras_hparam.optformer.study import Study

KIND = "optformer studies"
FILE = "studies.npz"
VERSION = 1
PATTERN = "shard-*"


def shard_path(directory, index):
    """Where the shard of that index lies in the directory of a corpus."""
    return pathlib.Path(directory) / f"shard-{index:06d}"


def write_shard(path, studies, recipe=None):
    """Writes studies so that all of them or none are there, also when the process is killed.

    Args:
        path: the directory to write; an earlier shard there is replaced, anything else is refused.
        studies: non-empty sequence of `Study`.
        recipe: dict of plain JSON values, how the studies came to be; `Shard.recipe` gives it back.

    Raises:
        InvalidArgumentError: if there are no studies, or `path` has other content.
    """
    if not len(studies):
        raise errors.InvalidArgumentError(f"Expected `studies` to have at least one study. Received: {studies!r}.")
    texts = [records.to_text(study).encode() for study in studies]
    tokens = np.concatenate([np.asarray(study.tokens, np.int32).ravel() for study in studies])
    is_short = not tokens.size or tokens.max() <= np.iinfo(np.int16).max
    arrays = {
        "num_trials": np.asarray([len(study) for study in studies], np.int64),
        "num_parameters": np.asarray([len(study.space) for study in studies], np.int64),
        "objectives": np.concatenate([np.asarray(study.objectives, np.float64) for study in studies]),
        "statuses": np.concatenate([np.asarray(study.statuses, np.int8) for study in studies]),
        "tokens": tokens.astype(np.int16 if is_short else np.int32),
        "text": np.frombuffer(b"".join(texts), np.uint8),
        "text_sizes": np.asarray([len(text) for text in texts], np.int64),
    }
    config = {"version": VERSION, "recipe": recipe or {}}
    manifest.write(path, KIND, {FILE: npz.to_bytes(arrays)}, config=config, training={})


def read_shard(path):
    """The list of `Study`s that `write_shard` wrote, every field as it was (tokens int32, statuses int8).

    Raises:
        CorruptFileError: if a file is missing, truncated, altered, foreign or of a newer version.
    """
    shard = Shard(path)
    return [shard.study(row) for row in range(len(shard))]


class Shard:
    """A shard in memory, about as large as on disk; its studies are made when they are asked for.

    Args:
        path: the directory that `write_shard` wrote.

    Attributes:
        recipe: dict, as given to `write_shard`.
        num_parameters: int [S].

    Raises:
        CorruptFileError: if a file is missing, truncated, altered, foreign or of a newer version.
    """

    def __init__(self, path):
        facts, files = manifest.read(path, KIND)
        if facts["config"].get("version") != VERSION or FILE not in files:
            raise errors.CorruptFileError(
                f"Expected {path} to hold {FILE} of version {VERSION}; a newer one needs a newer keras_hparam. "
                f"Received: version {facts['config'].get('version')!r}, files {sorted(files)}."
            )
        self._path, self.recipe = path, facts["config"].get("recipe")
        arrays = npz.from_bytes(files[FILE], pathlib.Path(path) / FILE)
        try:
            self.num_parameters = arrays["num_parameters"]
            num_trials = arrays["num_trials"]
            sizes = {
                "objectives": num_trials,
                "statuses": num_trials,
                "tokens": num_trials * self.num_parameters,
                "text": arrays["text_sizes"],
            }
            self._columns = {name: (arrays[name], np.cumsum([0, *counts])) for name, counts in sizes.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise self._corrupt(error) from error
        wrong = [name for name, (array, ends) in self._columns.items() if array.shape != (ends[-1],)]
        if wrong:
            raise self._corrupt(f"sizes of {wrong} that do not fit the numbers of trials and parameters")

    def __len__(self):
        return len(self.num_parameters)

    def study(self, row):
        """The `Study` at `row` in [0, S)."""
        text, tokens, objectives, statuses = (
            self._slice(name, row) for name in ("text", "tokens", "objectives", "statuses")
        )
        try:
            space, metadata, goal = records.from_text(text.tobytes())
            tokens = tokens.reshape(-1, len(space)).astype(np.int32)
            return Study(space, metadata, goal, tokens, objectives.copy(), statuses.copy())
        except (KeyError, TypeError, ValueError) as error:
            raise self._corrupt(error) from error

    def _slice(self, name, row):
        array, ends = self._columns[name]
        return array[ends[row] : ends[row + 1]]

    def _corrupt(self, received):
        return errors.CorruptFileError(f"Expected {self._path} to hold studies. Received: {received!r}.")


class StoredStudies:
    """Stored studies in the place of generated ones: a callable with the signature of `generate_study`.

    All shards are verified and kept in memory, about 2 kB a study.

    Args:
        directory: of shards, as `tools/generate_studies.py` writes it.

    Raises:
        InvalidArgumentError: if there are no shards.
        CorruptFileError: if one of them is damaged.
    """

    def __init__(self, directory):
        paths = sorted(pathlib.Path(directory).glob(PATTERN))
        if not paths:
            raise errors.InvalidArgumentError(
                f"Expected `directory` to hold shards ({PATTERN}). Received: {str(directory)!r}."
            )
        self._shards = [Shard(path) for path in paths]
        self._num_parameters = np.concatenate([shard.num_parameters for shard in self._shards])
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])

    def __len__(self):
        return len(self._num_parameters)

    def __call__(self, seed, index, max_trials=100, max_parameters=12):
        """A study drawn at random, a function of (seed, index) and the limits; its first `max_trials` trials.

        Raises:
            InvalidArgumentError: if no stored study has at most `max_parameters` parameters.
        """
        rows = np.flatnonzero(self._num_parameters <= max_parameters)
        if not len(rows):
            raise errors.InvalidArgumentError(
                f"Expected `max_parameters` of at least {self._num_parameters.min()}, the fewest of a stored study. "
                f"Received: {max_parameters!r}."
            )
        row = rows[np.random.default_rng([seed, index]).integers(len(rows))]
        shard = int(np.searchsorted(self._starts, row, side="right")) - 1
        study = self._shards[shard].study(row - self._starts[shard])
        return study if len(study) <= max_trials else study.take(slice(0, max_trials))


def stored_studies(directory):
    """The stored studies of a directory as a callable (seed, index, max_trials, max_parameters) -> `Study`."""
    return StoredStudies(directory)
