"""How good an optimizer is on held-out tasks; whether there is anything to learn from, before long work.

Axes: M candidates, B instances, P parameters of the rule.
"""

import functools

import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.distribute import compilation
from keras_hparam.learned_optimizers.meta import settings as settings_module
from keras_hparam.learned_optimizers.meta import unroll


class Validation:
    """The mean normalised loss of trajectories on held-out instances, the same whenever it is asked for.

    Args:
        rule: see `unroll`.
        mixture: `Mixture`.
        settings: `MetaTrainingSettings`.
    """

    def __init__(self, rule, mixture, settings):
        self.settings = settings
        self.tasks = settings_module.held_out_tasks(settings, mixture)
        self._programs = [
            compilation.compile(functools.partial(unroll.unroll, rule, family)) for family, _ in self.tasks
        ]

    @property
    def names(self):
        """Of the scores: family/length."""
        lengths = self.settings.validation_lengths_of
        return [f"{family.name}/{steps}" for family, _ in self.tasks for steps in lengths(family)]

    def __call__(self, theta):
        """The scores of all families and lengths, float64 array; +∞ where a loss is not finite.

        Args:
            theta: float array [P].
        """
        scores = []
        for (family, instances), program in zip(self.tasks, self._programs, strict=True):
            for steps in self.settings.validation_lengths_of(family):
                found = program(theta[None], instances, np.int32(steps), np.float32(steps))
                scores.append(np.mean(ops.convert_to_numpy(getattr(found, self.settings.trajectory)), dtype="float64"))
        return np.where(np.isfinite(scores), scores, np.inf)


def check_tasks(tasks):
    """Raises `InvalidArgumentError` if all losses of a family are not finite at the initial parameters.

    Args:
        tasks: list of (family, instances).
    """
    for family, instances in tasks:
        losses = family.loss([ops.convert_to_tensor(p)[None] for p in instances["parameters"]], instances, np.int32(0))
        losses = ops.convert_to_numpy(losses)
        if not np.isfinite(losses).any():
            raise errors.InvalidArgumentError(
                f"Expected a finite loss of the family {family.name!r} at the initial parameters. "
                f"Received: {losses[0][:4]} for the first instances."
            )


def check_signal(family, losses):
    """Raises `InvalidArgumentError` if no update can ever follow from the losses of the first candidates.

    Args:
        family: `TaskFamily`.
        losses: float array [1 + candidates, B], normalised; those of θ first.
    """
    if not np.isfinite(losses[0]).any():
        raise errors.InvalidArgumentError(
            f"Expected trajectories of the initial rule with a finite loss on the family {family.name!r}. "
            f"Received: {losses[0][:4]} for the first instances."
        )
    if not (losses != losses[:1]).any():
        raise errors.InvalidArgumentError(
            f"Expected candidates whose losses differ on the family {family.name!r}. Received: {losses[0][:4]} for the "
            "first instances, of all candidates alike. Begin with a rule that works a little, or normalise the losses "
            "so that they are not all at the limit."
        )
