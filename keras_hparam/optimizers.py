"""Optimizers for `compile`."""

from keras_hparam.learned_optimizers.optimizer import LearnedOptimizer

__all__ = ["LearnedOptimizer"]
