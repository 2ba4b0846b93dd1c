"""Random problems of the surrogates in `yahpo`: a task, an output, a fidelity, some of the parameters, ranges, names.

Axes: N configurations, D parameters.
"""

import dataclasses

import numpy as np

from keras_hparam.optformer.corpus import draws, names, roles
from keras_hparam.optformer.corpus.problems import RecordedProblem
from keras_hparam.optformer.corpus.yahpo import COLLECTIONS, FIDELITIES, Objective, Surrogate
from keras_hparam.optformer.study import Metadata
from keras_hparam.spaces import Parameter, SearchSpace


def _random_parameter(rng, name, row, narrow):
    """A parameter with the range of a row of the configuration space, or a part of that range."""
    if row["type"] == "categorical":
        return Parameter(name, "choice", values=tuple(row["choices"]))
    kind, low, high = ("int" if row["type"] == "uniform_int" else "float"), row["lower"], row["upper"]
    if narrow and high > 4 * low + 4 or narrow and row["log"]:
        first, last = np.sort(rng.integers(0, 11, 2)) / 10.0  # of a few, so that tables of values are shared
        if last - first > 0.3:
            ends = (np.log(low), np.log(high)) if row["log"] else (low, high)
            low, high = (ends[0] + share * (ends[1] - ends[0]) for share in (first, last))
            low, high = (np.exp(low), np.exp(high)) if row["log"] else (low, high)
            low, high = (round(low), round(high)) if kind == "int" else (float(low), float(high))
    return Parameter(name, kind, low=low, high=max(high, low + 1) if kind == "int" else high,
                     scale="log" if row["log"] else "linear")  # fmt: skip


def _random_value(rng, row, encoding):
    """A number, or a category's code, drawn from a row of the configuration space."""
    if row["type"] == "categorical":
        return encoding[draws.pick(rng, row["choices"])]
    draw = draws.log_between if row["log"] else draws.between
    value = draw(rng, row["lower"], row["upper"])
    return round(value) if row["type"] == "uniform_int" else value


class SurrogateProblems:
    """Random problems of the training tasks: an output, a fidelity, all or some of the parameters, names, ranges.

    Args:
        data_dir: folder of the archives.

    Raises:
        UnavailableError: if an archive or onnxruntime is missing.
    """

    def __init__(self, data_dir):
        self.surrogates = [Surrogate(data_dir, collection) for collection in COLLECTIONS]

    def __call__(self, rng, max_parameters=12, num_bins=1000):
        """A random `RecordedProblem` and the `Metadata` of its study."""
        surrogate = draws.pick(rng, self.surrogates, [s.collection.share for s in self.surrogates])
        collection = surrogate.collection
        task = draws.pick(rng, surrogate.training_tasks)
        output = draws.pick(rng, tuple(collection.outputs), [5, *[1] * (len(collection.outputs) - 1)])
        inputs = [surrogate.parameter_names[i] for i in rng.permutation(len(surrogate.parameter_names))]
        most = len(inputs) if draws.chance(rng, 0.7) else draws.whole_between(rng, 1, len(inputs))
        inputs, rest = inputs[: min(most, max_parameters)], inputs[min(most, max_parameters) :]
        narrow = draws.chance(rng, 0.4)
        parameters = [_random_parameter(rng, name, surrogate.ranges[name], narrow) for name in inputs]
        parameters = _renamed(rng, parameters)
        fixed = {name: _random_value(rng, surrogate.ranges[name], surrogate.encoding.get(name)) for name in rest}
        for name in FIDELITIES:
            if name in surrogate.numeric:
                row = surrogate.ranges[name]
                fixed[name] = row["upper"] if draws.chance(rng, 0.6) else _random_value(rng, row, None)
        space = SearchSpace(tuple(parameters))
        objective = Objective(surrogate, task, output, space, inputs, fixed, num_bins)
        metric, goal = collection.outputs[output]
        said = Metadata(collection.task, collection.model, f"OpenML {task}", metric)
        hidden = {field: "" for field in ("task", "model", "dataset") if draws.chance(rng, 0.4)}
        problem = RecordedProblem(rng, space, objective, goal, num_bins)
        return problem, dataclasses.replace(said, **hidden)


def _renamed(rng, parameters):
    """The parameters under their own names, other usual names, or names without meaning."""
    style = draws.pick(rng, ("own", "alias", "meaningless"), (5, 3, 2))
    fresh = names.meaningless_names(rng, len(parameters))
    renamed = []
    for parameter, other in zip(parameters, fresh, strict=True):
        role = roles.role_of(parameter.name)
        if style == "alias":
            other = draws.pick(rng, roles.ROLES[role].aliases) if role else parameter.name
        renamed.append(parameter if style == "own" else dataclasses.replace(parameter, name=other))
    distinct = len({parameter.name for parameter in renamed}) == len(renamed)
    return renamed if distinct else parameters
