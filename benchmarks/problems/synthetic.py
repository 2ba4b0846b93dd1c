"""Suite `synthetic`: nine functions of 2 to 8 continuous parameters whose optimum is known."""

import numpy as np

from benchmarks.problems import boxes, functions

LEVY_SHIFT = np.array([2.7, -4.1, 0.6, -7.3])  # moves the minimum away from the centre of the box
MICHALEWICZ5 = (2.202906, 1.570796, 1.284992, 1.923058, 1.720470)
HARTMANN3 = (0.114614, 0.555649, 0.852547)
HARTMANN6 = (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)
DIXON_PRICE = tuple(2.0 ** (2.0 ** (1 - j) - 1) for j in range(1, 6))


def _function(name, function, lows, highs, minimiser):
    return boxes.minimization(name, "synthetic", function, lows, highs, minimiser)


def _log1p_of(function):
    """The logarithm of a function that spans so many decades that any trial's normalised regret would round to 0."""
    return lambda x: float(np.log1p(function(x)))


def problems():
    """The nine functions."""
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
