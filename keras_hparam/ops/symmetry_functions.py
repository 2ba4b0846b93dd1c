"""Radial symmetry functions: how many neighbours an atom has, and how near, in numbers that no permutation changes.

Axes: … clusters, N atoms, K functions.
"""

import math

from keras import ops

from keras_hparam import errors


def radial(distances, cutoffs, widths):
    """G_i = Σ_{j≠i} exp(−η d_ij²) ½ (cos(π d_ij / c) + 1) over the neighbours with d_ij < c, for each pair (c, η).

    Args:
        distances: float [..., N, N]; those of atoms from themselves do not count.
        cutoffs: K numbers c > 0, in units of length.
        widths: K numbers η >= 0, in units of length⁻².

    Returns:
        float [..., N, K], from 0 to N − 1.

    Raises:
        InvalidArgumentError: if `distances` are not [..., N, N], or cutoffs and widths are not K numbers in their
            ranges.

    Source: Behler & Parrinello 2007, "Generalized neural-network representation of high-dimensional potential-energy
    surfaces", Physical Review Letters 98, 146401, equations 3 and 4.

    Example:
        >>> radial([[0.0, 1.0], [1.0, 0.0]], cutoffs=[2.0], widths=[0.0])  # ½ (cos(π / 2) + 1)
        [[0.5], [0.5]]
    """
    distances = ops.convert_to_tensor(distances)
    if len(distances.shape) < 2 or distances.shape[-1] != distances.shape[-2]:
        raise errors.InvalidArgumentError(
            f"Expected `distances` as float [..., N, N]. Received: shape {tuple(distances.shape)}."
        )
    in_range = all(cutoff > 0.0 for cutoff in cutoffs) and all(width >= 0.0 for width in widths)
    if not in_range or not len(cutoffs) == len(widths) > 0:
        raise errors.InvalidArgumentError(
            f"Expected as many `cutoffs` > 0 as `widths` >= 0. Received: {list(cutoffs)} and {list(widths)}."
        )
    others = 1.0 - ops.eye(distances.shape[-1], dtype=distances.dtype)
    functions = (_envelope(distances, *pair) for pair in zip(cutoffs, widths, strict=True))
    return ops.stack([ops.sum(others * values, axis=-1) for values in functions], axis=-1)


def _envelope(distances, cutoff, width):
    phase = math.pi / cutoff * ops.minimum(distances, cutoff)  # ½ (cos π + 1) = 0 beyond the cutoff
    return ops.exp(-width * distances * distances) * 0.5 * (ops.cos(phase) + 1.0)
