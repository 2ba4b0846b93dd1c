"""Suite `bbob`: functions of the black-box optimisation benchmark that no training corpus of this project contains.

Hansen et al. 2009, "Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions Definitions", INRIA
RR-6829; the first instance, as implemented by IOHexperimenter (de Nobel et al. 2024, Evolutionary Computation 32(3)).
"""

import itertools

from benchmarks.problems import boxes
from keras_hparam import errors

FUNCTIONS = {  # names: numbers in the benchmark, unimodal ones first
    "discus": 11,
    "bent_cigar": 12,
    "sharp_ridge": 13,
    "different_powers": 14,
    "weierstrass": 16,
    "schaffer_f7": 17,
    "katsuura": 23,
    "lunacek_bi_rastrigin": 24,
}
DIMENSIONS = (2, 4, 8, 16)
INSTANCE = 1


def problem(name, dimension):
    """One function, `bbob_<name>_<dimension>d`, on [-5, 5]^d."""
    try:
        import ioh
    except ImportError as error:
        raise errors.UnavailableError(
            f"Expected ioh, which holds the BBOB functions: pip install 'keras_hparam[benchmarks]'. Received: {error}."
        ) from error
    function = ioh.get_problem(FUNCTIONS[name], INSTANCE, dimension, ioh.ProblemClass.BBOB)
    bounds, optimum = function.bounds, function.optimum
    return boxes.minimization(f"bbob_{name}_{dimension}d", "bbob", function, bounds.lb, bounds.ub, optimum.x)


def all_problems():
    """Every function at every dimension."""
    return [problem(name, dimension) for dimension in DIMENSIONS for name in FUNCTIONS]


def problems():
    """Every function once, the dimensions in turn: each has one unimodal and one multimodal function."""
    return [problem(name, d) for name, d in zip(FUNCTIONS, itertools.cycle(DIMENSIONS), strict=False)]
