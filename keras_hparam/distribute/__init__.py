"""tf.distribute strategies by name, and batches for their replicas."""

from keras_hparam.distribute.sharding import distributed_batches
from keras_hparam.distribute.strategies import NAMES, is_chief, strategy

__all__ = ["NAMES", "distributed_batches", "is_chief", "strategy"]
