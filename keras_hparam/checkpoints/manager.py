"""Checkpoints of a training program, for an exact resume after a kill.

One directory per checkpoint, `step-<number>`, of the files that `manifest` verifies. Arrays keep their dtype and shape.
"""

import logging
import pathlib
import re
import shutil
from typing import NamedTuple

import numpy as np

from keras_hparam import atomic, errors
from keras_hparam.checkpoints import manifest, npz

ARRAYS_FILE = "arrays.npz"
_STEP = re.compile(r"step-(\d+)|\.step-(\d+)\.previous")
_LOGGER = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """What `CheckpointManager.restore` gives back.

    Attributes:
        step: int, the step after which it was saved.
        arrays: dict from name to array.
        state: dict of plain JSON values.
    """

    step: int
    arrays: dict[str, np.ndarray]
    state: dict


class CheckpointManager:
    """Keeps the newest checkpoints of one training program in a directory of its own.

    A save appears whole or not at all. If the newest checkpoint turns out to be damaged, the one before it is
    restored, and a log warning says so. One process writes (the chief, when training is distributed).

    Args:
        directory: path of the directory; made by the first save. Other things in it are left alone.
        keep: int >= 1, how many checkpoints stay.
        kind: str, what the checkpoints are of; those of another kind are refused.

    Raises:
        InvalidArgumentError: if `keep` is less than 1.

    Example:
        >>> manager = CheckpointManager("workdir/checkpoints", kind="optformer training")
        >>> manager.save(100, {"kernel": np.zeros((2, 3))}, {"seed": 0, "position": 12800})
        >>> step, arrays, state = manager.restore()
    """

    def __init__(self, directory, keep=2, *, kind="training"):
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
            raise errors.InvalidArgumentError(f"Expected `keep` to be an int of at least 1. Received: {keep!r}.")
        self.directory = pathlib.Path(directory)
        self.keep = keep
        self.kind = kind

    def save(self, step, arrays, state):
        """Saves a checkpoint, then removes those beyond the newest `keep`, and any of a later step.

        Later ones are of a future that was given up: the program resumed from before them.

        Args:
            step: int >= 0; an earlier checkpoint of the same step is replaced.
            arrays: dict from name to numeric array (bool, int, float or complex) of any shape.
            state: dict of plain JSON values. Tuples come back as lists.

        Raises:
            InvalidArgumentError: for another `step`, arrays that are not of numbers, or values that JSON lacks.
        """
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 0:
            raise errors.InvalidArgumentError(f"Expected `step` to be an int of at least 0. Received: {step!r}.")
        state = manifest.check_json("state", state)
        files = {ARRAYS_FILE: npz.to_bytes(arrays)}
        manifest.write(self._path(step), self.kind, files, {"step": int(step), "state": state}, {})
        self._prune(int(step))

    def restore(self):
        """The newest `Checkpoint` (step, arrays, state) that is whole, or None where nothing was saved yet.

        Raises:
            CorruptFileError: if there are checkpoints, but none that can be restored.
        """
        failures = []
        for step in reversed(self.steps()):
            try:
                checkpoint = self._read(step)
            except errors.CorruptFileError as error:
                failures.append(str(error))
                continue
            for failure in failures:
                _LOGGER.warning("A newer checkpoint cannot be restored, resuming from step %d: %s", step, failure)
            return checkpoint
        if failures:
            raise errors.CorruptFileError(
                f"Expected a whole checkpoint of kind {self.kind!r} in {self.directory}. Received: {' '.join(failures)}"
            )
        return None

    def steps(self):
        """The steps, ascending, of the checkpoints that are there, whole or not."""
        if not self.directory.is_dir():
            return []
        matches = (_STEP.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted({int(match[1] or match[2]) for match in matches if match})

    def _path(self, step):
        return self.directory / f"step-{int(step):09d}"

    def _read(self, step):
        facts, files = manifest.read(self._path(step), self.kind)
        config = facts["config"]
        if config.get("step") != step or ARRAYS_FILE not in files or not isinstance(config.get("state"), dict):
            raise errors.CorruptFileError(f"Expected {self._path(step)} to hold step {step}. Received: {config}.")
        return Checkpoint(step, npz.from_bytes(files[ARRAYS_FILE], self._path(step) / ARRAYS_FILE), config["state"])

    def _prune(self, saved):
        steps = self.steps()
        kept = [step for step in steps if step <= saved][-self.keep :]
        for step in steps:
            if step not in kept:
                atomic.remove_directory(atomic.newest(self._path(step)))
        for leftover in self.directory.glob(f".step-*{atomic.PARTIAL_SUFFIX}"):
            shutil.rmtree(leftover, ignore_errors=True)
