"""Functions over a box as search problems: linear floats `x0`, `x1`, ... and metadata that says nothing."""

import keras_tuner as kt
import numpy as np

from benchmarks.problems.problem import Problem
from keras_hparam.optformer.study import Metadata


def minimization(name, suite, function, lows, highs, minimiser):
    """The problem of minimising a function; neither its metadata nor its parameters say which one it is.

    Args:
        name, suite: as of `Problem`.
        function: callable from a float array [d] to a float.
        lows, highs: sequences of d bounds.
        minimiser: sequence of d floats, where the function is smallest.
    """

    def build():
        hp = kt.HyperParameters()
        for i, (low, high) in enumerate(zip(lows, highs, strict=True)):
            hp.Float(f"x{i}", float(low), float(high))
        return hp

    def evaluate(values):
        return float(function(np.array([values[f"x{i}"] for i in range(len(lows))])))

    metadata = Metadata("function minimization", "", "", "value")
    best_values = {f"x{i}": float(x) for i, x in enumerate(minimiser)}
    return Problem(name, suite, build, metadata, "min", evaluate, best_values)
