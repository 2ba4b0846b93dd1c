"""Tuners for KerasTuner: a search over the hyperparameters of a model-building function."""

from keras_hparam.optformer.planning_tuner import Planning
from keras_hparam.optformer.tuner import OptFormer

__all__ = ["OptFormer", "Planning"]
