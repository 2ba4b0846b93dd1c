"""L-BFGS for batches of clusters: each converges alone, at one evaluation of energy and gradient per iteration.

There is no line search: steps of the two-loop recursion are limited per atom, and a step that raises the energy too
much is taken back and shortened. The pair of a rejected step is remembered too: it tells of the curvature, and has cost
an evaluation. The Hessian may start from a network of springs instead of a multiple of the unit matrix. TensorFlow
Probability's minimiser is not used since it counts the evaluations of all clusters together, runs a line search, and
has one backend.

Axes: H pairs in memory, … clusters, N atoms, 3 coordinates; inside, B columns of 3N rows.
"""

from typing import Any, NamedTuple

from keras import ops

from keras_hparam import errors
from keras_hparam.ops import relaxation
from keras_hparam.ops import springs as spring_networks
from keras_hparam.ops.relaxation import dot

_SHORTEST, _LONGEST = 0.1, 0.5  # what share of a rejected step's length the next one may have


class _Memory(NamedTuple):
    """A ring of pairs (step s, change y of the gradient) [H, 3N, B] with 1 / (s · y) [H, B], which is 0 where there is
    none; and the scale [B] of the estimate of the inverse Hessian that the pairs correct."""

    steps: Any
    changes: Any
    inverses: Any
    scale: Any


def minimize(
    value_and_gradient,
    positions,
    max_iterations=1000,
    history=5,
    max_step=0.3,
    first_step=0.3,
    max_rise=0.1,
    gradient_tolerance=1e-2,
    springs=None,
):
    """Relaxes clusters into the minima that they fall into.

    Args:
        value_and_gradient: maps positions [..., N, 3] to (energy [...], gradient [..., N, 3]), as
            `differentiation.value_and_gradient` makes it from an energy.
        positions: float [..., N, 3].
        max_iterations: int >= 1, evaluations per cluster at most.
        history: int >= 1, the number of pairs in memory.
        max_step: limit of an atom's displacement in one step, in units of length.
        first_step: without springs, the first step is −gradient · min(1, 1 / its norm) times this, before the limit.
        max_rise: a step is kept if the energy rises by no more than this share of its absolute value.
        gradient_tolerance: a cluster has converged when no component of its gradient is larger.
        springs: `springs.Springs`, a first estimate of the Hessian that halves the number of evaluations and more; for
            a potential in reduced units `springs.LENNARD_JONES`. None: a multiple of the unit matrix.

    Returns:
        A `relaxation.Relaxation`.

    Raises:
        InvalidArgumentError: for positions that are not float [..., N, 3], and numbers out of range.

    Source: Liu & Nocedal 1989, "On the limited memory BFGS method for large scale optimization", algorithm 2.1.

    Example:
        >>> start = [[0.0, 0.0, 0.0], [1.5, 0.0, 0.0]]
        >>> minimize(value_and_gradient(lennard_jones.energy), start).energy
        -1.0
    """
    if not isinstance(history, int) or history < 1:
        raise errors.InvalidArgumentError(f"Expected `history` as an int >= 1. Received: {history!r}.")
    spring_networks.check(springs)
    limits = {"max_step": max_step, "first_step": first_step, "max_rise": max_rise}
    positions = relaxation.check(positions, max_iterations, gradient_tolerance=gradient_tolerance, **limits)

    def empty(start):
        pairs = ops.zeros((history, *ops.shape(start)), start.dtype)
        return _Memory(pairs, pairs, pairs[:, 0], ops.ones_like(start[0]))

    def advance(iteration, point, tried, memory):
        accepted = tried.energy <= point.energy + max_rise * ops.abs(tried.energy)
        kept = relaxation.choose(accepted, tried, point)
        estimate = _Unit(first_step) if springs is None else _Network(kept.positions, springs)
        memory = _remember(memory, iteration, point, tried, estimate)
        step = relaxation.limit_step(_descent(kept.gradient, memory, iteration, estimate), max_step)
        return kept, kept.positions + ops.where(accepted, step, _shortened(step, point, tried)), memory

    return relaxation.minimize(value_and_gradient, positions, advance, empty, max_iterations, gradient_tolerance)


class _Unit:
    """The unit matrix as first estimate of the inverse Hessian, scaled by the newest pair."""

    def __init__(self, first_step):
        self._first_step = first_step

    def first_scale(self, gradient):
        return self._first_step / ops.maximum(ops.sqrt(dot(gradient, gradient)), 1.0)

    def scale(self, step, change, curvature):
        return curvature / dot(change, change)

    def __call__(self, vector):
        return vector


class _Network:
    """The inverse Hessian of a network of springs, scaled by the newest pair: down to a tenth and never up, since with
    springs that are too soft steps lead uphill."""

    def __init__(self, positions, springs):
        self._bonds, self._springs = spring_networks.network(positions, springs), springs

    def first_scale(self, gradient):
        return ops.ones_like(gradient[0])

    def scale(self, step, change, curvature):
        return ops.clip(dot(step, spring_networks.product(self._bonds, self._springs, step)) / curvature, 0.1, 1.0)

    def __call__(self, vector):
        return spring_networks.solve(self._bonds, self._springs, vector)


def _remember(memory, iteration, point, tried, estimate):
    """The memory with this iteration's pair in place of its oldest, if the curvature along it is positive."""
    step, change = tried.positions - point.positions, tried.gradient - point.gradient
    curvature = dot(step, change)
    known = ops.isfinite(point.energy)  # nowhere at the first evaluation
    useful = known & (curvature > 1e-8 * ops.sqrt(dot(step, step) * dot(change, change)))
    step, change, curvature = (ops.where(useful, one, 1.0) for one in (step, change, curvature))
    scale = ops.where(useful, estimate.scale(step, change, curvature), memory.scale)
    return _Memory(
        _write(memory.steps, iteration, ops.where(useful, step, 0.0)),
        _write(memory.changes, iteration, ops.where(useful, change, 0.0)),
        _write(memory.inverses, iteration, ops.where(useful, 1.0 / curvature, 0.0)),
        ops.where(known, scale, estimate.first_scale(tried.gradient)),
    )


def _write(ring, iteration, new):
    return ops.slice_update(ring, (iteration % ring.shape[0],) + (0,) * len(new.shape), new[None])


def _descent(gradient, memory, iteration, estimate):
    """−H · gradient [3N, B] by the two-loop recursion, turned round where an inexact estimate made that uphill."""
    size = memory.inverses.shape[0]
    newest_first = [(iteration - age) % size for age in range(size)]
    pairs = [tuple(ops.take(part, place, axis=0) for part in memory[:3]) for place in newest_first]
    vector, weights = gradient, []
    for step, change, inverse in pairs:
        weights.append(inverse * dot(step, vector))
        vector = vector - weights[-1] * change
    vector = memory.scale * estimate(vector)
    for (step, change, inverse), weight in zip(reversed(pairs), reversed(weights), strict=True):
        vector = vector + (weight - inverse * dot(change, vector)) * step
    return ops.where(dot(vector, gradient) > 0.0, -vector, vector)


def _shortened(step, point, tried):
    """The step, no longer than to where a parabola through the rejected one, which led to `tried`, has its minimum."""
    rejected = tried.positions - point.positions
    slope = dot(rejected, point.gradient)
    bend = tried.energy - point.energy - slope
    curved = ops.isfinite(bend) & (bend > 0.0)
    share = ops.clip(ops.where(curved, -0.5 * slope / ops.where(curved, bend, 1.0), 0.0), _SHORTEST, _LONGEST)
    length, rejected_length = (ops.sqrt(dot(one, one)) for one in (step, rejected))
    return step * ops.minimum(1.0, share * rejected_length / ops.where(length > 0.0, length, 1.0))
