"""Analytic objectives over mixed and conditional spaces, each a space builder and a formula on a dict of values.

They imitate the shape of a validation metric (ridges between coupled rates, plateaus, divergence, irrelevant
parameters); the constants are invented and no data set stands behind them.
"""

import math

import keras_tuner as kt

from benchmarks.problems import functions


def softplus(x):
    """log(1 + e^x) without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


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


def svm_space():
    """Kernel, cost, the kernel's own parameters where it is chosen, and one parameter without effect."""
    hp = kt.HyperParameters()
    hp.Choice("kernel", ["linear", "rbf", "poly"])
    hp.Float("C", 1e-3, 1e3, sampling="log")
    hp.Boolean("shrinking")
    with hp.conditional_scope("kernel", ["rbf"]):
        hp.Float("gamma", 1e-5, 1e1, sampling="log")
    with hp.conditional_scope("kernel", ["poly"]):
        hp.Int("degree", 2, 6)
        hp.Float("coef0", 0.0, 1.0)
    return hp


def svm(values):
    """Accuracy in [0, 1]: linear underfits; rbf has a ridge in log C + log gamma; poly is good at one degree."""
    cost = math.log10(values["C"])
    if values["kernel"] == "linear":
        error = 0.21 + 0.03 * softplus(-cost - 1) + 0.01 * softplus(cost - 1)
    elif values["kernel"] == "rbf":
        gamma = math.log10(values["gamma"])
        underfit, overfit = softplus(-2 * (cost + gamma + 1.5)), softplus(3 * (gamma + 0.8))
        error = 0.06 + 0.05 * underfit + 0.06 * overfit + 0.012 * abs(cost - 1.3)
    else:
        error = 0.10 + 0.05 * abs(values["degree"] - 3) + 0.04 * (values["coef0"] - 0.7) ** 2 + 0.02 * (cost + 0.5) ** 2
    return 0.5 + 0.5 * math.tanh(2 * (0.5 - min(error, 0.5)))


def trees_space():
    """Boosting or a forest, each with parameters of its own, boosting with a nested sampling scheme."""
    hp = kt.HyperParameters()
    hp.Choice("model", ["forest", "boosting"])
    hp.Float("min_leaf_fraction", 1e-4, 0.2, sampling="log")
    with hp.conditional_scope("model", ["forest"]):
        hp.Int("num_trees", 10, 1000, sampling="log")
        hp.Float("max_features", 0.05, 1.0)
    with hp.conditional_scope("model", ["boosting"]):
        hp.Float("learning_rate", 1e-3, 1.0, sampling="log")
        hp.Int("rounds", 10, 2000, sampling="log")
        hp.Int("depth", 1, 12)
        hp.Choice("sampling", ["none", "bagging"])
        with hp.conditional_scope("sampling", ["bagging"]):
            hp.Float("subsample", 0.1, 1.0)
    return hp


def trees(values):
    """Log loss: boosting wants rate x rounds constant and shallow trees, and wins by a little once it is tuned."""
    leaf = math.log10(values["min_leaf_fraction"])
    if values["model"] == "forest":
        size = 0.25 / math.sqrt(values["num_trees"])
        return 0.36 + size + 0.12 * (values["max_features"] - 0.3) ** 2 + 0.02 * (leaf + 2.6) ** 2
    progress = math.log10(values["learning_rate"] * values["rounds"])
    underfit = 0.15 * softplus(-3 * (progress - 1.0))
    overfit = 0.04 * softplus(4 * (progress - 1.6)) * (values["depth"] / 4) ** 0.5
    coarse = 0.05 * softplus(2 * (math.log10(values["learning_rate"]) + 0.7))
    bagging = 0.08 * (values["subsample"] - 0.65) ** 2 if values["sampling"] == "bagging" else 0.025
    loss = 0.30 + underfit + overfit + coarse + bagging + 0.004 * (values["depth"] - 5) ** 2
    return loss + 0.015 * (leaf + 2.0) ** 2


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
