"""YAHPO Gym's surrogates: networks in ONNX form, fitted to the results of real trainings on many tasks.

Pfisterer et al. 2022, "YAHPO Gym", arXiv 2109.03670. An archive holds `model.onnx`; `spec.json` with the names, in
order, of its inputs `x_cont` float32 [B, C] (raw values) and `x_cat` int32 [B, K] (codes) and of its outputs [B, Y];
and `encoding.json` with the codes of each categorical input.
"""

import functools
import json
import pathlib
import zipfile

import numpy as np

from keras_hparam import errors

MEMBERS = ("model.onnx", "spec.json", "encoding.json")


class Surrogate:
    """One scenario's network, in one thread.

    Args:
        path: path of the archive.

    Raises:
        UnavailableError: if the archive or onnxruntime is missing.
        CorruptFileError: if it is no zip archive or lacks a member.
    """

    def __init__(self, path):
        try:
            import onnxruntime
        except ImportError as error:
            raise errors.UnavailableError(
                "Expected onnxruntime, which runs the surrogates of lcbench and rpart: "
                f"pip install 'keras_hparam[benchmarks]'. Received: {error}."
            ) from error
        self._path = pathlib.Path(path)
        if not self._path.is_file():
            raise errors.UnavailableError(f"Expected `data_dir` to hold {self._path.name}. Received: no file {path}.")
        try:
            with zipfile.ZipFile(path) as archive:
                model, spec, encoding = (archive.read(name) for name in MEMBERS)
        except (KeyError, zipfile.BadZipFile) as error:
            raise errors.CorruptFileError(
                f"Expected {path} to be a YAHPO Gym archive with {', '.join(MEMBERS)}. Received: {error}."
            ) from error
        self._spec, self._encoding = json.loads(spec), json.loads(encoding)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def evaluation_tasks(self, count):
        """The last `count` tasks, OpenML ids as strings in numerical order; only the others may be trained on.

        Raises:
            CorruptFileError: if there are not more tasks than that.
        """
        tasks = sorted((name for name in self._encoding[self._spec["instance"]] if name.isdigit()), key=int)
        if len(tasks) <= count:
            raise errors.CorruptFileError(
                f"Expected {self._path} to encode more than {count} tasks. Received: {tasks}."
            )
        return tasks[-count:]

    def predict(self, target, fixed, values):
        """One output for one configuration.

        Args:
            target: name of the output.
            fixed: dict of the inputs that the search does not set, the task among them.
            values: dict of the hyperparameters.

        Returns:
            Float, in the units of the scenario.
        """
        row = {**fixed, **values}
        x_cont = np.array([[row[name] for name in self._spec["cont_names"]]], np.float32)  # [1, C]
        x_cat = np.array([[self._encoding[name][row[name]] for name in self._spec["cat_names"]]], np.int32)  # [1, K]
        (outputs,) = self._session.run(None, {"x_cont": x_cont, "x_cat": x_cat})
        return float(outputs[0, self._spec["y_names"].index(target)])


@functools.cache
def load(path):
    """The surrogate of this process, read once."""
    return Surrogate(path)
