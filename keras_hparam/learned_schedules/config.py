"""What a controller sees, how large it is, and what its output means."""

import dataclasses

from keras_hparam.configuration import Configuration, are_distinct, is_integer, is_number

FEATURES = ("rate", "budget", "training_loss", "validation_loss", "layer", "outputs", "inputs")
NETWORKS = ("mlp", "gru", "lstm")
ACTIONS = ("factor", "log_rate")
BASES = ("constant", "cosine")


@dataclasses.dataclass(frozen=True)
class ControllerConfig(Configuration):
    """Configuration of a `Controller`.

    Args:
        features: groups of features, at least one of "rate", "budget", "training_loss", "validation_loss", "layer",
            "outputs" and "inputs"; see `observation`.
        network: "mlp", "gru" or "lstm": the last hidden layer of the latter two is recurrent over decisions.
        widths: of the hidden layers, one or more, each at least 1.
        action: "factor": the output multiplies the most recent rate; "log_rate": it is the logarithm of the new rate
            relative to the initial one, for comparison.
        largest_change: > 0, how much the logarithm of the rate can change in a decision ("factor"), or how far it can
            be from that of the initial rate ("log_rate").
        base: "constant", or "cosine": the rate is multiplied by ½(1 + cos(π s / total)) besides, where the number of
            steps is known.
        smoothing: in [0, 1), decay of the moving averages of changes of losses.
        clip: > 0, the largest normalised feature.

    Raises:
        InvalidArgumentError: for a value outside of these ranges.

    Example:

    ```python
    config = ControllerConfig(features=("rate", "training_loss"), network="gru", widths=(16,))
    ```
    """

    features: tuple[str, ...] = FEATURES
    network: str = "mlp"
    widths: tuple[int, ...] = (32, 32)
    action: str = "factor"
    largest_change: float = 0.7
    base: str = "constant"
    smoothing: float = 0.7
    clip: float = 10.0

    def __post_init__(self):
        self.make_tuples()
        features = self.features and are_distinct(self.features, FEATURES)
        self.require("features", features, f"one or more of {FEATURES}, each once")
        widths = self.widths and all(is_integer(width, 1) for width in self.widths)
        self.require("widths", widths, "one or more integers ≥ 1")
        for name, choices in (("network", NETWORKS), ("action", ACTIONS), ("base", BASES)):
            self.require(name, getattr(self, name) in choices, f"one of {choices}")
        for name in ("largest_change", "clip"):
            self.require(name, is_number(getattr(self, name), 0), "a finite number > 0")
        self.require("smoothing", is_number(self.smoothing, below=1) and self.smoothing >= 0, "in [0, 1)")
