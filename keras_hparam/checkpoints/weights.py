"""Trained weights with their configuration: saved to a directory, loaded from one or by the name they ship under.

Arrays have any shape. Floating-point weights are stored in float32 or float16 and always come back as float32.
"""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from keras_hparam import atomic, errors
from keras_hparam.checkpoints import manifest, npz

ARRAYS_FILE = "weights.npz"
_PRETRAINED = pathlib.Path(__file__).resolve().parent.parent / "pretrained"
_STORAGE = ("float32", "float16")


class LoadedWeights(NamedTuple):
    """What `load_weights` gives back.

    Attributes:
        weights: dict from name to array; floating-point ones are float32.
        config: dict, the `config` that was saved.
        manifest: dict, the whole manifest, with the facts of the training under "training".
        files: dict from name to bytes, the extra files.
    """

    weights: dict[str, np.ndarray]
    config: dict
    manifest: dict
    files: dict[str, bytes]


def save_weights(directory, weights, config, *, kind, files=None, dtype="float32", **training):
    """Saves weights, their configuration and how they were trained; the directory appears whole or not at all.

    Args:
        directory: where to write; an earlier save there is replaced, anything else is refused.
        weights: dict from name to a finite numeric array of any shape; at least one.
        config: dict of plain JSON values from which the network is built again. Tuples come back as lists.
        kind: str, what the weights are for, such as "optformer"; `load_weights` asks for the same.
        files: dict from file name to bytes, saved and verified beside the weights, such as a sentencepiece model.
        dtype: "float32" or "float16", the storage of floating-point weights. Integers and booleans stay as they are.
        **training: facts of the training, plain JSON values: flag_file, seed, corpus, figures and so on.

    Raises:
        InvalidArgumentError: for weights that are no finite numbers or overflow `dtype`, values that JSON lacks,
            or a directory with other files in it.

    Example:
        >>> save_weights("weights/tiny", {"kernel": np.eye(2)}, {"width": 2}, kind="mlp", seed=0)
        >>> load_weights("weights/tiny", kind="mlp").config
        {'width': 2}
    """
    if dtype not in _STORAGE:
        raise errors.InvalidArgumentError(f"Expected `dtype` to be one of {_STORAGE}. Received: {dtype!r}.")
    if not isinstance(weights, dict) or not weights:
        raise errors.InvalidArgumentError(
            f"Expected `weights` to be a dict of arrays, not empty. Received: {weights!r}."
        )
    if ARRAYS_FILE in (files or {}):
        raise errors.InvalidArgumentError(f"Expected `files` to have other names. Received: {ARRAYS_FILE!r}.")
    stored = {name: _to_storage(name, value, dtype) for name, value in weights.items()}
    contents = {ARRAYS_FILE: npz.to_bytes(stored), **(files or {})}
    manifest.write(directory, kind, contents, config, training)


def load_weights(weights, *, kind):
    """Loads weights after verifying that they are whole, unaltered and of the kind asked for.

    Args:
        weights: a directory that `save_weights` wrote, or one of the names that `shipped` lists. A text that is both
            is taken as the directory, if that has a manifest.
        kind: str, as given to `save_weights`.

    Returns:
        `LoadedWeights`: (weights, config, manifest, files).

    Raises:
        InvalidArgumentError: if `weights` is neither a directory nor a shipped name.
        CorruptFileError: if a file is missing, truncated, altered, foreign, of a newer version or of another kind.
    """
    directory = _find(weights)
    facts, files = manifest.read(directory, kind)
    if ARRAYS_FILE not in files:
        raise errors.CorruptFileError(f"Expected {directory} to hold {ARRAYS_FILE}. Received: {sorted(files)}.")
    stored = npz.from_bytes(files.pop(ARRAYS_FILE), directory / ARRAYS_FILE)
    arrays = {name: value.astype("float32") if value.dtype.kind == "f" else value for name, value in stored.items()}
    return LoadedWeights(arrays, facts["config"], facts, files)


def shipped():
    """The names, sorted, of the weights that come with the package."""
    return tuple(sorted(path.parent.name for path in _PRETRAINED.glob(f"*/{manifest.MANIFEST}")))


def _find(weights):
    if not isinstance(weights, str | os.PathLike):
        raise errors.InvalidArgumentError(f"Expected `weights` to be a text or a path. Received: {weights!r}.")
    directory = atomic.newest(weights)
    ships = isinstance(weights, str) and weights in shipped()
    if ships and not (directory / manifest.MANIFEST).exists():
        return _PRETRAINED / weights
    if os.fspath(weights) and directory.is_dir():
        return directory
    raise errors.InvalidArgumentError(
        f"Expected `weights` to be a directory of weights or a shipped name, one of {shipped()}. Received: {weights!r}."
    )


def _to_storage(name, value, dtype):
    value = np.asarray(value)
    if value.dtype.kind not in "biuf" or not np.all(np.isfinite(value)):
        raise errors.InvalidArgumentError(
            f"Expected finite real numbers in `weights`. Received: {name!r} of dtype {value.dtype}, not all finite."
        )
    if value.dtype.kind != "f":
        return value
    with np.errstate(over="ignore"):
        stored = value.astype(dtype)
    if not np.all(np.isfinite(stored)):
        raise errors.InvalidArgumentError(
            f"Expected `weights` that fit `dtype` {dtype!r}. Received: {name!r} with magnitude {np.abs(value).max()}."
        )
    return stored
