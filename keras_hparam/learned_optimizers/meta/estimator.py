"""What evolution strategies and the genetic algorithm have in common: random candidates, and losses that judge them.

Everything random is a function of (seed, meta-step, number of the draw): replicas divide the draws among themselves, so
that two replicas of half of them make the update of one with all.

Axes: P parameters, K draws (pairs, or candidates), C candidates of a draw, B instances.
"""

import math

import numpy as np

from keras_hparam import errors

_STREAM = 1  # of random numbers, besides that of the tasks


class Estimator:
    """Base of the two ways to update θ.

    Attributes:
        draws: int, K, over all replicas.
        candidates_per_draw: int, C: 2 for a pair, 1 for a mutant.
        steps_per_update: int, the most inner steps of a meta-step; None: whole trajectories.
    """

    draws = 1
    candidates_per_draw = 1
    steps_per_update = None

    def perturbations(self, size, seed, meta_step):
        """ε ~ N(0, σ²): float32 [K, P], of one meta-step."""
        rng = np.random.default_rng((seed, meta_step, _STREAM))
        return (self.sigma * rng.standard_normal((self.draws, size))).astype("float32")

    def population(self, theta, perturbations):
        """θ first, then the candidates of the perturbations [K', P], draw by draw within each sign: [1 + C·K', P]."""
        raise NotImplementedError

    def make_optimizer(self):
        """The Keras optimizer that the training of one θ uses, or None if it uses none."""
        return None

    def update(self, theta, optimizer, perturbations, accumulated, losses):
        """Changes θ by the losses of its candidates.

        Args:
            theta: `keras.Variable` [P].
            optimizer: of `make_optimizer`.
            perturbations: float [K, P], of this meta-step.
            accumulated: float [K, P], their sum since the trajectories began.
            losses: float array [1 + C·K, B], in the order of `population`.

        Returns:
            dict of figures by name: what happened.
        """
        raise NotImplementedError


def check_sigma(sigma):
    """Raises `InvalidArgumentError` unless sigma is a number in (0, 1)."""
    valid = isinstance(sigma, int | float) and not isinstance(sigma, bool) and 0 < sigma < 1
    if not valid or not math.isfinite(sigma):
        raise errors.InvalidArgumentError(f"Expected `sigma` to be a number in (0, 1). Received: {sigma!r}.")


def check_count(name, value):
    """Raises `InvalidArgumentError` unless the value is an int >= 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise errors.InvalidArgumentError(f"Expected `{name}` to be an int >= 1. Received: {value!r}.")
