"""FIRE, the fast inertial relaxation engine, for batches of clusters: dynamics that stop when they go uphill.

Robust from any start, and slower than L-BFGS near a minimum.

Axes: … clusters, N atoms, 3 coordinates; inside, B columns of 3N rows.
"""

from typing import Any, NamedTuple

from keras import ops

from keras_hparam.ops import relaxation
from keras_hparam.ops.relaxation import dot

_LATENCY = 5  # steps downhill before the time step grows
_GROWTH, _SHRINKAGE = 1.1, 0.5  # of the time step
_MIXING, _MIXING_DECAY = 0.1, 0.99  # of the velocity with the direction of the force
_LONGEST = 10.0  # time step, in units of the first


class _Memory(NamedTuple):
    """Velocities [3N, B]; time steps, mixing shares and numbers of steps downhill [B]."""

    velocity: Any
    time_step: Any
    mixing: Any
    downhill: Any


def minimize(
    value_and_gradient, positions, max_iterations=2000, time_step=0.04, max_step=0.3, gradient_tolerance=1e-2
):
    """Relaxes clusters into minima, with masses of 1 and the published constants.

    Args:
        value_and_gradient: maps positions [..., N, 3] to (energy [...], gradient [..., N, 3]), as
            `differentiation.value_and_gradient` makes it from an energy.
        positions: float [..., N, 3].
        max_iterations: int >= 1, evaluations per cluster at most.
        time_step: the first time step, > 0, in units of √(mass · length² / energy); it grows to ten times this.
        max_step: limit of an atom's displacement in one step, in units of length.
        gradient_tolerance: a cluster has converged when no component of its gradient is larger.

    Returns:
        A `relaxation.Relaxation`.

    Raises:
        InvalidArgumentError: for positions that are not float [..., N, 3], and numbers out of range.

    Source: Bitzek et al. 2006, "Structural relaxation made simple", Physical Review Letters 97, 170201.

    Example:
        >>> start = [[0.0, 0.0, 0.0], [1.5, 0.0, 0.0]]
        >>> minimize(value_and_gradient(lennard_jones.energy), start).energy
        -1.0
    """
    limits = {"time_step": time_step, "max_step": max_step, "gradient_tolerance": gradient_tolerance}
    positions = relaxation.check(positions, max_iterations, **limits)

    def at_rest(start):
        ones = ops.ones_like(start[0])
        return _Memory(ops.zeros_like(start), time_step * ones, _MIXING * ones, 0.0 * ones)

    def advance(iteration, point, tried, memory):
        kept = relaxation.choose(ops.isfinite(tried.energy), tried, point)
        memory = _accelerate(memory, -kept.gradient, time_step)
        return kept, kept.positions + relaxation.limit_step(memory.time_step * memory.velocity, max_step), memory

    return relaxation.minimize(value_and_gradient, positions, advance, at_rest, max_iterations, gradient_tolerance)


def _accelerate(memory, force, first_time_step):
    velocity, time_step, mixing, downhill = memory
    uphill = dot(force, velocity) <= 0.0
    speed, strength = (ops.sqrt(dot(one, one)) for one in (velocity, force))
    along = force * (speed / ops.where(strength > 0.0, strength, 1.0))
    grows = ~uphill & (downhill >= _LATENCY)
    grown = ops.minimum(time_step * _GROWTH, _LONGEST * first_time_step)
    rests = speed == 0.0  # at the first step and after each stop: nothing went uphill
    time_step = ops.where(uphill & ~rests, time_step * _SHRINKAGE, ops.where(grows, grown, time_step))
    velocity = ops.where(uphill, 0.0, (1.0 - mixing) * velocity + mixing * along) + time_step * force
    mixing = ops.where(uphill, _MIXING, ops.where(grows, mixing * _MIXING_DECAY, mixing))
    return _Memory(velocity, time_step, mixing, ops.where(uphill, 0.0, downhill + 1.0))
