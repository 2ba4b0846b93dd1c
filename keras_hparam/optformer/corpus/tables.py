"""Tables of real trainings as problems: a space that fits the recorded runs, and an objective that interpolates them.

Axes: N configurations, D parameters, R recorded configurations, K nearest of them.
"""

import csv
import dataclasses
import pathlib

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.names import METRICS
from keras_hparam.optformer.corpus.table_files import READERS
from keras_hparam.optformer.corpus.table_spaces import inferred_space
from keras_hparam.optformer.study import Metadata
from keras_hparam.spaces import SearchSpace

MIN_ROWS = 24  # distinct configurations of a table
MIN_FINITE = 12  # of them with an objective
NUM_BINS = 1000
_MALFORMED = (*errors.MALFORMED, csv.Error, KeyError, AttributeError, OverflowError)


@dataclasses.dataclass(frozen=True)
class Table:
    """Recorded trainings of one task.

    Args:
        space: `SearchSpace` of D parameters.
        tokens: int32 [R, D], distinct rows with -1 where a parameter is inactive.
        values: float64 [R], recorded objectives, averaged over repeats; NaN where all runs failed.
        metric: kind of metric, a key of `names.METRICS`.
        metadata: `Metadata`.
    """

    space: SearchSpace
    tokens: np.ndarray
    values: np.ndarray
    metric: str
    metadata: Metadata

    @property
    def goal(self):
        """The direction in which the objective improves, "max" or "min"."""
        return METRICS[self.metric][1]

    @property
    def latent(self):
        """Latent values [R]: the objectives with the sign that makes larger better."""
        return self.values if self.goal == "max" else -self.values

    def objective(self, rng):
        """A random interpolation of the recorded rows.

        Args:
            rng: `np.random.Generator`, which chooses between the nearest row and the K nearest ones weighted by
                inverse distance (Shepard 1968, doi 10.1145/800186.810616), K and the power of the distance.

        Returns:
            `Interpolation`, a callable from tokens [N, D] to latent values [N].
        """
        if draws.chance(rng, 0.35):
            return Interpolation(self, num_neighbors=1, power=1.0)
        neighbors = draws.whole_between(rng, 2, 2 + 2 * len(self.space))
        return Interpolation(self, min(neighbors, len(self.tokens)), power=draws.between(rng, 1.0, 4.0))


class Interpolation:
    """Maps tokens [N, D] to latent values [N]; a recorded row has its own value, NaN where its nearest row failed.

    The squared distance of two rows adds, per parameter, the squared difference of numeric values in the unit interval,
    and 1 where categories differ or only one of the rows has the parameter. Positive losses are averaged in their
    logarithm, so that one that diverged does not drown the others.

    Args:
        table: `Table`.
        num_neighbors: K, the number of rows that count.
        power: their weight is distance ** -power.
    """

    def __init__(self, table, num_neighbors, power):
        self._in_logarithm = table.goal == "min" and bool(np.nanmin(table.values) > 0.0)
        self._tokens, self._values = table.tokens, table.latent
        self._averaged = -np.log(table.values) if self._in_logarithm else table.latent
        self._categorical = [parameter.is_categorical for parameter in table.space.parameters]
        self._num_neighbors, self._power = num_neighbors, power

    def __call__(self, tokens):
        squared = self._squared_distances(np.asarray(tokens))  # [N, R]
        if self._num_neighbors == 1:
            return self._values[np.argmin(squared, axis=1)]
        nearest = np.argpartition(squared, self._num_neighbors - 1, axis=1)[:, : self._num_neighbors]
        near = np.take_along_axis(squared, nearest, axis=1)  # [N, K]
        values = self._averaged[nearest]
        closest = values[np.arange(len(values)), np.argmin(near, axis=1)]
        smallest = near.min(axis=1, keepdims=True)
        weights = (np.maximum(smallest, 1e-12) / np.maximum(near, 1e-12)) ** (0.5 * self._power)
        weights = np.where(np.isfinite(values), weights, 0.0)
        weights = np.where(smallest == 0.0, near == 0.0, weights)
        mean = np.sum(weights * np.nan_to_num(values), axis=1) / np.maximum(weights.sum(axis=1), 1e-12)
        mean = -np.exp(-mean) if self._in_logarithm else mean
        return np.where(np.isfinite(closest), mean, np.nan)

    def _squared_distances(self, tokens):
        squared = np.zeros((len(tokens), len(self._tokens)))
        for column, is_categorical in enumerate(self._categorical):
            ours, theirs = tokens[:, column, None], self._tokens[None, :, column]
            if is_categorical:
                squared += ours != theirs
            else:
                steps = ((ours - theirs) * (1.0 / NUM_BINS)) ** 2
                squared += np.where((ours < 0) != (theirs < 0), 1.0, steps)
        return squared


def load_tables(data_dir):
    """The tables of those of the files `table_files.READERS` that lie in `data_dir`.

    Args:
        data_dir: path of a directory.

    Returns:
        A list of `Table`s, each with at least 24 distinct configurations and an objective that varies, always in the
        same order.

    Raises:
        InvalidArgumentError: if the directory has none of the files.
        CorruptFileError: if one of them does not read as what its name says.
    """
    directory = pathlib.Path(data_dir)
    found = {name: reader for name, reader in READERS.items() if (directory / name).is_file()}
    if not found:
        raise errors.InvalidArgumentError(
            f"Expected `data_dir` to hold at least one of {sorted(READERS)}. Received: {str(directory)!r}."
        )
    tables = []
    for name, reader in found.items():
        try:
            groups = list(reader(directory / name))
            tables.extend(table for table in map(_table, groups) if table is not None)
        except _MALFORMED as error:
            message = f"Expected {directory / name} to be a table of trainings. Received: {error!r}."
            raise errors.CorruptFileError(message) from error
    return tables


def _table(group):
    """The `Table` of a `table_files.Group`, or None where it is too small or its objective does not vary."""
    if len(group.runs) < MIN_ROWS:
        return None
    space = inferred_space([values for values, _ in group.runs], group.parent, group.least_share)
    known = {parameter.name for parameter in space.parameters}
    rows = {}
    for values, result in group.runs:
        tokens = space.to_tokens({name: value for name, value in values.items() if name in known}, NUM_BINS)
        rows.setdefault(tuple(tokens.tolist()), []).append(result)
    results = [np.asarray(repeats)[np.isfinite(repeats)] for repeats in rows.values()]
    values = np.asarray([repeats.mean() if len(repeats) else np.nan for repeats in results])
    finite = values[np.isfinite(values)]
    if len(rows) < MIN_ROWS or len(finite) < MIN_FINITE or np.ptp(finite) == 0.0:
        return None
    return Table(space, np.asarray(list(rows), np.int32), values, group.metric, group.metadata)
