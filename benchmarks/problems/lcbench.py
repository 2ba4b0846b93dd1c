"""Evaluation tasks of LCBench: funnel-shaped networks on 34 OpenML data sets, through YAHPO Gym's surrogate.

Zimmer et al. 2021, "Auto-PyTorch Tabular", arXiv 2006.13799 (the trainings); Pfisterer et al. 2022, "YAHPO Gym",
arXiv 2109.03670 (the surrogate and the search space). The archive holds an ONNX network; its inputs are raw values
`x_cont` float32 [B, 8] in the order of `spec.json` and the task's code `x_cat` int32 [B, 1].
"""

import functools
import json
import pathlib
import zipfile

import keras_tuner as kt
import numpy as np

from benchmarks.problems.problem import Problem
from keras_hparam import errors
from keras_hparam.optformer.study import Metadata

ARCHIVE = "yahpo_lcbench.zip"
NUM_EVALUATION_TASKS = 10
EPOCH = 52


def space():
    """The 7 hyperparameters with the ranges and scales of the surrogate's own space."""
    hp = kt.HyperParameters()
    hp.Int("batch_size", 16, 512, sampling="log")
    hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    hp.Float("momentum", 0.1, 0.99)
    hp.Float("weight_decay", 1e-5, 1e-1)
    hp.Int("num_layers", 1, 5)
    hp.Int("max_units", 64, 1024, sampling="log")
    hp.Float("max_dropout", 0.0, 1.0)
    return hp


def evaluation_tasks(encoding):
    """The last `NUM_EVALUATION_TASKS` OpenML ids (strings) in numerical order; the others may be trained on."""
    ids = sorted((name for name in encoding if name.isdigit()), key=int)
    return ids[-NUM_EVALUATION_TASKS:]


class Surrogate:
    """The ONNX network in one thread.

    Args:
        path: path of `yahpo_lcbench.zip`.

    Raises:
        UnavailableError: if the archive or onnxruntime is missing.
        CorruptFileError: if the archive lacks a member or names other tasks.
    """

    def __init__(self, path):
        try:
            import onnxruntime
        except ImportError as error:
            raise errors.UnavailableError(
                "Expected onnxruntime, which runs the lcbench surrogate: pip install 'keras_hparam[benchmarks]'. "
                f"Received: {error}."
            ) from error
        if not pathlib.Path(path).is_file():
            raise errors.UnavailableError(f"Expected `data_dir` to hold {ARCHIVE}. Received: no file {path}.")
        try:
            with zipfile.ZipFile(path) as archive:
                model, spec, encoding = (archive.read(n) for n in ("model.onnx", "spec.json", "encoding.json"))
        except (KeyError, zipfile.BadZipFile) as error:
            raise errors.CorruptFileError(
                f"Expected {path} to be a YAHPO Gym archive with model.onnx, spec.json, encoding.json. "
                f"Received: {error}."
            ) from error
        spec = json.loads(spec)
        self.encoding = json.loads(encoding)["OpenML_task_id"]
        if sum(name.isdigit() for name in self.encoding) <= NUM_EVALUATION_TASKS:
            raise errors.CorruptFileError(
                f"Expected {path} to encode the 34 tasks of LCBench. Received: {list(self.encoding)}."
            )
        self._inputs = spec["cont_names"]
        self._output = spec["y_names"].index("val_accuracy")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def val_accuracy(self, task, values):
        """Validation accuracy in percent at the last epoch.

        Args:
            task: OpenML id, a key of `encoding`.
            values: dict with a value of each of the 7 hyperparameters.

        Returns:
            Float, nominally in [0, 100].
        """
        row = {**values, "epoch": EPOCH}
        x_cont = np.array([[row[name] for name in self._inputs]], np.float32)  # [1, 8]
        x_cat = np.array([[self.encoding[task]]], np.int32)  # [1, 1]
        (outputs,) = self._session.run(None, {"x_cont": x_cont, "x_cat": x_cat})
        return float(outputs[0, self._output])


@functools.cache
def load_surrogate(path):
    """The surrogate of this process."""
    return Surrogate(path)


def problems(data_dir):
    """The ten evaluation tasks, `lcbench_<OpenML id>`."""
    surrogate = load_surrogate(str(pathlib.Path(data_dir) / ARCHIVE))
    for task in evaluation_tasks(surrogate.encoding):
        metadata = Metadata("tabular classification", "funnel-shaped MLP", f"OpenML {task}", "val_accuracy")
        evaluate = functools.partial(surrogate.val_accuracy, task)
        yield Problem(f"lcbench_{task}", "lcbench", space, metadata, "max", evaluate)
