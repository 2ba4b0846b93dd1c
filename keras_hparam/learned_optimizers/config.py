"""What an optimizer network for the parameters of networks sees, how large it is, and how it updates."""

import dataclasses

from keras_hparam.configuration import Configuration, are_distinct, is_integer, is_number
from keras_hparam.networks.narrow_mlp import ACTIVATIONS

FEATURES = ("gradient", "momentum", "second_moment", "factored", "parameter", "time", "tensor")
SCALES = ("constant", "parameter_rms")
DECAYS = ("none", "annealed")
CONSTANTS = ("alpha", "beta", "gamma")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig(Configuration):
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
        self.make_tuples()
        self.require("widths", all(is_integer(width, 1) for width in self.widths), "integers ≥ 1")
        for name, choices in (("activation", sorted(ACTIVATIONS)), ("scale", SCALES), ("decay", DECAYS)):
            self.require(name, getattr(self, name) in choices, f"one of {choices}")
        for name, known in (("features", FEATURES), ("learned", CONSTANTS)):
            self.require(name, are_distinct(getattr(self, name), known), f"some of {known}, each once")
        self.require("features", self.features, "at least one group of features")
        for name in ("momentum_decays", "second_moment_decays"):
            decays = getattr(self, name)
            good = decays and are_distinct(decays) and all(is_number(decay, 0, 1) for decay in decays)
            self.require(name, good, "different numbers in (0, 1)")
        self.require("factored_decay", is_number(self.factored_decay, 0, 1), "a number in (0, 1)")
        for name in (*CONSTANTS, "rms_floor", "decay_steps", "epsilon"):
            self.require(name, is_number(getattr(self, name), 0), "a finite number > 0")
        self.require("time_scales", all(is_number(scale, 0) for scale in self.time_scales), "finite numbers > 0")
        self.require("residual", isinstance(self.residual, bool), "True or False")
