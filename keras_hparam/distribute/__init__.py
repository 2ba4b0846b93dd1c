"""tf.distribute strategies by name."""

from keras_hparam.distribute.strategies import NAMES, strategy

__all__ = ["NAMES", "strategy"]
