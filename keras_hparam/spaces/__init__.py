"""Search spaces: parameters, their conditions, and values as unit-cube numbers and tokens.

`keras_hparam.spaces.convert` translates from and to `keras_tuner.HyperParameters`; it is imported explicitly, so that
a space can be used where KerasTuner is not.
"""

from keras_hparam.spaces.parameter import Condition, Parameter
from keras_hparam.spaces.space import SearchSpace

__all__ = ["Condition", "Parameter", "SearchSpace"]
