"""Suite `conditional`: what some parameters are for depends on others; a formula on a dict of the active values.

They imitate validation metrics; the constants are invented and no data set stands behind them.
"""

import math

import keras_tuner as kt

from benchmarks.problems.functions import softplus
from benchmarks.problems.problem import Problem
from keras_hparam.optformer.study import Metadata


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


def optimizers_space():
    """An optimizer with a learning rate and parameters of its own, and three parameters that all of them share."""
    hp = kt.HyperParameters()
    hp.Choice("optimizer", ["sgd", "adam", "rmsprop"])
    hp.Int("batch_size", 8, 512, sampling="log")
    hp.Float("weight_decay", 1e-7, 1e-1, sampling="log")
    hp.Float("warmup_fraction", 0.0, 0.5)
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("sgd_learning_rate", 1e-4, 1e1, sampling="log")
        hp.Float("momentum", 0.0, 0.99)
        hp.Boolean("nesterov")
    with hp.conditional_scope("optimizer", ["adam"]):
        hp.Float("adam_learning_rate", 1e-6, 1.0, sampling="log")
        hp.Float("one_minus_beta_1", 1e-2, 0.5, sampling="log")
        hp.Float("epsilon", 1e-9, 1e-1, sampling="log")
    with hp.conditional_scope("optimizer", ["rmsprop"]):
        hp.Float("rmsprop_learning_rate", 1e-6, 1.0, sampling="log")
        hp.Float("rho", 0.5, 0.999)
    return hp


def optimizers(values):
    """Error rate, 0.9 where training diverges: a valley in each optimizer's effective rate, scaled by the batch."""
    batch, decay = math.log2(values["batch_size"] / 32), math.log10(values["weight_decay"])
    if values["optimizer"] == "sgd":
        rate = math.log10(values["sgd_learning_rate"] / (1.0 - values["momentum"])) - 0.3 * batch
        distance, floor = rate - 0.3, 0.10 + 0.03 * (1 - values["momentum"]) - (0.004 if values["nesterov"] else 0.0)
    elif values["optimizer"] == "adam":
        epsilon = math.log10(values["epsilon"])
        rate = math.log10(values["adam_learning_rate"]) - 0.15 * batch - 0.25 * softplus(2.0 * (epsilon + 4.0))
        distance, floor = rate + 2.8, 0.085 + 0.02 * (math.log10(values["one_minus_beta_1"]) + 1.0) ** 2
    else:
        rate = math.log10(values["rmsprop_learning_rate"]) - 0.15 * batch
        distance, floor = rate + 3.1, 0.105 + 0.3 * (values["rho"] - 0.9) ** 2
    if distance > 1.0 + 1.2 * values["warmup_fraction"]:
        return 0.9
    shared = 0.006 * (decay + 3.5) ** 2 + 0.03 * (values["warmup_fraction"] - 0.1) ** 2 + 0.004 * max(batch, 0.0) ** 2
    return min(floor + 0.05 * distance**2 + shared, 0.9)


def layers_space():
    """One to four layers, each with units and a dropout of its own, and three parameters of the training."""
    hp = kt.HyperParameters()
    hp.Float("learning_rate", 1e-5, 1e-1, sampling="log")
    hp.Choice("activation", ["relu", "tanh", "gelu"])
    hp.Boolean("normalization")
    hp.Int("num_layers", 1, 4)
    for i in range(1, 5):
        with hp.conditional_scope("num_layers", list(range(i, 5))):
            hp.Int(f"units_{i}", 8, 512, sampling="log")
            hp.Float(f"dropout_{i}", 0.0, 0.7)
    return hp


def layers(values):
    """Accuracy in [0, 1]: capacity adds up over the layers, the narrowest is a bottleneck, late dropout helps most."""
    depth = values["num_layers"]
    widths = [math.log2(values[f"units_{i}"]) for i in range(1, depth + 1)]
    dropouts = [values[f"dropout_{i}"] for i in range(1, depth + 1)]
    capacity = sum(widths) / 4 + max(widths)
    kept = min(width + math.log2(1 - dropout) for width, dropout in zip(widths, dropouts, strict=True))
    best_rate = -2.6 - 0.25 * (depth - 1) + (0.5 if values["normalization"] else 0.0)
    distance = math.log10(values["learning_rate"]) - best_rate
    loss = 0.05 + 0.05 * distance**2 + 0.05 * softplus(2.0 * (distance - 0.6))
    loss += 0.10 * softplus(1.2 * (11.5 - capacity)) + 0.08 * softplus(1.5 * (5.0 - kept))
    loss += 0.05 * softplus(1.0 * (capacity - 13.0) - 3.0 * dropouts[-1]) + 0.04 * sum(d**2 for d in dropouts[:-1])
    loss += 0.02 * max(depth - 3, 0) + {"relu": 0.01, "tanh": 0.03, "gelu": 0.0}[values["activation"]]
    loss += 0.0 if values["normalization"] else 0.015 * (depth - 1)
    return 1.0 - math.tanh(loss)


def problems():
    """The four problems."""
    for name, build, evaluate, goal, *metadata in (
        ("svm", svm_space, svm, "max", "tabular classification", "SVM", "", "val_accuracy"),
        ("trees", trees_space, trees, "min", "tabular classification", "tree ensemble", "", "val_log_loss"),
        ("optimizers", optimizers_space, optimizers, "min", "image classification", "convnet", "", "val_error"),
        ("layers", layers_space, layers, "max", "tabular classification", "MLP", "", "val_accuracy"),
    ):
        yield Problem(name, "conditional", build, Metadata(*metadata), goal, evaluate)
