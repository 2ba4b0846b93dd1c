"""What is commonly known of hyperparameters: where each role has its optimum, how sharp, and what shifts it.

The numbers are round figures for drawing varied responses, not measurements. A coordinate is log10 of the value, or
the value itself, or log10(1 - value) for momentum-like ones.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Valley:
    """The usual response to one parameter, in excess over the best: quadratic near the optimum, linear far from it.

    Args:
        coordinate: "log", "linear" or "one_minus" (log10(1 - value)).
        optimum, spread: mean and standard deviation of the optimum's coordinate over studies.
        width: distance from the optimum at which the excess is about one half of `importance`.
        left, right: how much each side counts.
        importance: usual size of the effect.
    """

    coordinate: str
    optimum: float
    spread: float
    width: float
    left: float = 1.0
    right: float = 1.0
    importance: float = 1.0


VALLEYS = {
    "learning_rate": Valley("log", -2.8, 0.6, 1.0, importance=3.0),
    "weight_decay": Valley("log", -4.0, 0.9, 1.2, left=0.25),
    "dropout": Valley("linear", 0.2, 0.15, 0.35, left=0.5),
    "width": Valley("log", 2.3, 0.4, 0.7, right=0.25, importance=1.2),
    "depth": Valley("linear", 3.0, 1.5, 2.5, right=0.5),
    "batch_size": Valley("log", 1.7, 0.4, 0.9, importance=0.7),
    "momentum": Valley("one_minus", -1.0, 0.3, 0.7, left=1.5),
    "beta": Valley("one_minus", -1.3, 0.4, 1.2, importance=0.4),
    "epsilon": Valley("log", -7.0, 1.0, 3.0, left=0.2, importance=0.4),
    "epochs": Valley("log", 1.9, 0.4, 0.7, right=0.2, importance=1.2),
    "kernel_size": Valley("linear", 3.5, 1.0, 3.0, importance=0.6),
    "label_smoothing": Valley("linear", 0.1, 0.05, 0.2, importance=0.4),
    "warmup": Valley("linear", 0.1, 0.1, 0.3, importance=0.4),
    "clip": Valley("log", 0.0, 0.5, 1.2, right=0.3, importance=0.4),
    "svm_c": Valley("log", 0.7, 1.0, 1.8, right=0.3, importance=2.0),
    "svm_gamma": Valley("log", -1.5, 1.0, 1.0, left=0.6, importance=3.0),
    "degree": Valley("linear", 2.5, 1.0, 1.5, importance=0.6),
    "tree_depth": Valley("linear", 7.0, 3.0, 5.0, right=0.4, importance=2.0),
    "num_trees": Valley("log", 2.4, 0.3, 0.6, right=0.15, importance=1.2),
    "leaf_size": Valley("log", 0.5, 0.5, 0.8, left=0.5),
    "boosting_rate": Valley("log", -1.2, 0.4, 0.7, importance=2.5),
    "row_share": Valley("linear", 0.8, 0.15, 0.4, right=0.5, importance=0.6),
    "column_share": Valley("linear", 0.7, 0.2, 0.5, importance=0.6),
    "l1": Valley("log", -2.0, 1.5, 2.0, left=0.2),
    "ridge": Valley("log", 0.0, 1.0, 2.0, left=0.4),
    "complexity": Valley("log", -2.6, 0.6, 0.8, left=0.5, importance=2.5),
    "neighbors": Valley("log", 0.9, 0.4, 0.6, importance=1.5),
}

CATEGORY_EXCESS = {  # usual excess of categories over the best of their role
    "adam": 0.0, "adamw": 0.0, "nadam": 0.1, "rmsprop": 0.2, "sgd": 0.4, "adagrad": 0.6,
    "relu": 0.1, "gelu": 0.0, "swish": 0.05, "elu": 0.1, "selu": 0.15, "leaky_relu": 0.1, "tanh": 0.3, "sigmoid": 0.9,
    "cosine": 0.0, "linear": 0.1, "step": 0.15, "constant": 0.3, "rbf": 0.0, "poly": 0.4,
}  # fmt: skip
BOOLEAN_EXCESS = {"normalization": (0.4, 0.0), "augmentation": (0.3, 0.0)}  # of False and of True

COUPLINGS = {  # (valley, other): low and high slope with which the other's coordinate moves the valley's own
    ("learning_rate", "batch_size"): (-1.0, -0.3),
    ("learning_rate", "momentum"): (-1.0, -0.5),
    ("learning_rate", "depth"): (0.0, 0.15),
    ("learning_rate", "width"): (0.0, 0.5),
    ("learning_rate", "optimizer"): (1.0, 1.0),
    ("learning_rate", "epochs"): (0.0, 0.4),
    ("weight_decay", "learning_rate"): (0.2, 1.0),
    ("dropout", "width"): (-0.3, 0.0),
    ("svm_gamma", "svm_c"): (0.0, 0.6),
    ("boosting_rate", "num_trees"): (0.4, 1.0),
    ("leaf_size", "tree_depth"): (-0.08, 0.0),
}
OPTIMIZER_SHIFT = {"sgd": -1.3, "adagrad": -1.0, "rmsprop": 0.2}  # in decades of the learning rate, others 0


def natural_values(parameter, num_bins):
    """The value of a numeric parameter at each token [num_bins], float64; an ordered choice's number or its index."""
    unit = (np.arange(num_bins) + 0.5) / num_bins
    if parameter.kind == "choice":
        index = np.minimum((unit * len(parameter.values)).astype(int), len(parameter.values) - 1)
        numeric = not isinstance(parameter.values[0], (str, bool))
        return np.asarray(parameter.values, float)[index] if numeric else index.astype(float)
    count = parameter.num_values
    if count is not None and 1 < count <= num_bins:
        index = np.floor(unit * count)
        if parameter.step is None:
            return parameter.low + index
        return np.array([parameter.from_index(i) for i in range(count)], float)[index.astype(int)]
    low, high = float(parameter.low), float(parameter.high)
    if parameter.scale == "linear":
        return low + unit * (high - low)
    if parameter.scale == "log":
        return low * (high / low) ** unit
    return high + low - low * (high / low) ** (1.0 - unit)


def coordinates(values, coordinate):
    """Values [...] as the coordinate of a `Valley`; a value of 0 on a logarithmic one lies a decade below the rest."""
    if coordinate == "linear":
        return values
    values = 1.0 - values if coordinate == "one_minus" else values
    positive = values[values > 0.0]
    return np.log10(np.maximum(values, positive.min() / 10.0 if len(positive) else 1.0))
