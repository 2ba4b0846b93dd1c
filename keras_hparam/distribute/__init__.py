"""tf.distribute strategies by name, batches for their replicas, and gradients that wait for each other."""

from keras_hparam.distribute.gating import gate_gradients
from keras_hparam.distribute.sharding import distributed_batches
from keras_hparam.distribute.strategies import NAMES, is_chief, strategy

__all__ = ["NAMES", "distributed_batches", "gate_gradients", "is_chief", "strategy"]
