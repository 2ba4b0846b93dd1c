"""Save, restore and resume: directories of verified files, without pickle.

`save_weights` and `load_weights` keep trained weights, the ones that ship included; `CheckpointManager` keeps the
state of a training program so that it resumes exactly; `Exclusive` keeps a work directory to one program at a time.
`Course` is both for one training.
"""

from keras_hparam.checkpoints.course import Course, check_facts, is_due
from keras_hparam.checkpoints.exclusive import Exclusive
from keras_hparam.checkpoints.manager import Checkpoint, CheckpointManager
from keras_hparam.checkpoints.weights import LoadedWeights, load_weights, save_weights, shipped

__all__ = [
    "Checkpoint",
    "CheckpointManager",
    "Course",
    "Exclusive",
    "LoadedWeights",
    "check_facts",
    "is_due",
    "load_weights",
    "save_weights",
    "shipped",
]
