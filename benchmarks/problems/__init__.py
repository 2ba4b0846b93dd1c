"""The problems of the search benchmark by suite."""

from benchmarks.problems import lcbench, synthetic
from benchmarks.problems.problem import Problem
from keras_hparam import errors

SUITES = ("lcbench", "synthetic")


def load(suites, data_dir):
    """Problems of the named suites in a fixed order.

    Args:
        suites: sequence of names out of `SUITES`, or of single problems such as "lcbench_189909".
        data_dir: folder that holds `yahpo_lcbench.zip`; read only if an lcbench problem is asked for.

    Returns:
        List of `Problem`.

    Raises:
        InvalidArgumentError: if a name is unknown.
        UnavailableError: if the data or the runtime of the surrogate is missing.
    """
    available = list(synthetic.problems())
    if any(name.startswith("lcbench") for name in suites):
        available = list(lcbench.problems(data_dir)) + available
    chosen = [problem for problem in available if problem.suite in suites or problem.name in suites]
    for name in suites:
        if not any(name in (problem.suite, problem.name) for problem in chosen):
            raise errors.InvalidArgumentError(
                f"Expected `problems` out of {SUITES} or names of single problems. Received: {name!r}."
            )
    return chosen


__all__ = ["SUITES", "Problem", "load"]
