"""Synthetic problems, d = 2..8: functions whose optimum is known, and responses over mixed and conditional spaces."""

import keras_tuner as kt
import numpy as np

from benchmarks.problems import functions, responses
from benchmarks.problems.problem import Problem
from keras_hparam.optformer.study import Metadata

LEVY_SHIFT = np.array([2.7, -4.1, 0.6, -7.3])  # moves the minimum away from the centre of the box
MICHALEWICZ5 = (2.202906, 1.570796, 1.284992, 1.923058, 1.720470)
HARTMANN3 = (0.114614, 0.555649, 0.852547)
HARTMANN6 = (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)
PRESSURE_VESSEL = {"shell_thickness": 0.8125, "head_thickness": 0.4375, "radius": 42.09844, "length": 176.6367}
DIXON_PRICE = tuple(2.0 ** (2.0 ** (1 - j) - 1) for j in range(1, 6))


def _box(lows, highs):
    """Builder of a space of linear floats `x0`..."""

    def build():
        hp = kt.HyperParameters()
        for i, (low, high) in enumerate(zip(lows, highs, strict=True)):
            hp.Float(f"x{i}", float(low), float(high))
        return hp

    return build


def _function(name, function, lows, highs, minimiser):
    """A continuous problem; neither its metadata nor its parameters say which function it is."""

    def evaluate(values):
        return function(np.array([values[f"x{i}"] for i in range(len(lows))]))

    metadata = Metadata("function minimization", "", "", "value")
    best_values = {f"x{i}": float(x) for i, x in enumerate(minimiser)}
    return Problem(name, "synthetic", _box(lows, highs), metadata, "min", evaluate, best_values)


def _log1p_of(function):
    """The logarithm of a function that spans so many decades that any trial's normalised regret would round to 0."""
    return lambda x: float(np.log1p(function(x)))


def _continuous():
    """Nine functions with a known minimiser."""
    yield _function("branin", functions.branin, (-5, 0), (10, 15), (np.pi, 2.275))
    yield _function("six_hump_camel", functions.six_hump_camel, (-3, -2), (3, 2), (0.08984201, -0.71265640))
    for name, a, p, minimiser in (
        ("hartmann3", functions.HARTMANN3_A, functions.HARTMANN3_P, HARTMANN3),
        ("hartmann6", functions.HARTMANN6_A, functions.HARTMANN6_P, HARTMANN6),
    ):
        d = len(minimiser)
        yield _function(name, lambda x, a=a, p=p: functions.hartmann(x, a, p), (0,) * d, (1,) * d, minimiser)
    yield _function("levy4", lambda x: functions.levy(x - LEVY_SHIFT), (-10,) * 4, (10,) * 4, 1 + LEVY_SHIFT)
    yield _function("log_dixon_price5", _log1p_of(functions.dixon_price), (-10,) * 5, (10,) * 5, DIXON_PRICE)
    yield _function("michalewicz5", functions.michalewicz, (0,) * 5, (np.pi,) * 5, MICHALEWICZ5)
    yield _function("styblinski_tang7", functions.styblinski_tang, (-5,) * 7, (5,) * 7, (-2.903534,) * 7)
    yield _function("log_zakharov8", _log1p_of(functions.zakharov), (-5,) * 8, (10,) * 8, (0,) * 8)


def _responses():
    """Five responses with (name, builder, formula, goal, task, model, metric)."""
    for name, build, evaluate, goal, task, model, metric in (
        ("pressure_vessel", responses.pressure_vessel_space, responses.pressure_vessel, "min")
        + ("engineering design", "pressure vessel", "log_cost"),
        ("mixed_levy", responses.mixed_levy_space, responses.mixed_levy, "min")
        + ("function minimization", "", "value"),
        ("svm", responses.svm_space, responses.svm, "max") + ("tabular classification", "SVM", "val_accuracy"),
        ("trees", responses.trees_space, responses.trees, "min")
        + ("tabular classification", "tree ensemble", "val_log_loss"),
        ("mlp", responses.mlp_space, responses.mlp, "min") + ("image classification", "MLP", "val_loss"),
    ):
        best = PRESSURE_VESSEL if name == "pressure_vessel" else None
        yield Problem(name, "synthetic", build, Metadata(task, model, "", metric), goal, evaluate, best)


def problems():
    """The nine functions, then the five responses, of most of which the optimum must be searched for."""
    yield from _continuous()
    yield from _responses()
