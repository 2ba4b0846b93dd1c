"""Lowest energies of clusters: an optimizer network moves the particles, a conventional optimizer ends in the minimum.

Axes: B clusters, N particles, 3 coordinates.
"""

import dataclasses
import functools

import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.distribute import compilation
from keras_hparam.learned_optimizers import weights as stored_weights
from keras_hparam.learned_optimizers.particles import parts
from keras_hparam.learned_optimizers.particles.potentials import Potential
from keras_hparam.learned_optimizers.particles.rule import ParticleRule
from keras_hparam.ops import fire, lbfgs, springs

WEIGHTS = "learned-particles"
QUENCHES = {  # in reduced units, where neighbours are about as stiff as springs between Lennard-Jones particles
    "lbfgs": functools.partial(lbfgs.minimize, springs=springs.LENNARD_JONES), "fire": fire.minimize,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Minimized:
    """Where clusters ended; in the potential's units.

    Attributes:
        positions: float32 array [B, N, 3], the centre of mass at the origin; [N, 3] if one cluster was given so.
        energies: float32 array [B], or a number.
        evaluations: int array [B] of energies with gradients, those of the quench included, or a number.
        converged: bool array [B], whether the quench ended in a minimum, or a bool; False without a quench.
    """

    positions: np.ndarray
    energies: np.ndarray
    evaluations: np.ndarray
    converged: np.ndarray


def minimize(
    potential, positions, steps=None, *, weights=WEIGHTS, quench="lbfgs", quench_iterations=500,
    gradient_tolerance=1e-2,
):  # fmt: skip
    """Moves clusters to low energies: `steps` of an optimizer network, then a quench into the next minimum.

    Each cluster is one try: start many and keep the lowest. Of all states on the way, the one with the lowest energy is
    returned. Particles on the same spot feel no force that could part them, so they are moved a little at first.

    Args:
        potential: a `Potential`, such as `LennardJones()`.
        positions: finite float [B, N, 3], or [N, 3] of one cluster, in the potential's unit of length; see
            `random_ball`.
        steps: int ≥ 1, of the network; None for the number that suits N.
        weights: name or directory of weights, or (`ParticleRule`, θ); None for the untrained rule, which follows
            gradients and a pull to the centre with fixed constants.
        quench: "lbfgs", "fire", or None for none.
        quench_iterations: int ≥ 1, evaluations of the quench at most.
        gradient_tolerance: > 0; a quench ends when no component of the reduced gradient is larger.

    Returns:
        `Minimized`.

    Raises:
        InvalidArgumentError: for positions of another shape or that are not finite, a number of particles that the
            potential does not have, energies that are not finite, or other arguments out of range.
        CorruptFileError: for truncated or foreign weights.

    Source: US20220253704A1; Merchant et al. 2021, "Learn2Hop: learned optimization on rough landscapes".

    Example:

    ```python
    potential = LennardJones()
    found = minimize(potential, random_ball(64, 13, seed=0))
    print(found.energies.min())  # -44.3268, the icosahedron
    write_xyz("clusters.xyz", found.positions, potential.elements, found.energies)
    ```
    """
    rule, theta = _resolved(weights)
    clusters = _parted(_checked(potential, positions), potential.length)
    for name, value in (("steps", 1 if steps is None else steps), ("quench_iterations", quench_iterations)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise errors.InvalidArgumentError(f"Expected `{name}` to be an int ≥ 1. Received: {value!r}.")
    if not 0.0 < gradient_tolerance < np.inf:
        raise errors.InvalidArgumentError(
            f"Expected a finite `gradient_tolerance` > 0. Received: {gradient_tolerance!r}."
        )
    if quench is not None and quench not in QUENCHES:
        raise errors.InvalidArgumentError(f"Expected `quench` to be one of {[*QUENCHES, None]}. Received: {quench!r}.")
    steps = rule.config.num_steps(clusters.shape[1]) if steps is None else steps
    size = parts.size_of(*clusters.shape[:2])
    shape = (size, *clusters.shape[1:])
    program = _program(shape, rule.config, potential, quench, quench_iterations, float(gradient_tolerance))
    moved, energies, evaluations, converged = parts.map_parts(
        lambda part: program(theta, part, np.int32(steps)), clusters / potential.length, size
    )
    moved, energies = moved * potential.length, energies * potential.energy_unit
    single = np.ndim(positions) == 2
    return Minimized(*(part[0] if single else part for part in (moved, energies, evaluations, converged)))


def trajectory(rule, theta, value_and_gradient, positions, steps):
    """(last positions, positions and energies of the lowest energy) of a rule's steps.

    Args:
        rule: `ParticleRule`.
        theta: [P].
        value_and_gradient: callable of positions, in reduced units.
        positions: [B, N, 3], reduced.
        steps: int32 scalar tensor ≥ 1.
    """

    def body(step, positions, state, best, best_energies):
        energies, gradients = value_and_gradient(positions)
        best, best_energies = _lower(positions, energies, best, best_energies)
        gradients = ops.where(ops.isfinite(gradients), gradients, 0.0)
        (moved,), (state,) = rule.step(theta, [state], [positions], [gradients], None, step, steps)
        return step + 1, moved, state, best, best_energies

    (state,) = rule.init([positions])
    unknown = ops.full_like(positions[:, 0, 0], float("inf"))
    carry = (ops.zeros((), "int32"), positions, state, positions, unknown)
    _, positions, _, best, best_energies = ops.while_loop(lambda step, *_: step < steps, body, carry)
    return positions, best, best_energies


@functools.lru_cache(maxsize=32)
def _program(shape, config, potential, quench, quench_iterations, gradient_tolerance):
    """The compiled program for clusters of a shape, a tuple."""
    rule, evaluate = ParticleRule(config), potential.reduced_value_and_gradient

    def run(theta, positions, steps):
        positions, best, best_energies = trajectory(rule, theta, evaluate, positions, steps)
        evaluations = ops.broadcast_to(steps, best_energies.shape)
        converged = ops.zeros_like(best_energies, "bool")
        if quench is not None:
            found = QUENCHES[quench](
                evaluate, positions, max_iterations=quench_iterations, gradient_tolerance=gradient_tolerance
            )
            evaluations, converged = evaluations + found.evaluations, found.converged
            best, best_energies = _lower(found.positions, found.energy, best, best_energies)
        else:
            energies, _ = evaluate(positions)
            evaluations = evaluations + 1
            best, best_energies = _lower(positions, energies, best, best_energies)
        return best - ops.mean(best, axis=-2, keepdims=True), best_energies, evaluations, converged

    return compilation.compile(run)


def _lower(positions, energies, best, best_energies):
    """The states with the lower energies of two."""
    better = energies < best_energies
    return ops.where(better[..., None, None], positions, best), ops.where(better, energies, best_energies)


def _resolved(weights):
    """(`ParticleRule`, θ) of what `minimize` is given."""
    if weights is None:
        rule = ParticleRule()
        return rule, rule.initial(0)
    if isinstance(weights, tuple):
        rule, theta = weights
        return rule, stored_weights.checked("weights", theta, rule)
    return stored_weights.load(weights, ParticleRule)


def _checked(potential, positions):
    """`positions` as float32 [B, N, 3], once they and the potential fit."""
    if not isinstance(potential, Potential):
        raise errors.InvalidArgumentError(f"Expected `potential` to be a Potential. Received: {potential!r}.")
    clusters = np.asarray(positions, "float32")
    clusters = clusters[None] if clusters.ndim == 2 else clusters
    if clusters.ndim != 3 or clusters.shape[-1] != 3 or 0 in clusters.shape or not np.isfinite(clusters).all():
        raise errors.InvalidArgumentError(
            f"Expected `positions` to be finite [B, N, 3] or [N, 3]. Received: shape {np.shape(positions)}."
        )
    if potential.num_particles not in (None, clusters.shape[1]):
        raise errors.InvalidArgumentError(
            f"Expected `positions` of the potential's {potential.num_particles} particles. "
            f"Received: {clusters.shape[1]}."
        )
    energies = ops.convert_to_numpy(potential.energy(ops.convert_to_tensor(clusters)))
    if not np.isfinite(energies).all():
        wrong = np.flatnonzero(~np.isfinite(energies)).tolist()
        raise errors.InvalidArgumentError(
            f"Expected `positions` whose energies are finite. Received: others, of the clusters {wrong[:10]}."
        )
    return clusters


def _parted(clusters, length):
    """Clusters in which particles on the same spot as another one are moved by about a hundredth of `length`."""
    apart = np.linalg.norm(clusters[:, :, None] - clusters[:, None], axis=-1)
    together = np.sum(apart < 1e-4 * length, axis=-1) > 1  # each is on its own spot
    moves = 1e-2 * length * np.random.default_rng(0).standard_normal(clusters.shape)
    return np.where(together[..., None], clusters + moves, clusters).astype("float32")
