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
    return radial_of_squares(distances * distances, cutoffs, widths)


def radial_of_squares(squares, cutoffs, widths):
    """`radial` of squared distances: neither roots nor cosines, which are what it costs otherwise.

    Args:
        squares: float [..., N, N], in units of length².
        cutoffs, widths: as of `radial`.

    Raises:
        InvalidArgumentError: as of `radial`.
    """
    squares = ops.convert_to_tensor(squares)
    if len(squares.shape) < 2 or squares.shape[-1] != squares.shape[-2]:
        raise errors.InvalidArgumentError(
            f"Expected `distances` as float [..., N, N]. Received: shape {tuple(squares.shape)}."
        )
    in_range = all(cutoff > 0.0 for cutoff in cutoffs) and all(width >= 0.0 for width in widths)
    if not in_range or not len(cutoffs) == len(widths) > 0:
        raise errors.InvalidArgumentError(
            f"Expected as many `cutoffs` > 0 as `widths` >= 0. Received: {list(cutoffs)} and {list(widths)}."
        )
    others = 1.0 - ops.eye(squares.shape[-1], dtype=squares.dtype)
    functions = (_envelope(squares, *pair) for pair in zip(cutoffs, widths, strict=True))
    return ops.stack([ops.sum(others * values, axis=-1) for values in functions], axis=-1)


def _envelope(squares, cutoff, width):
    """exp(−η d²) ½ (cos(π d / c) + 1), by cos²(π d / 2c): a polynomial in d² is exact to the last digits of float32."""
    t = (0.5 * math.pi) ** 2 * ops.minimum(squares / cutoff**2, 1.0)  # the cosine is 0 at the cutoff and beyond
    cosine = _COSINE[0]
    for coefficient in _COSINE[1:]:
        cosine = cosine * t + coefficient
    found = cosine * cosine
    return found if width == 0.0 else ops.exp(-width * squares) * found


_COSINE = [(-1.0) ** k / math.factorial(2 * k) for k in range(9, -1, -1)]  # of √t, for t up to (π/2)²
