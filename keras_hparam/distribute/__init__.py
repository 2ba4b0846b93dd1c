"""tf.distribute strategies by name."""

from keras_hparam.distribute.strategies import NAMES, is_chief, strategy

__all__ = ["NAMES", "is_chief", "strategy"]
