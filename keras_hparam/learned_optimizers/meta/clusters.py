"""Clusters of particles as tasks of meta-training: random starts whose energies are to become those of the best known.

Axes: M candidates, B starts, N particles; reduced units.
"""

from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers.particles import minimization, starts
from keras_hparam.learned_optimizers.particles.potentials import LennardJones
from keras_hparam.tasks.family import TaskFamily


class Clusters(TaskFamily):
    """Clusters of one size under one potential, judged after a quench.

    A trajectory's final loss is the energy of the minimum into which a quench by L-BFGS falls, plus a price for each of
    its evaluations. Losses count by their gap to the lowest known energy, as gap / (gap + `gap_scale`): all minima
    far above it are about equally bad, as they are for who looks for it.

    Args:
        num_particles: int ≥ 2, N.
        minimum: float, the lowest known energy, in the potential's unit of energy.
        potential: a `Potential`; None for `LennardJones()`.
        lengths: (low, high) of the inner steps, instead of those of the meta-training; None: those.
        meta_batch_size: int ≥ 1, starts of a meta-step, instead of that of the meta-training; None: that.
        quench_iterations: int ≥ 1, at most.
        evaluation_price: ≥ 0, per evaluation of the quench, in reduced energy.
        gap_scale: > 0, in reduced energy.

    Raises:
        InvalidArgumentError: for numbers out of range.

    Example:

    ```python
    meta_train(ParticleRule(), [Clusters(13, -44.326801), Clusters(19, -72.659782)], EvolutionStrategies(), settings)
    ```
    """

    def __init__(
        self, num_particles, minimum, potential=None, lengths=None, meta_batch_size=None, quench_iterations=70,
        evaluation_price=2e-3, gap_scale=0.5,
    ):  # fmt: skip
        if not isinstance(num_particles, int) or num_particles < 2:
            raise errors.InvalidArgumentError(f"Expected an int `num_particles` ≥ 2. Received: {num_particles!r}.")
        if not (minimum < 0 and gap_scale > 0 and evaluation_price >= 0):
            raise errors.InvalidArgumentError(
                "Expected `minimum` < 0, `gap_scale` > 0 and `evaluation_price` ≥ 0. "
                f"Received: {minimum!r}, {gap_scale!r} and {evaluation_price!r}."
            )
        self.num_particles, self.potential = num_particles, potential or LennardJones()
        self.name = f"{self.potential.name}_{num_particles}"
        self.lengths, self.meta_batch_size = lengths, meta_batch_size
        self.minimum = minimum / self.potential.energy_unit
        self.quench_iterations = quench_iterations
        self.evaluation_price, self.gap_scale = evaluation_price, gap_scale

    def sample(self, rng, batch_size):
        """Random starts, see `starts.random_ball`."""
        return {"parameters": [starts.random_ball(batch_size, self.num_particles, rng)]}

    def loss(self, parameters, instances, step):
        """Energies [M, B], reduced."""
        return self.potential.reduced_energy(parameters[0])

    def final_loss(self, parameters, instances):
        """Energies after a quench [M, B], with the price of its evaluations."""
        quench, evaluate = minimization.QUENCHES["lbfgs"], self.potential.reduced_value_and_gradient
        found = quench(evaluate, parameters[0], max_iterations=self.quench_iterations)
        return found.energy + self.evaluation_price * ops.cast(found.evaluations, found.energy.dtype)

    def normalize(self, losses, instances):
        """In [0, 1): 0 at the lowest known energy."""
        gap = ops.maximum(losses - self.minimum, 0.0)
        return gap / (gap + self.gap_scale)
