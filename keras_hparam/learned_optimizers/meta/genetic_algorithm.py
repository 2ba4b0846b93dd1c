"""The genetic algorithm: the best of some random candidates replaces θ, if it is better on the same tasks."""

import dataclasses

import numpy as np
from keras import ops

from keras_hparam.learned_optimizers.meta.estimator import Estimator, check_count, check_sigma
from keras_hparam.ops import genetic


@dataclasses.dataclass(frozen=True)
class GeneticAlgorithm(Estimator):
    """Settings of the genetic algorithm; the formulas are in `keras_hparam.ops.genetic`.

    θ is judged anew at each meta-step, on the batch that its candidates are judged on.

    Args:
        sigma: float in (0, 1), standard deviation of the perturbations.
        candidates: int >= 1, of a meta-step, over all replicas.

    Raises:
        InvalidArgumentError: for numbers out of range.

    Source: US20220253704A1, claim 6.

    Example:

    ```python
    estimator = GeneticAlgorithm(sigma=0.1, candidates=16)
    ```
    """

    sigma: float = 0.1
    candidates: int = 16

    def __post_init__(self):
        check_sigma(self.sigma)
        check_count("candidates", self.candidates)

    @property
    def draws(self):
        """K: the candidates."""
        return self.candidates

    def to_dict(self):
        """The settings as plain JSON values."""
        return {"method": "genetic_algorithm", **dataclasses.asdict(self)}

    def population(self, theta, perturbations):
        return ops.convert_to_numpy(genetic.mutants(theta, perturbations))

    def update(self, theta, optimizer, perturbations, accumulated, losses):
        population = self.population(theta, perturbations)
        chosen, index = genetic.adopt_best(population, losses)
        theta.assign(chosen)
        skipped = losses.shape[1] - np.isfinite(losses[0]).sum()
        return {"adopted": float(int(index) > 0), "skipped": float(skipped)}
