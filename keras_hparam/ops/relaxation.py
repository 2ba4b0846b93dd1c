"""What minimisers of clusters have in common: one loop, one evaluation each time, each cluster frozen when it is done.

Inside, clusters are the columns of a matrix: sums over a cluster's coordinates then run over all clusters at once,
which makes a compiled L-BFGS ten times faster. The first evaluation is the loop's own, of the positions given, so that
a program holds the potential once.

Axes: … clusters, each minimised alone, B of them in all; N atoms, 3 coordinates, 3N rows of columns.
"""

from typing import Any, NamedTuple

from keras import ops

from keras_hparam import errors
from keras_hparam.ops import pair_distances


class Relaxation(NamedTuple):
    """Where a minimiser ended.

    positions: float [..., N, 3]; energy: [...] there; gradient_norm: [...], the largest absolute component of the
    gradient there; evaluations: int32 [...], of energy with gradient, those of the start and of rejected steps
    included; converged: bool [...], whether `gradient_norm` is at most the tolerance.
    """

    positions: Any
    energy: Any
    gradient_norm: Any
    evaluations: Any
    converged: Any


class Point(NamedTuple):
    """Positions as columns [3N, B], with energies [B] and gradients [3N, B]."""

    positions: Any
    energy: Any
    gradient: Any


def check(positions, max_iterations, **numbers):
    """`positions` as a tensor, once the arguments of a minimiser are right.

    Raises:
        InvalidArgumentError: for positions that are not float [..., N, 3], `max_iterations` below 1, and any other
            number that is not above 0.
    """
    if not isinstance(max_iterations, int) or max_iterations < 1:
        raise errors.InvalidArgumentError(f"Expected `max_iterations` as an int >= 1. Received: {max_iterations!r}.")
    pair_distances.check_positive(**numbers)
    return pair_distances.check(positions)


def minimize(value_and_gradient, positions, advance, memory, max_iterations, gradient_tolerance):
    """Relaxes clusters by the rule `advance` until each has converged.

    A cluster whose start has no finite energy is given up after one evaluation.

    Args:
        value_and_gradient: maps positions [..., N, 3] to (energy [...], gradient [..., N, 3]).
        positions: float tensor [..., N, 3].
        advance: maps (iteration, the `Point` so far, the `Point` tried, memory) to (the `Point` kept, the positions to
            try next [3N, B], memory). At first the point so far has infinite energy and gradient 0.
        memory: maps positions [3N, B] to what `advance` carries along: tensors of constant shape and dtype.
        max_iterations: int >= 1, evaluations per cluster at most.
        gradient_tolerance: a cluster has converged when no component of its gradient is larger.

    Returns:
        A `Relaxation`.
    """
    shape = ops.shape(positions)
    rows = shape[-2] * 3

    def evaluate(columns):
        energy, gradient = value_and_gradient(ops.reshape(ops.transpose(columns), shape))
        return Point(columns, ops.reshape(energy, (-1,)), ops.transpose(ops.reshape(gradient, (-1, rows))))

    def proceed(iteration, point, trial, running, evaluations, memory):
        return (iteration < max_iterations) & ops.any(running)

    def body(iteration, point, trial, running, evaluations, memory):
        kept, following, memory = advance(iteration, point, evaluate(trial), memory)
        point = choose(running, kept, point)
        evaluations = evaluations + ops.cast(running, "int32")
        running = running & ops.isfinite(point.energy) & (largest(point.gradient) > gradient_tolerance)
        return iteration + 1, point, ops.where(running, following, point.positions), running, evaluations, memory

    start = ops.transpose(ops.reshape(positions, (-1, rows)))
    unknown = Point(start, ops.full_like(start[0], float("inf")), ops.zeros_like(start))
    state = (0, unknown, start, ops.ones_like(start[0], "bool"), ops.zeros_like(start[0], "int32"), memory(start))
    _, point, _, _, evaluations, _ = ops.while_loop(proceed, body, state)
    norm = largest(point.gradient)
    converged = ops.isfinite(point.energy) & (norm <= gradient_tolerance)
    found = (ops.reshape(one, shape[:-2]) for one in (point.energy, norm, evaluations, converged))
    return Relaxation(ops.reshape(ops.transpose(point.positions), shape), *found)


def choose(condition, new, old):
    """The `Point` of `new` where condition [B], else that of `old`."""
    return Point(*(ops.where(condition, one, other) for one, other in zip(new, old, strict=True)))


def largest(vectors):
    """The largest absolute component [B] of columns [3N, B]."""
    return ops.max(ops.abs(vectors), axis=0)


def dot(a, b):
    """The scalar products [B] of columns [3N, B]."""
    return ops.sum(a * b, axis=0)


def limit_step(step, max_step):
    """Step [3N, B] with each atom's displacement d shortened to d / (1 + |d| / max_step), which is below `max_step`.

    Short displacements hardly change. Unlike one factor for all atoms, it lets all move while two of them collide.
    """
    atoms = ops.reshape(step, (step.shape[0] // 3, 3, -1))
    lengths = ops.sqrt(ops.sum(atoms * atoms, axis=1, keepdims=True))
    return ops.reshape(atoms / (1.0 + lengths / max_step), ops.shape(step))
