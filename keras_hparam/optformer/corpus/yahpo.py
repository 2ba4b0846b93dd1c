"""Surrogates of real trainings as objectives: YAHPO Gym's networks for LCBench, rpart and glmnet, training tasks only.

Pfisterer et al. 2022, "YAHPO Gym", arXiv 2109.03670. An archive holds an ONNX network, whose inputs are raw values and
the codes of categories in the order of `spec.json`, and the ranges of its hyperparameters in `config_space.json`. The
last tasks of each collection in numerical order serve evaluation and never appear here. `onnxruntime` comes with the
extra `corpus`.

Axes: N configurations, D parameters.
"""

import dataclasses
import functools
import json
import pathlib
import zipfile
from typing import NamedTuple

import numpy as np

from keras_hparam import errors

FIDELITIES = ("epoch", "trainsize", "repl")
MAX_BYTES = 1 << 28  # of the members of an archive


@dataclasses.dataclass(frozen=True)
class Collection:
    """One archive.

    Args:
        archive: its file name.
        instance: the categorical input that names the task.
        num_training_tasks: tasks, in numerical order, that may be trained on.
        outputs: output -> (metric's name, goal).
        task, model: as a user would describe the studies.
        share: how often it is drawn relative to the others.
    """

    archive: str
    instance: str
    num_training_tasks: int
    outputs: dict
    task: str
    model: str
    share: float


_MAX, _MIN = "max", "min"
COLLECTIONS = (
    Collection(
        "yahpo_lcbench.zip", "OpenML_task_id", 24,
        {"val_accuracy": ("val_accuracy", _MAX), "val_cross_entropy": ("val_loss", _MIN),
         "val_balanced_accuracy": ("val_balanced_accuracy", _MAX), "test_cross_entropy": ("test_loss", _MIN),
         "test_balanced_accuracy": ("balanced_accuracy", _MAX), "time": ("time", _MIN)},
        "tabular classification", "funnel-shaped MLP", 0.6,
    ),
    Collection(
        "yahpo_rbv2_rpart.zip", "task_id", 90,
        {"acc": ("accuracy", _MAX), "bac": ("balanced_accuracy", _MAX), "auc": ("auc", _MAX), "brier": ("brier", _MIN),
         "f1": ("f1", _MAX), "logloss": ("logloss", _MIN), "timetrain": ("train_seconds", _MIN)},
        "tabular classification", "decision tree", 0.3,
    ),
    Collection(
        "yahpo_iaml_glmnet.zip", "task_id", 4,
        {"mmce": ("error", _MIN), "f1": ("f1", _MAX), "auc": ("auc", _MAX), "logloss": ("logloss", _MIN),
         "nf": ("features", _MIN), "timetrain": ("train_seconds", _MIN)},
        "classification", "elastic net", 0.1,
    ),
)  # fmt: skip


class Archive(NamedTuple):
    """What an archive holds.

    Attributes:
        model: bytes of the ONNX network.
        numeric, categorical, outputs: lists of the names of the network's inputs and outputs.
        encoding: categorical input -> category -> code.
        ranges: hyperparameter -> its row of the configuration space.
        tasks: list of the names of tasks, in numerical order.
    """

    model: bytes
    numeric: list[str]
    categorical: list[str]
    outputs: list[str]
    encoding: dict
    ranges: dict
    tasks: list[str]


def read_archive(path, collection):
    """The `Archive` at a path.

    Raises:
        CorruptFileError: if it is damaged, lacks a member, or holds too few tasks.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_BYTES:
                raise ValueError(f"{size} bytes")
            model = archive.read("model.onnx")
            spec, encoding, config_space = (
                json.loads(archive.read(f"{name}.json")) for name in ("spec", "encoding", "config_space")
            )
        names = [[str(name) for name in spec[key]] for key in ("cont_names", "cat_names", "y_names")]
        ranges = {row["name"]: row for row in config_space["hyperparameters"]}
        tasks = sorted((name for name in encoding[collection.instance] if name.isdecimal()), key=int)
    except (*errors.MALFORMED, KeyError, AttributeError, RecursionError) as error:
        raise errors.CorruptFileError(f"Expected {path} to be a YAHPO Gym archive. Received: {error!r}.") from error
    if len(tasks) < collection.num_training_tasks:
        raise errors.CorruptFileError(
            f"Expected {path} to hold at least {collection.num_training_tasks} tasks. Received: {len(tasks)}."
        )
    return Archive(model, *names, encoding, ranges, tasks)


class Surrogate:
    """The network of one `Collection`, in one thread.

    Args:
        data_dir: folder of the archive.
        collection: `Collection`.

    Raises:
        UnavailableError: if the archive or onnxruntime is missing.
        CorruptFileError: if the archive lacks a member or holds too few tasks.
    """

    def __init__(self, data_dir, collection):
        path = pathlib.Path(data_dir) / collection.archive
        if not path.is_file():
            raise errors.UnavailableError(f"Expected `data_dir` to hold {collection.archive}. Received: {data_dir}.")
        try:
            import onnxruntime
        except ImportError as error:
            raise errors.UnavailableError(
                "Expected onnxruntime, which runs the surrogates: pip install 'keras_hparam[corpus]'. "
                f"Received: {error}."
            ) from error
        found = read_archive(path, collection)
        self.collection, self.encoding, self.ranges = collection, found.encoding, found.ranges
        self.numeric, self.categorical, self._outputs = found.numeric, found.categorical, found.outputs
        self.training_tasks = found.tasks[: collection.num_training_tasks]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(found.model, options, providers=["CPUExecutionProvider"])

    @property
    def parameter_names(self):
        """The inputs that are hyperparameters: neither the task nor a fidelity."""
        inputs = [*self.numeric, *self.categorical]
        return [name for name in inputs if name != self.collection.instance and name not in FIDELITIES]

    def evaluate(self, values, output):
        """Values [N] of an output for inputs by name: numbers, or codes of categories, each [N]."""
        columns = [np.stack([values[name] for name in part], axis=1) for part in (self.numeric, self.categorical)]
        inputs = {"x_cont": columns[0].astype(np.float32), "x_cat": columns[1].astype(np.int32)}
        return self._session.run(None, inputs)[0][:, self._outputs.index(output)].astype(float)


class Objective:
    """One task of a surrogate as an objective of tokens.

    Args:
        surrogate: `Surrogate`.
        task, output: key of its encoding, name of one of its outputs.
        space: `SearchSpace` whose parameters are the inputs `inputs`, under whatever names.
        inputs: names of the inputs, one for each parameter of the space.
        fixed: input -> number or code, for all others but the task.
        num_bins: the number of tokens of a numeric parameter.
    """

    def __init__(self, surrogate, task, output, space, inputs, fixed, num_bins):
        self._surrogate, self._output, self._sign = surrogate, output, 1.0
        if surrogate.collection.outputs[output][1] == _MIN:
            self._sign = -1.0
        instance = surrogate.collection.instance
        self._fixed = {**fixed, instance: surrogate.encoding[instance][task]}
        self._tables = {}
        for name, parameter in zip(inputs, space.parameters, strict=True):
            if parameter.is_categorical:
                self._tables[name] = np.asarray([surrogate.encoding[name][value] for value in parameter.values])
            else:
                anonymous = dataclasses.replace(parameter, name="any")
                self._tables[name] = _value_table(anonymous, num_bins)

    def __call__(self, tokens):
        """Values [N], larger is better, of tokens [N, D]."""
        values = {name: np.full(len(tokens), float(value)) for name, value in self._fixed.items()}
        for column, (name, table) in enumerate(self._tables.items()):
            values[name] = table[tokens[:, column]]
        return self._sign * self._surrogate.evaluate(values, self._output)


@functools.lru_cache(maxsize=4096)
def _value_table(parameter, num_bins):
    """The values [num_bins] that the legal tokens of a numeric parameter stand for; 0 elsewhere."""
    legal = parameter.legal_tokens(num_bins)
    table = np.zeros(num_bins)
    table[legal] = [parameter.from_token(int(token), num_bins) for token in legal]
    return table
