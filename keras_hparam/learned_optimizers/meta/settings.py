"""How an optimizer is meta-trained, as numbers; what a meta-step draws."""

import dataclasses
import math

import numpy as np

from keras_hparam import errors
from keras_hparam.learned_optimizers.meta.estimator import check_count
from keras_hparam.learned_optimizers.meta.unroll import TRAJECTORIES

BESIDE_THE_COURSE = ("meta_steps", "checkpoint_every")  # settings that a resumed training may change
VALIDATION_STREAM = 1_000_003  # of random numbers that are never a meta-step's
_STREAM = 0


@dataclasses.dataclass(frozen=True)
class MetaTrainingSettings:
    """Settings of `meta_train`.

    Args:
        meta_steps: int >= 1, updates of θ in all.
        lengths: (low, high), ints >= 1: inner steps of a trajectory, log-uniform at random.
        batch_size: int >= 1, instances of a meta-step; all candidates see the same.
        trajectory: "mean" of the losses after each step, or "last".
        total_steps_known: float in [0, 1], the share of the trajectories whose length the rule is told.
        seed: int >= 0.
        validate_every: int >= 1, meta-steps between validations; there is one before the first and one after the last.
        validation_batch_size: int >= 1, held-out instances of each family.
        validation_lengths: ints >= 1, inner steps of the validations; none: the geometric middle of `lengths`, and its
            upper end.
        checkpoint_every: int >= 1, meta-steps between checkpoints; there is one at the end as well.

    Raises:
        InvalidArgumentError: for numbers out of range.
    """

    meta_steps: int = 1000
    lengths: tuple[int, int] = (20, 200)
    batch_size: int = 8
    trajectory: str = "mean"
    total_steps_known: float = 0.5
    seed: int = 0
    validate_every: int = 50
    validation_batch_size: int = 32
    validation_lengths: tuple[int, ...] = ()
    checkpoint_every: int = 50

    def __post_init__(self):
        for name in ("meta_steps", "batch_size", "validate_every", "validation_batch_size", "checkpoint_every"):
            check_count(name, getattr(self, name))
        for name in ("lengths", "validation_lengths"):
            for length in getattr(self, name):
                check_count(name, length)
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.lengths) != 2 or self.lengths[0] > self.lengths[1]:
            raise errors.InvalidArgumentError(f"Expected `lengths` (low, high), low <= high. Received: {self.lengths}.")
        if self.trajectory not in TRAJECTORIES:
            raise errors.InvalidArgumentError(
                f"Expected `trajectory` to be one of {TRAJECTORIES}. Received: {self.trajectory!r}."
            )
        if not 0 <= self.total_steps_known <= 1:
            raise errors.InvalidArgumentError(
                f"Expected `total_steps_known` in [0, 1]. Received: {self.total_steps_known!r}."
            )
        if not isinstance(self.seed, int) or self.seed < 0:
            raise errors.InvalidArgumentError(f"Expected `seed` to be an int >= 0. Received: {self.seed!r}.")
        if not self.validation_lengths:
            middle = round(math.sqrt(self.lengths[0] * self.lengths[1]))
            object.__setattr__(self, "validation_lengths", tuple(sorted({middle, self.lengths[1]})))

    def validation_lengths_of(self, family):
        """Inner steps of the validations on a family: its longest ones, where it has lengths of its own."""
        return (family.lengths[1],) if family.lengths else self.validation_lengths

    def to_dict(self):
        """The settings as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    def course(self):
        """Those of the settings that decide what a meta-step does, as plain JSON values."""
        return {name: value for name, value in self.to_dict().items() if name not in BESIDE_THE_COURSE}


def draw_tasks(settings, mixture, meta_step):
    """What the trajectories are that begin at a meta-step: a function of (seed, meta-step).

    Args:
        settings: `MetaTrainingSettings`.
        mixture: `Mixture`.
        meta_step: int >= 0.

    Returns:
        (family, instances, steps, is_known): the `TaskFamily`, its arrays, the inner steps, whether the rule is told.
    """
    rng = np.random.default_rng((settings.seed, meta_step, _STREAM))
    family = mixture.draw(rng)
    lengths = family.lengths or settings.lengths
    steps = int(np.clip(round(math.exp(rng.uniform(*np.log(lengths)))), *lengths))
    is_known = bool(rng.random() < settings.total_steps_known)
    return family, family.sample(rng, family.meta_batch_size or settings.batch_size), steps, is_known


def held_out_tasks(settings, mixture):
    """The instances of each family that validations are made on: list of (family, instances), of the seed alone."""
    seeds = ((settings.seed, VALIDATION_STREAM, index) for index in range(len(mixture.families)))
    return [
        (family, family.sample(np.random.default_rng(seed), settings.validation_batch_size))
        for family, seed in zip(mixture.families, seeds, strict=True)
    ]
