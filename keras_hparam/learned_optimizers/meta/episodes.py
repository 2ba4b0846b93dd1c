"""Trajectories of one batch of tasks, made in one meta-step or, by persistent evolution strategies, in several.

Axes: R replicas, K draws, C candidates of a draw, B instances, P parameters.
"""

import functools

import numpy as np

from keras_hparam.distribute import programs
from keras_hparam.learned_optimizers.meta import unroll


class Programs:
    """The compiled programs of a rule on families of tasks.

    Args:
        rule: see `unroll`.
        estimator: `Estimator`.
        trajectory: "mean" or "last", see `unroll.Unrolled`.
        strategy: as of `distribute.programs.create`.
    """

    def __init__(self, rule, estimator, trajectory, strategy=None):
        self.rule, self.estimator, self.trajectory = rule, estimator, trajectory
        self.devices = programs.create(strategy)
        self.share = -(-estimator.draws // self.devices.number)  # of a replica; the last ones may repeat the last draw
        self._compiled = {}

    def of(self, family):
        """(begin, advance) for a family: they are compiled when they are first called."""
        if family.name not in self._compiled:
            population = 1 + self.estimator.candidates_per_draw * self.share
            begin = functools.partial(unroll.begin, self.rule, population=population)
            advance = functools.partial(unroll.advance, self.rule, family)
            self._compiled[family.name] = tuple(map(self.devices.compile, (begin, advance)))
        return self._compiled[family.name]


class Episode:
    """Trajectories of all candidates on a batch of tasks.

    Args:
        programs: `Programs`.
        family: `TaskFamily`.
        instances: of its `sample`.
        steps: int >= 1, inner steps of a whole trajectory.
        is_known: bool, whether the rule is told `steps`.

    Attributes:
        accumulated: float [K, P], the sum of the perturbations so far.
        thetas: list of the parameters [P] of the meta-steps so far, with which the episode can be made again.
    """

    def __init__(self, programs, family, instances, steps, is_known):
        self.programs, self.family, self.steps = programs, family, steps
        self.instances, self.told = instances, float(steps if is_known else 0)
        self.position, self.accumulated, self.thetas, self._carry = 0, 0.0, [], None

    @property
    def ended(self):
        """Whether all steps have been made."""
        return self.position >= self.steps

    def advance(self, theta, perturbations):
        """Losses [1 + C·K, B] of θ and its candidates, of the next part of their trajectories.

        Args:
            theta: float array [P].
            perturbations: float array [K, P], of this meta-step.
        """
        programs, devices = self.programs, self.programs.devices
        begin, advance = programs.of(self.family)
        share, estimator = programs.share, programs.estimator
        drawn = np.minimum(np.arange(share * devices.number), estimator.draws - 1)
        steps = min(estimator.steps_per_update or self.steps, self.steps - self.position)
        carry = begin(self.instances) if self._carry is None else self._carry
        own = devices.scatter(
            lambda replica: estimator.population(theta, perturbations[drawn[replica * share : (replica + 1) * share]])
        )
        position, steps = np.int32(self.position), np.int32(steps)
        carry, found = advance(own, carry, self.instances, position, steps, np.float32(self.told))
        losses = devices.gather(getattr(found, programs.trajectory))  # [R, 1 + C·K/R, B]
        self.position += int(steps)
        self.accumulated = self.accumulated + perturbations
        self.thetas.append(np.array(theta))
        self._carry = None if self.ended else carry
        batch = losses.shape[-1]
        signs = losses[:, 1:].reshape(devices.number, estimator.candidates_per_draw, share, batch).swapaxes(0, 1)
        candidates = signs.reshape(len(signs), -1, batch)[:, : estimator.draws]  # draws of all replicas, sign by sign
        return np.concatenate([losses[0, :1], candidates.reshape(-1, batch)])
