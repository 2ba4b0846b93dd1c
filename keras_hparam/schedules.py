"""Learning-rate schedules for optimizers."""

from keras_hparam.learned_schedules.schedule import LearnedSchedule

__all__ = ["LearnedSchedule"]
