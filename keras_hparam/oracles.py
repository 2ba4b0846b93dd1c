"""Oracles for KerasTuner: what proposes the trials of a search."""

from keras_hparam.optformer.oracle import OptFormerOracle
from keras_hparam.optformer.planning_oracle import PlanningOracle

__all__ = ["OptFormerOracle", "PlanningOracle"]
