"""Callbacks for `fit` and for the `search` of a tuner."""

from keras_hparam.costs.callback import Costs
from keras_hparam.ensembles.bounds_history import BoundsHistory
from keras_hparam.learned_optimizers.plateau import HandOverOnPlateau
from keras_hparam.learned_schedules.callback import TrainingDynamics
from keras_hparam.optformer.stopping import StopHopeless

__all__ = ["BoundsHistory", "Costs", "HandOverOnPlateau", "StopHopeless", "TrainingDynamics"]
