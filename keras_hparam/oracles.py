"""Oracles for KerasTuner: what proposes the trials of a search."""

from keras_hparam.optformer.oracle import OptFormerOracle

__all__ = ["OptFormerOracle"]
