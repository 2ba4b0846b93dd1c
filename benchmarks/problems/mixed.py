"""Suite `mixed`: floats, ints and categories together, each problem a space and a formula on a dict of its values.

But for the pressure vessel they imitate a validation metric (ridges between coupled rates, plateaus, divergence,
irrelevant parameters); the constants are invented and no data set stands behind them.
"""

import math

import keras_tuner as kt

from benchmarks.problems import functions
from benchmarks.problems.functions import softplus
from benchmarks.problems.problem import Problem
from keras_hparam.optformer.study import Metadata

PRESSURE_VESSEL = {"shell_thickness": 0.8125, "head_thickness": 0.4375, "radius": 42.09844, "length": 176.6367}


def pressure_vessel_space():
    """Plate thicknesses in sixteenths of an inch, radius and length of a cylinder in inches."""
    hp = kt.HyperParameters()
    hp.Float("shell_thickness", 0.0625, 6.1875, step=0.0625)
    hp.Float("head_thickness", 0.0625, 6.1875, step=0.0625)
    hp.Float("radius", 10.0, 200.0)
    hp.Float("length", 10.0, 200.0)
    return hp


def pressure_vessel(values):
    """Log of the vessel's cost plus a penalty on violated constraints (Sandgren 1990, J. Mech. Design 112)."""
    shell, head, radius, length = (values[n] for n in ("shell_thickness", "head_thickness", "radius", "length"))
    cost = 0.6224 * shell * radius * length + 1.7781 * head * radius**2
    cost += 3.1661 * shell**2 * length + 19.84 * shell**2 * radius
    volume = math.pi * radius**2 * length + 4 / 3 * math.pi * radius**3
    violations = (0.0193 * radius / shell - 1, 0.00954 * radius / head - 1, 1_296_000 / volume - 1)
    return math.log(cost) + sum(10 * math.log1p(max(violation, 0.0)) for violation in violations)


def mixed_levy_space():
    """Two floats, two ints (one logarithmic), an unordered choice and a boolean."""
    hp = kt.HyperParameters()
    hp.Float("a", -10.0, 10.0)
    hp.Float("b", 1e-3, 1e3, sampling="log")
    hp.Int("c", -8, 8)
    hp.Int("d", 1, 256, sampling="log")
    hp.Choice("pattern", ["north", "east", "south", "west"])
    hp.Boolean("mirrored")
    return hp


def mixed_levy(values):
    """Levy of four coordinates whose shift depends on the choice and whose sign of `a` on the boolean."""
    shift, offset = {"north": (-3, 1.5), "east": (2, 0.0), "south": (5, 2.5), "west": (-6, 4.0)}[values["pattern"]]
    a = -values["a"] if values["mirrored"] else values["a"]
    x = (a - shift, 2 * math.log10(values["b"]) - shift / 2, values["c"] + shift, math.log2(values["d"]) - 5)
    return functions.levy(x) + offset + (1.0 if values["mirrored"] and values["pattern"] == "north" else 0.0)


def mlp_space():
    """Eight hyperparameters of an MLP: four floats, two ints, two choices of which one is ordered."""
    hp = kt.HyperParameters()
    hp.Choice("optimizer", ["sgd", "momentum", "adam"])
    hp.Float("learning_rate", 1e-5, 1.0, sampling="log")
    hp.Choice("batch_size", [16, 32, 64, 128, 256, 512])
    hp.Int("units", 16, 1024, sampling="log")
    hp.Int("num_layers", 1, 6)
    hp.Float("dropout", 0.0, 0.8)
    hp.Float("weight_decay", 1e-7, 1e-1, sampling="log")
    hp.Float("label_smoothing", 0.0, 0.3)
    return hp


def mlp(values):
    """Validation loss, ten classes: log(10) where training diverges, a valley in the rate that moves with the rest."""
    rate, batch = math.log10(values["learning_rate"]), math.log2(values["batch_size"] / 16)
    best_rate = {"sgd": -0.6, "momentum": -1.5, "adam": -2.8}[values["optimizer"]]
    best_rate += 0.12 * (batch - 2) - 0.1 * (values["num_layers"] - 3)
    if rate > best_rate + 1.1:
        return math.log(10)
    capacity = math.log2(values["units"]) + 0.8 * values["num_layers"]
    decay, dropout = math.log10(values["weight_decay"]), values["dropout"]
    valley = 0.10 * (rate - best_rate) ** 2 + (0.05 if values["optimizer"] == "sgd" else 0.0)
    underfit = 0.12 * softplus(8.5 - capacity + 5 * dropout + max(decay + 3, 0.0))
    overfit = 0.10 * softplus(0.6 * (capacity - 8.0) - 6 * dropout - 0.5 * max(decay + 5, 0.0))
    depth = 0.03 * max(values["num_layers"] - 4, 0) ** 2
    loss = 0.25 + valley + underfit + overfit + depth + 0.01 * batch + 0.6 * (values["label_smoothing"] - 0.08) ** 2
    return min(loss, math.log(10))


def boosting_space():
    """Eleven hyperparameters of boosted trees: four floats, one with steps, two ints, three choices, a boolean."""
    hp = kt.HyperParameters()
    hp.Float("learning_rate", 1e-3, 1.0, sampling="log")
    hp.Int("num_rounds", 20, 2000, sampling="log")
    hp.Int("max_depth", 1, 14)
    hp.Float("min_child_weight", 0.1, 100.0, sampling="log")
    hp.Float("subsample", 0.2, 1.0, step=0.05)
    hp.Float("column_share", 0.1, 1.0)
    hp.Float("l2", 1e-6, 1e2, sampling="log")
    hp.Choice("max_bins", [32, 64, 128, 256, 512])
    hp.Choice("growth", ["depth_first", "best_first"])
    hp.Choice("encoding", ["one_hot", "ordinal", "target", "hashing"])
    hp.Boolean("balanced")
    return hp


def boosting(values):
    """AUC in (0, 1): rate times rounds is what counts, depth wants regularisation, the encoding decides which depth."""
    progress = math.log10(values["learning_rate"] * values["num_rounds"])
    best_depth = {"one_hot": 9, "ordinal": 7, "target": 5, "hashing": 8}[values["encoding"]]
    depth = values["max_depth"] + (2 if values["growth"] == "best_first" else 0)
    regularisation = 0.5 * math.log10(values["l2"] + 1e-3) + 0.7 * math.log10(values["min_child_weight"])
    regularisation += 2.0 * (1.0 - values["subsample"]) + 1.5 * (1.0 - values["column_share"])
    error = 0.08 + {"one_hot": 0.02, "ordinal": 0.015, "target": 0.0, "hashing": 0.035}[values["encoding"]]
    error += 0.10 * softplus(2.5 * (0.9 - progress)) + 0.03 * softplus(3.0 * (progress - 1.8 - 0.2 * regularisation))
    error += 0.02 * softplus(2.0 * (math.log10(values["learning_rate"]) + 0.8))
    error += 0.003 * (depth - best_depth) ** 2 / (1 + 0.1 * abs(depth - best_depth))
    error += 0.008 * (regularisation - 1.2 - 0.15 * (depth - 6)) ** 2
    error += 0.03 * (values["column_share"] - 0.5) ** 2 + 0.004 * (9 - math.log2(values["max_bins"]))
    error += 0.01 if values["balanced"] != (values["growth"] == "best_first") else 0.0
    return 1.0 - 0.5 * math.tanh(error / 0.5)


def problems():
    """The four problems."""
    for name, build, evaluate, goal, *metadata, best_values in (
        ("pressure_vessel", pressure_vessel_space, pressure_vessel, "min")
        + ("engineering design", "pressure vessel", "", "log_cost", PRESSURE_VESSEL),
        ("mixed_levy", mixed_levy_space, mixed_levy, "min") + ("function minimization", "", "", "value", None),
        ("mlp", mlp_space, mlp, "min") + ("image classification", "MLP", "", "val_loss", None),
        ("boosting", boosting_space, boosting, "max")
        + ("tabular classification", "boosted trees", "", "val_auc", None),
    ):
        yield Problem(name, "mixed", build, Metadata(*metadata), goal, evaluate, best_values)
