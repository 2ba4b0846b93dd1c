"""Objectives for KerasTuner: what a search maximises."""

from keras_hparam.costs.objective import Weighted

__all__ = ["Weighted"]
