"""Metrics of predicted probabilities and of ensembles, for `compile`."""

from keras_hparam.ensembles.metrics import BrierScore, Disagreement, ExpectedCalibrationError, NegativeLogLikelihood

__all__ = ["BrierScore", "Disagreement", "ExpectedCalibrationError", "NegativeLogLikelihood"]
