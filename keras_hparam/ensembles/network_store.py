"""Trained networks in a directory, each with its predictions of held-out examples: nothing is trained twice.

    directory/description/        what all of them have in common; another search's networks are refused
    directory/networks/<name>/    one network: model.keras, predictions.npz

Each of these is a directory of `checkpoints.manifest`, which appears whole or not at all, with the sha256 of its files.

Axes: n held-out examples.
"""

import hashlib
import json
import pathlib
import shutil
import tempfile

import keras
import numpy as np

from keras_hparam import atomic, errors
from keras_hparam.checkpoints import manifest, npz
from keras_hparam.ensembles.keras_files import check_whole

MODEL_FILE, PREDICTIONS_FILE = "model.keras", "predictions.npz"
_DESCRIPTION, _NETWORK = "ensemble candidates", "ensemble candidate"


class NetworkStore:
    """A directory of trained networks.

    Args:
        directory: path; made if it is absent.
        description: dict of plain JSON values, what the networks have in common: data, seed, search and so on.

    Raises:
        InvalidArgumentError: if the directory holds other files, or networks of another description.
        CorruptFileError: if its files are damaged.

    Example:

    ```python
    store = NetworkStore("workdir/networks", {"seed": 0})
    if "first" not in store:
        store.save("first", model, model.predict(x), {"units": 8})
    model, predictions = store.load("first"), store.predictions("first", {"units": 8})
    ```
    """

    def __init__(self, directory, description):
        self.directory = pathlib.Path(directory)
        description = manifest.check_json("description", description)
        for leftover in self.directory.glob(f"**/.*{atomic.PARTIAL_SUFFIX}"):  # of a kill
            shutil.rmtree(leftover, ignore_errors=True)
        if self.directory.exists() and (not self.directory.is_dir() or any(self.directory.iterdir())):
            self._check(description)
        else:
            manifest.write(self.directory / "description", _DESCRIPTION, {}, description, {})

    def __contains__(self, name):
        return atomic.newest(self._path(name)).is_dir()

    def save(self, name, model, predictions, facts):
        """Saves a network.

        Args:
            name: str of letters, digits, "-" and "_".
            model: `keras.Model`.
            predictions: array [n, …], its outputs for the held-out examples.
            facts: dict of plain JSON values, what this network is.
        """
        files = {MODEL_FILE: _model_bytes(model), PREDICTIONS_FILE: npz.to_bytes({"predictions": predictions})}
        manifest.write(self._path(name), _NETWORK, files, facts, {})

    def predictions(self, name, facts):
        """The predictions [n, …] of a network.

        Raises:
            InvalidArgumentError: if the network was saved with other facts.
            CorruptFileError: if its files are damaged.
        """
        saved, files = self._read(name)
        if saved["config"] != manifest.check_json("facts", facts):
            raise errors.InvalidArgumentError(
                f"Expected `directory` to hold networks of this search, such as {facts}. "
                f"Received: {self._path(name)}, of another one: {saved['config']}."
            )
        arrays = npz.from_bytes(files[PREDICTIONS_FILE], self._path(name) / PREDICTIONS_FILE)
        if arrays.keys() != {"predictions"}:
            raise errors.CorruptFileError(
                f"Expected {self._path(name) / PREDICTIONS_FILE} to hold predictions. Received: {sorted(arrays)}."
            )
        return arrays["predictions"]

    def load(self, name):
        """The network, not compiled.

        Raises:
            CorruptFileError: if its files are damaged.
        """
        self._read(name)
        path = atomic.newest(self._path(name)) / MODEL_FILE
        check_whole(path)
        return keras.saving.load_model(path, compile=False)

    def _read(self, name):
        """(manifest, files) of a network."""
        facts, files = manifest.read(self._path(name), _NETWORK)
        if files.keys() != {MODEL_FILE, PREDICTIONS_FILE}:
            raise errors.CorruptFileError(
                f"Expected {self._path(name)} to hold {MODEL_FILE} and {PREDICTIONS_FILE}. Received: {sorted(files)}."
            )
        return facts, files

    def _path(self, name):
        return self.directory / "networks" / name

    def _check(self, description):
        if not atomic.newest(self.directory / "description").is_dir():
            raise errors.InvalidArgumentError(
                f"Expected `directory` to be new, empty, or one of an ensemble of this search. "
                f"Received: {self.directory}, with other content."
            )
        found = manifest.read(self.directory / "description", _DESCRIPTION)[0]["config"]
        different = [name for name in sorted({*found, *description}) if found.get(name) != description.get(name)]
        if different:
            expected, received = ({name: one.get(name) for name in different} for one in (description, found))
            raise errors.InvalidArgumentError(
                f"Expected `directory` to hold networks that were trained with {expected}. "
                f"Received: {self.directory}, with {received}. Give another directory, or remove this one."
            )


def _model_bytes(model):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / MODEL_FILE
        model.save(path)
        return path.read_bytes()


def digest(value):
    """sha256, in hexadecimal digits, of arrays and plain values in nested lists, tuples and dicts."""
    found = hashlib.sha256()
    _add(found, value)
    return found.hexdigest()


def _add(found, value):
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            found.update(f"{{{key}:".encode())
            _add(found, value[key])
    elif isinstance(value, list | tuple):
        found.update(f"[{len(value)}".encode())
        for one in value:
            _add(found, one)
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(value))
        found.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    else:
        found.update(json.dumps(value, default=_described).encode())


def _described(value):
    """A text for what has no content to read, such as a callback; of a dataset what its batches look like."""
    return f"{type(value).__qualname__} {getattr(value, 'element_spec', '')}"
