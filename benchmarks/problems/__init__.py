"""The problems of the search benchmark by suite; every problem belongs to one suite."""

from benchmarks.problems import bbob, conditional, lcbench, mixed, rpart, synthetic
from benchmarks.problems.problem import Problem
from keras_hparam import errors

SUITES = {  # name: callable from the folder of the data to problems; those named *_all extend the suite of that name
    "lcbench": lcbench.problems,
    "rpart": rpart.problems,
    "rpart_all": rpart.all_problems,
    "bbob": lambda data_dir: bbob.problems(),
    "bbob_all": lambda data_dir: bbob.all_problems(),
    "mixed": lambda data_dir: mixed.problems(),
    "conditional": lambda data_dir: conditional.problems(),
    "synthetic": lambda data_dir: synthetic.problems(),
}
DEFAULT = ("lcbench", "rpart", "bbob", "mixed", "conditional")
_HOLDERS = {"lcbench": ("lcbench",), "rpart": ("rpart_all",), "bbob": ("bbob_all",)}  # by what a problem's name begins
_FORMULAS = ("mixed", "conditional", "synthetic")  # they need neither data nor libraries


def load(names, data_dir):
    """Problems by suite or by name, each once, in the order in which they are named.

    Args:
        names: sequence of keys of `SUITES`, or of names of single problems such as "lcbench_189909".
        data_dir: folder of YAHPO Gym's archives; read only if a problem of lcbench or rpart is asked for.

    Returns:
        List of `Problem`.

    Raises:
        InvalidArgumentError: if a name is unknown.
        UnavailableError: if data or a library is missing.
    """
    chosen = {}
    for name in names:
        found = list(SUITES[name](data_dir)) if name in SUITES else _single(name, data_dir)
        if not found:
            raise errors.InvalidArgumentError(
                f"Expected `problems` out of {list(SUITES)} or names of single problems. Received: {name!r}."
            )
        chosen.update((problem.name, problem) for problem in found)
    return list(chosen.values())


def _single(name, data_dir):
    """The problem of that name in a list, or an empty one."""
    suites = _HOLDERS.get(name.partition("_")[0], _FORMULAS)
    return [problem for suite in suites for problem in SUITES[suite](data_dir) if problem.name == name]


__all__ = ["DEFAULT", "SUITES", "Problem", "load"]
