"""Evolution strategies with antithetic pairs, clipped meta-losses and, for long trajectories, truncations."""

import copy
import dataclasses

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers.meta.estimator import Estimator, check_count, check_sigma
from keras_hparam.ops import evolution


@dataclasses.dataclass(frozen=True)
class EvolutionStrategies(Estimator):
    """Settings of evolution strategies; the formulas are in `keras_hparam.ops.evolution`.

    Args:
        sigma: float in (0, 1), standard deviation of the perturbations.
        pairs: int >= 1, antithetic pairs of a meta-step, over all replicas.
        clip: bool, whether losses are clipped by the loss at θ. It keeps half of a linear loss' gradient and ignores
            how much worse a candidate is.
        per_task: bool, whether each instance's loss is clipped by itself; otherwise their mean is, as in the source,
            and one loss that is not finite spoils it.
        persistent: bool, persistent evolution strategies: trajectories go on over several meta-steps.
        truncation: int >= 1, inner steps of a meta-step if `persistent`, else not used.
        optimizer: `keras.optimizers.Optimizer`, its name or its configuration. A copy of it applies the estimates, so
            that one object serves many trainings.

    Raises:
        InvalidArgumentError: for numbers out of range, or no optimizer.

    Example:

    ```python
    estimator = EvolutionStrategies(sigma=0.05, pairs=8, optimizer=keras.optimizers.Adam(0.02))
    ```
    """

    sigma: float = 0.05
    pairs: int = 8
    clip: bool = True
    per_task: bool = True
    persistent: bool = False
    truncation: int = 50
    optimizer: object = "adam"

    candidates_per_draw = 2

    def __post_init__(self):
        check_sigma(self.sigma)
        check_count("pairs", self.pairs)
        check_count("truncation", self.truncation)
        try:
            given = self.optimizer
            optimizer = keras.optimizers.get(copy.deepcopy(given) if isinstance(given, dict) else given)
            if optimizer is None:
                raise ValueError("None")
        except (ValueError, TypeError, AttributeError) as error:
            raise errors.InvalidArgumentError(
                "Expected `optimizer` to be a Keras optimizer, its name or configuration. "
                f"Received: {self.optimizer!r}."
            ) from error
        serialized = keras.saving.serialize_keras_object(optimizer)
        serialized["config"]["name"] = "optimizer"  # Keras numbers names on and on in one process
        object.__setattr__(self, "optimizer", serialized)

    @property
    def draws(self):
        """K: the pairs."""
        return self.pairs

    @property
    def steps_per_update(self):
        """The most inner steps of a meta-step; None: whole trajectories."""
        return self.truncation if self.persistent else None

    def to_dict(self):
        """The settings as plain JSON values."""
        return {"method": "evolution_strategies", **dataclasses.asdict(self)}

    def population(self, theta, perturbations):
        return ops.convert_to_numpy(evolution.antithetic(theta, perturbations))

    def make_optimizer(self):
        return keras.saving.deserialize_keras_object(copy.deepcopy(self.optimizer))  # Keras writes into it

    def update(self, theta, optimizer, perturbations, accumulated, losses):
        losses = losses if self.per_task else losses.mean(axis=1, keepdims=True)
        plus, minus = np.split(losses[1:], 2)
        if self.clip:
            *pairs, weights = evolution.clip_losses(losses[0], plus, minus)
        else:
            *pairs, weights = evolution.finite_losses(plus, minus)
        gradient = evolution.gradient(accumulated, *pairs, weights, self.sigma)
        optimizer.apply([gradient], [theta])
        skipped = weights.shape[0] * weights.shape[1] - float(ops.sum(weights))
        return {"gradient_norm": float(ops.norm(gradient)), "skipped": skipped / self.pairs}
