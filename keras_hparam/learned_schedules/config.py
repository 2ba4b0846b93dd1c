"""What a controller sees, how large it is, and what its output means."""

import dataclasses
import math

from keras_hparam import errors

FEATURES = ("rate", "budget", "training_loss", "validation_loss", "layer", "outputs", "inputs")
NETWORKS = ("mlp", "gru", "lstm")
ACTIONS = ("factor", "log_rate")
BASES = ("constant", "cosine")


@dataclasses.dataclass(frozen=True)
class ControllerConfig:
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
        for name in ("features", "widths"):
            value = getattr(self, name)
            _require(name, value, isinstance(value, list | tuple), "a list or tuple")
            object.__setattr__(self, name, tuple(value))
        known = self.features and set(self.features) <= set(FEATURES) and len(set(self.features)) == len(self.features)
        _require("features", self.features, known, f"one or more of {FEATURES}, each once")
        widths = self.widths and all(isinstance(w, int) and not isinstance(w, bool) and w >= 1 for w in self.widths)
        _require("widths", self.widths, widths, "one or more integers ≥ 1")
        for name, choices in (("network", NETWORKS), ("action", ACTIONS), ("base", BASES)):
            _require(name, getattr(self, name), getattr(self, name) in choices, f"one of {choices}")
        for name in ("largest_change", "clip"):
            value = getattr(self, name)
            _require(name, value, _is_number(value) and value > 0, "a finite number > 0")
        _require("smoothing", self.smoothing, _is_number(self.smoothing) and 0 <= self.smoothing < 1, "in [0, 1)")

    def to_dict(self):
        """The configuration as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values):
        """The configuration of a dict that `to_dict` made; what is left out takes its default.

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


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
