"""Batches whose rows belong to the K members of an ensemble, member-major: padded, cut, and seen member by member.

Of N rows, the first ⌈N/K⌉ are member 0's, the next ⌈N/K⌉ member 1's, and so on; if K does not divide N, the last
members have fewer. Where K divides N, nothing is added or copied.

Axes: N rows, K members, n = ⌈N/K⌉ rows per member, M positions within a row (1 where there are none), C channels.
"""

import math

from keras import ops

from keras_hparam import errors

_FREE = {"K": "K ≥ 1"}


def pad_rows(x, members):
    """x [N, …] with rows of zeros at its end, so that K = `members` divides their number."""
    missing = -ops.shape(x)[0] % members
    if isinstance(missing, int) and missing == 0:
        return x
    return ops.pad(x, [(0, missing)] + [(0, 0)] * (len(x.shape) - 1))  # TensorFlow copies nothing to add 0 rows


def cut_rows(x, rows):
    """The first N = `rows` rows of x [≥ N, …]."""
    shape = ops.shape(x)
    if isinstance(rows, int) and shape[0] == rows:
        return x
    return ops.slice(x, (0,) * len(shape), (rows, *shape[1:]))


def by_member(x, members):
    """x [N, …, C] as [K, n, M, C]; K = `members` must divide N."""
    rows, *positions, channels = ops.shape(x)
    return ops.reshape(x, (members, rows // members, math.prod(positions), channels))


def check_shapes(**arrays):
    """Checks shapes against names of axes and against each other, so far as sizes are known.

    Args:
        arrays: for each name of an argument (array or None, axes); the axes are one letter each, and "…" stands for any
            further ones, "…I" for instance. K must be at least 1.

    Raises:
        InvalidArgumentError: that names the first argument of another shape.

    Example:
        >>> check_shapes(kernel=(np.ones((3, 2)), "IO"), bias=(np.ones((4, 5)), "KO"))
        InvalidArgumentError: Expected `bias` of shape [K ≥ 1, O = 2]. Received: shape (4, 5).
    """
    sizes = {}
    for name, (array, axes) in arrays.items():
        if array is None:
            continue
        shape, (before, _, after) = tuple(array.shape), axes.partition("…")
        size_of = dict(zip(before, shape, strict=False)) | dict(zip(reversed(after), reversed(shape), strict=False))
        fits = len(shape) >= len(before + after) if "…" in axes else len(shape) == len(axes)
        fits = fits and all(size in (None, sizes.get(axis, size)) for axis, size in size_of.items())
        if not fits or size_of.get("K") == 0:
            expected = ", ".join(f"{axis} = {sizes[axis]}" if axis in sizes else _FREE.get(axis, axis) for axis in axes)
            raise errors.InvalidArgumentError(f"Expected `{name}` of shape [{expected}]. Received: shape {shape}.")
        sizes |= {axis: size for axis, size in size_of.items() if size is not None}
