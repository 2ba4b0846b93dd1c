"""The hyperparameters that differ among the members of a hyper-batch ensemble, and the columns that they become.

A column is one number per member and example: one layer's L2 weight, a dropout rate, the amount of label smoothing, the
weight of a loss term. λ is log-uniform between bounds that each member learns within the range given here.
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


@dataclasses.dataclass(frozen=True)
class Column:
    """One number per member and example.

    Attributes:
        name: str, e.g. "l2/dense".
        hyperparameter: the `Hyperparameter` that it comes from.
        targets: names of the layers, or of the outputs, that it acts on.
    """

    name: str
    hyperparameter: Hyperparameter
    targets: tuple


def columns(hyperparameters, kernels, dropouts, outputs):
    """The P columns that the hyperparameters become in a model.

    Args:
        hyperparameters: list of `Hyperparameter`.
        kernels: names of the layers whose kernels are converted.
        dropouts: names of the `Dropout` layers.
        outputs: names of the model's outputs.

    Raises:
        InvalidArgumentError: for anything else than hyperparameters, a name that the model lacks, or two
            hyperparameters of one kind for the same layer or output.
    """
    found = []
    for hyperparameter in hyperparameters:
        match hyperparameter:
            case L2():
                found += _of_layers("l2", hyperparameter, kernels)
            case DropoutRate():
                found += _of_layers("dropout", hyperparameter, dropouts)
            case LabelSmoothing(output=output):
                targets = outputs if output is None else _known("output", [output], outputs)
                name = f"label_smoothing/{output}" if output else "label_smoothing"
                found.append(Column(name, hyperparameter, targets))
            case LossWeight(output=output):
                found.append(Column(f"loss_weight/{output}", hyperparameter, _known("output", [output], outputs)))
            case _:
                raise errors.InvalidArgumentError(
                    "Expected `hyperparameters` to be a list of L2, DropoutRate, LabelSmoothing and LossWeight. "
                    f"Received: {hyperparameter!r}."
                )
    _require_disjoint(found)
    return found


def _of_layers(label, hyperparameter, available):
    chosen = available if hyperparameter.layers is None else _known("layers", hyperparameter.layers, available)
    if not chosen:
        raise errors.InvalidArgumentError(
            f"Expected a model with layers that {type(hyperparameter).__name__} can act on. Received: none."
        )
    if hyperparameter.per_layer:
        return [Column(f"{label}/{name}", hyperparameter, (name,)) for name in chosen]
    suffix = "" if hyperparameter.layers is None else "/" + "+".join(chosen)
    return [Column(label + suffix, hyperparameter, tuple(chosen))]


def _known(argument, names, available):
    unknown = [name for name in names if name not in available]
    if unknown:
        raise errors.InvalidArgumentError(
            f"Expected `{argument}` of a hyperparameter to be some of {list(available)}. Received: {unknown}."
        )
    return tuple(names)


def _require_disjoint(found):
    taken = set()
    for column in found:
        for target in column.targets:
            if (type(column.hyperparameter), target) in taken:
                raise errors.InvalidArgumentError(
                    f"Expected one {type(column.hyperparameter).__name__} for each layer or output. "
                    f"Received: two for {target!r}."
                )
            taken.add((type(column.hyperparameter), target))
