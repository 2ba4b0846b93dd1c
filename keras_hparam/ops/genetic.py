"""A genetic algorithm of one parent: the best mutant replaces it, if it is better on the same samples.

Source: US20220253704A1, claim 6; Merchant et al. 2021, Learn2Hop.

Axes: P parameters, K candidates, B samples (tasks with their random numbers).
"""

from keras import ops


def mutants(theta, perturbations):
    """The incumbent, then the candidates θ + ε_k: float [1 + K, P].

    Args:
        theta: float [P], the incumbent.
        perturbations: float [K, P], ε.

    Example:
        >>> mutants([1.0], [[0.5], [-0.5]])
        [[1.0], [1.5], [0.5]]
    """
    theta = ops.convert_to_tensor(theta)
    return ops.concatenate([theta[None], theta + ops.convert_to_tensor(perturbations)], axis=0)


def adopt_best(population, losses):
    """The candidate of the lowest mean loss if that is below the incumbent's on the same batch, else the incumbent.

    A candidate with a loss that is not finite never replaces an incumbent without one.

    Args:
        population: float [1 + K, P], the incumbent first.
        losses: float [1 + K, B], of all of them on the same samples.

    Returns:
        (parameters, index): float [P], and the row of the population that they are, an int32 scalar; 0: no change.

    Example:
        >>> adopt_best([[1.0], [1.5], [0.5]], [[2.0], [3.0], [1.0]])
        [0.5], 2
    """
    population, losses = ops.convert_to_tensor(population), ops.convert_to_tensor(losses)
    means = ops.mean(losses, axis=1)
    means = ops.where(ops.isfinite(means), means, float("inf"))
    index = ops.cast(ops.argmin(means), "int32")  # the first of equals: the incumbent
    return population[index], index
