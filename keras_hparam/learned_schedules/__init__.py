"""Learning-rate schedules that a controller network drives while a model trains.

`LearnedSchedule` is US20210034973A1's (Xu et al. 2019, arXiv 1909.09712). The names here are imported when they are
first used.
"""

from keras_hparam import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, {
    "Controller": ".controller",
    "ControllerConfig": ".config",
    "LearnedSchedule": ".schedule",
    "TrainingDynamics": ".callback",
    "schedule_figure": ".pictures",
    "train_controller": ".training.user",
    "training": None,
    "weights": None,
})  # fmt: skip
