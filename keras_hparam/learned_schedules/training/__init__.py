"""Training of the controller that sets learning rates."""

from keras_hparam.learned_schedules.training.settings import ControllerTrainingSettings
from keras_hparam.learned_schedules.training.training import ControllerTrained, train

__all__ = ["ControllerTrained", "ControllerTrainingSettings", "train"]
