"""What an optimizer network for the parameters of networks sees, how large it is, and how it updates."""

import dataclasses
import math

from keras_hparam import errors
from keras_hparam.networks.narrow_mlp import ACTIVATIONS

FEATURES = ("gradient", "momentum", "second_moment", "factored", "parameter", "time", "tensor")
SCALES = ("constant", "parameter_rms")
DECAYS = ("none", "annealed")
CONSTANTS = ("alpha", "beta", "gamma")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Configuration of an `ElementwiseRule`.

    Args:
        widths: of the hidden layers, each at least 1; none: a linear function.
        activation: of the hidden layers: "relu", the cheapest, "tanh" or "softsign".
        features: groups of features, at least one of "gradient", "momentum", "second_moment", "factored", "parameter",
            "time" and "tensor"; see `features`.
        momentum_decays: of the moving averages of gradients, in (0, 1); the first is the base direction's.
        second_moment_decays: of the moving averages of squared gradients, in (0, 1); the first normalises everything.
        factored_decay: of the factored second moments, in (0, 1).
        time_scales: numbers of steps > 0; one feature of the step number for each.
        epsilon: > 0, added to the square root of a second moment. Smaller than Adam's usual one: the result is
            otherwise not the same for a loss times a constant.
        residual: whether the network's direction is added to Adam's normalised momentum.
        scale: "constant", or "parameter_rms": updates are multiplied by max(root mean square of the tensor, rms_floor).
        rms_floor: > 0.
        decay: "none", or "annealed": α falls to 0 along a cosine where the number of steps is known, otherwise with
            the inverse square root of the step; see `updates.decay`.
        decay_steps: > 0, after 3 times as many steps of an unknown number α has halved.
        alpha, beta, gamma: > 0, of the update α·d·sigmoid(β·m·γ). The untrained rule is Adam with the rate α/2.
        learned: which of "alpha", "beta" and "gamma" are meta-learned: their logarithms are then part of θ.

    Raises:
        InvalidArgumentError: for a value outside of these ranges.

    Example:

    ```python
    config = OptimizerConfig(widths=(4,), features=("gradient", "momentum", "time"), learned=("alpha",))
    ```
    """

    widths: tuple[int, ...] = (8,)
    activation: str = "relu"
    features: tuple[str, ...] = FEATURES
    momentum_decays: tuple[float, ...] = (0.9, 0.99)
    second_moment_decays: tuple[float, ...] = (0.999, 0.9)
    factored_decay: float = 0.99
    time_scales: tuple[float, ...] = (3.0, 30.0, 300.0, 3000.0)
    epsilon: float = 1e-12
    residual: bool = True
    scale: str = "constant"
    rms_floor: float = 0.02
    decay: str = "none"
    decay_steps: float = 100.0
    alpha: float = 0.02
    beta: float = 1.0
    gamma: float = 1.0
    learned: tuple[str, ...] = ()

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if isinstance(field.default, tuple):
                object.__setattr__(self, field.name, _as_tuple(field.name, getattr(self, field.name)))
        _require("widths", self.widths, all(_is_integer(width) and width >= 1 for width in self.widths), "integers ≥ 1")
        _require("activation", self.activation, self.activation in ACTIVATIONS, f"one of {sorted(ACTIVATIONS)}")
        _require("scale", self.scale, self.scale in SCALES, f"one of {SCALES}")
        _require("decay", self.decay, self.decay in DECAYS, f"one of {DECAYS}")
        for name, known in (("features", FEATURES), ("learned", CONSTANTS)):
            value = getattr(self, name)
            unique = len(set(value)) == len(value)
            _require(name, value, unique and set(value) <= set(known), f"some of {known}, each once")
        _require("features", self.features, self.features, "at least one group of features")
        for name in ("momentum_decays", "second_moment_decays"):
            value = getattr(self, name)
            unique = value and len(set(value)) == len(value)
            _require(name, value, unique and all(_is_between(v, 0, 1) for v in value), "different numbers in (0, 1)")
        _require("factored_decay", self.factored_decay, _is_between(self.factored_decay, 0, 1), "a number in (0, 1)")
        for name in (*CONSTANTS, "rms_floor", "decay_steps", "epsilon"):
            _require(name, getattr(self, name), _is_between(getattr(self, name), 0, math.inf), "a finite number > 0")
        positive = all(_is_between(value, 0, math.inf) for value in self.time_scales)
        _require("time_scales", self.time_scales, positive, "finite numbers > 0")
        _require("residual", self.residual, isinstance(self.residual, bool), "True or False")

    def to_dict(self):
        """The configuration as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values):
        """The configuration of a dict that `to_dict` made.

        Args:
            values: dict from names of fields to values; what is left out takes its default.

        Raises:
            InvalidArgumentError: for unknown names and values outside of their ranges.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names:
            raise errors.InvalidArgumentError(
                f"Expected `config` to be a dict of the fields {sorted(names)}. Received: {values!r}."
            )
        return cls(**values)


def _require(name, value, condition, expected):
    if not condition:
        raise errors.InvalidArgumentError(f"Expected `{name}` to be {expected}. Received: {value!r}.")


def _as_tuple(name, value):
    _require(name, value, isinstance(value, list | tuple), "a list or tuple")
    return tuple(value)


def _is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _is_between(value, low, high):
    return isinstance(value, int | float) and not isinstance(value, bool) and low < value < high
