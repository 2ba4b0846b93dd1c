"""Problems of real trainings from a folder of data: surrogates of them and tables of recorded ones.

Axes: N configurations, D parameters.
"""

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.problems import RecordedProblem
from keras_hparam.optformer.corpus.tables import load_tables
from keras_hparam.optformer.corpus.yahpo_problems import SurrogateProblems

TABLE_SHARE = 0.12  # of the problems are tables


class RealProblems:
    """Random problems of real trainings.

    Args:
        data_dir: folder of the archives of `yahpo` and the files of `tables`.

    Raises:
        UnavailableError, InvalidArgumentError, CorruptFileError: if they are missing or damaged.

    Example:
        >>> problem, metadata = RealProblems("data")(np.random.default_rng(0))
    """

    def __init__(self, data_dir):
        self._surrogates = SurrogateProblems(data_dir)
        self._tables = load_tables(data_dir)

    def __call__(self, rng, max_parameters=12, num_bins=1000):
        """A random `RecordedProblem` with at most `max_parameters` parameters, and the `Metadata` of its study."""
        if not draws.chance(rng, TABLE_SHARE):
            return self._surrogates(rng, max_parameters, num_bins)
        table = draws.pick(rng, [t for t in self._tables if len(t.space.parameters) <= max_parameters])
        return RecordedProblem(rng, table.space, table.objective(rng), table.goal, num_bins), table.metadata
