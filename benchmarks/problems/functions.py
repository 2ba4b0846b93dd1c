"""Test functions of global optimisation, minimised, x float [d]; none of them is in the training corpus.

Formulas as in Surjanovic & Bingham, "Virtual Library of Simulation Experiments: Test Functions and Datasets".
"""

import math

import numpy as np

HARTMANN_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN3_A = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
HARTMANN3_P = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])
HARTMANN6_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
HARTMANN6_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(x, a, p):
    """Four Gaussian wells: -sum_i w_i exp(-sum_j a_ij (x_j - p_ij)^2) on [0, 1]^d; a and p are [4, d]."""
    return float(-HARTMANN_WEIGHTS @ np.exp(-np.sum(a * np.square(x - p), axis=1)))


def branin(x):
    """Branin on [-5, 10] x [0, 15]: three equal minima of 0.397887, one at (pi, 2.275)."""
    valley = x[1] - 5.1 / (4 * np.pi**2) * x[0] ** 2 + 5 / np.pi * x[0] - 6
    return float(valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x[0]) + 10)


def six_hump_camel(x):
    """Six-hump camel on [-3, 3] x [-2, 2]: two equal minima of -1.0316285, one at (0.0898420, -0.7126564)."""
    first = (4 - 2.1 * x[0] ** 2 + x[0] ** 4 / 3) * x[0] ** 2
    return float(first + x[0] * x[1] + (4 * x[1] ** 2 - 4) * x[1] ** 2)


def levy(x):
    """Levy on [-10, 10]^d: ripples on a bowl, minimum 0 at (1, ..., 1)."""
    w = 1 + (np.asarray(x) - 1) / 4
    head = np.sin(np.pi * w[0]) ** 2
    body = np.sum(np.square(w[:-1] - 1) * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
    return float(head + body + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2))


def styblinski_tang(x):
    """Styblinski-Tang on [-5, 5]^d: 2^d minima, the deepest of -39.1661657 d at x_j = -2.9035340."""
    x = np.asarray(x)
    return float(np.sum(x**4 - 16 * x**2 + 5 * x) / 2)


def michalewicz(x, steepness=10):
    """Michalewicz on [0, pi]^d: steep valleys in flat ground, minimum -4.687658 for d = 5."""
    x = np.asarray(x)
    order = np.arange(1, len(x) + 1)
    return float(-np.sum(np.sin(x) * np.sin(order * x**2 / np.pi) ** (2 * steepness)))


def zakharov(x):
    """Zakharov on [-5, 10]^d: one long valley, minimum 0 at the origin, values up to 10^9 in the corners."""
    x = np.asarray(x)
    drift = np.sum(np.arange(1, len(x) + 1) * x) / 2
    return float(np.sum(x**2) + drift**2 + drift**4)


def dixon_price(x):
    """Dixon-Price on [-10, 10]^d: a curved valley, minimum 0 at x_j = 2^(2^(1-j) - 1), j = 1..d."""
    x = np.asarray(x)
    order = np.arange(2, len(x) + 1)
    return float((x[0] - 1) ** 2 + np.sum(order * np.square(2 * x[1:] ** 2 - x[:-1])))


def softplus(x):
    """log(1 + e^x) of a float without overflow: a hinge with a round corner, for responses."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
