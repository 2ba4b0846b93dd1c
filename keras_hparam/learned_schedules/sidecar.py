"""The schedule's state beside the weights of its model: files of weights hold the optimizer, but no schedule.

`BackupAndRestore`, `ModelCheckpoint` and users call `save_weights` and `load_weights` of the model; while a schedule
accompanies it, these write and read a second file, PATH.schedule.npz.
"""

import functools
import logging
import pathlib

from keras_hparam import atomic

ENDING = ".schedule.npz"
_MARK = "_learned_schedule"


def accompany(model, schedule):
    """From now on `save_weights` and `load_weights` of this model include the schedule.

    Args:
        model: Keras model.
        schedule: `LearnedSchedule`.
    """
    if _MARK not in model.__dict__:
        schedules = [schedule]
        for name, wrap in (("save_weights", _saving), ("load_weights", _loading)):
            object.__setattr__(model, name, wrap(getattr(model, name), schedules))
        object.__setattr__(model, _MARK, schedules)
    model.__dict__[_MARK][0] = schedule


def _saving(save_weights, schedules):
    @functools.wraps(save_weights)
    def save(filepath, *arguments, **named):
        result = save_weights(filepath, *arguments, **named)
        atomic.write_bytes(_beside(filepath), schedules[0].state.to_bytes())
        return result

    return save


def _loading(load_weights, schedules):
    @functools.wraps(load_weights)
    def load(filepath, *arguments, **named):
        result = load_weights(filepath, *arguments, **named)
        try:
            read(_beside(filepath), schedules[0])
        except FileNotFoundError as error:
            logging.warning(
                "%s is missing: the learned schedule goes on as it is, not as it was at that time.", error.filename
            )
        return result

    return load


def read(path, schedule):
    """Gives a schedule the state in the file that lies beside weights.

    Raises:
        CorruptFileError: if it is truncated, altered or of a schedule with another controller.
        OSError: if it cannot be read.
    """
    schedule.state.from_bytes(pathlib.Path(path).read_bytes(), str(path))


def _beside(filepath):
    return pathlib.Path(f"{filepath}{ENDING}")
