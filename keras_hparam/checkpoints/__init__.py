"""Save, restore and resume: directories of verified files, without pickle.

`save_weights` and `load_weights` keep trained weights, the ones that ship included; `CheckpointManager` keeps the
state of a training program so that it resumes exactly.
"""

from keras_hparam.checkpoints.manager import Checkpoint, CheckpointManager, check_facts
from keras_hparam.checkpoints.weights import LoadedWeights, load_weights, save_weights, shipped

__all__ = [
    "Checkpoint",
    "CheckpointManager",
    "LoadedWeights",
    "check_facts",
    "load_weights",
    "save_weights",
    "shipped",
]
