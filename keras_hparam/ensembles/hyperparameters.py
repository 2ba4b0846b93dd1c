"""The hyperparameters that may differ among the members of a hyper-batch ensemble.

λ is log-uniform between bounds that each member learns within the range given here.
"""

import dataclasses
import math
from typing import ClassVar

import keras

from keras_hparam import errors


@dataclasses.dataclass(frozen=True)
class Hyperparameter:
    """A range of values in which each member of the ensemble finds its own.

    Attributes:
        low, high: limits of the values, 0 < low < high.

    Raises:
        InvalidArgumentError: for other limits.
    """

    low: float
    high: float
    largest: ClassVar[float] = math.inf  # values stay below it

    def __post_init__(self):
        numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (self.low, self.high))
        if not numbers or not 0 < self.low < self.high < self.largest:
            raise errors.InvalidArgumentError(
                f"Expected `low` and `high` of {type(self).__name__} with 0 < low < high < {self.largest}. "
                f"Received: low={self.low!r}, high={self.high!r}."
            )
        if isinstance(getattr(self, "layers", None), list):
            object.__setattr__(self, "layers", tuple(self.layers))

    def get_config(self):
        """The arguments that make it again."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config):
        """The hyperparameter of a configuration."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_hparam")
@dataclasses.dataclass(frozen=True)
class L2(Hyperparameter):
    """The weight of ‖kernel‖² + ‖bias‖² in the loss: of the member's own kernel W_k(λ), factors and embedding included.

    Args:
        low, high: limits of the weight, 0 < low < high.
        layers: names of the layers, None for every layer that is converted.
        per_layer: whether each layer has its own value; otherwise they share one.
        bias: whether the bias is penalised, with the same weight.

    Example:
        >>> kh.ensembles.L2(1e-6, 1e-2)
    """

    layers: tuple | None = None
    per_layer: bool = True
    bias: bool = True


@keras.saving.register_keras_serializable(package="keras_hparam")
@dataclasses.dataclass(frozen=True)
class DropoutRate(Hyperparameter):
    """The rate of the model's `Dropout` layers.

    Args:
        low, high: limits of the rate, 0 < low < high < 1.
        layers: names of `Dropout` layers, None for all.
        per_layer: whether each layer has its own value; otherwise they share one.

    Example:
        >>> kh.ensembles.DropoutRate(0.01, 0.5)
    """

    layers: tuple | None = None
    per_layer: bool = False
    largest: ClassVar[float] = 1.0


@keras.saving.register_keras_serializable(package="keras_hparam")
@dataclasses.dataclass(frozen=True)
class LabelSmoothing(Hyperparameter):
    """The share of the target that is spread evenly over the classes.

    Args:
        low, high: limits of the share, 0 < low < high < 1.
        output: name of the output, None for every output that has a cross-entropy loss.

    Example:
        >>> kh.ensembles.LabelSmoothing(1e-3, 0.2)
    """

    output: str | None = None
    largest: ClassVar[float] = 1.0


@keras.saving.register_keras_serializable(package="keras_hparam")
@dataclasses.dataclass(frozen=True)
class LossWeight(Hyperparameter):
    """The weight of one output's loss in a model with several outputs.

    Args:
        low, high: limits of the weight, 0 < low < high.
        output: name of the output.

    Example:
        >>> kh.ensembles.LossWeight(0.1, 10.0, output="auxiliary")
    """

    output: str = ""
