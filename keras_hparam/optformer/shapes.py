"""The arrays of a training batch: their axes and types; and padding to few shapes.

A compiler that needs fixed shapes (XLA, on a TPU or under JAX) compiles anew for every new one; padded to the classes
of `batches`, a training has at most one for every class of lengths and of widths.

Axes: B studies, T trials, D parameters, M metadata tokens, G rows of (trial, parameter) whose value is predicted,
N bins.
"""

import numpy as np

from keras_hparam.optformer import batches, packing

ARRAYS = {  # name: (axes, type); an axis of two numbers is written "2"
    **{f"metadata_{part}": ("BM", "int32") for part in ("ids", "positions", "slots", "categories")},
    "slots": ("BD", "int32"),
    "kinds": ("BD", "int32"),
    "tokens": ("BTD", "int32"),
    "objectives": ("BT", "int32"),
    "objective_targets": ("BT", "int32"),
    "objective_weights": ("BT", "float32"),
    "unseen": ("BT", "int32"),  # 1: after the prefix that the objectives are normalised by, 0: in it, -1: padding
    "legal": ("BDN", "bool"),
    "rows": ("BG2", "int32"),
    "targets": ("BG", "int32"),
    "row_weights": ("BG", "float32"),
}


def next_class(size, classes):
    """The smallest of the classes that is at least `size`; `size` itself beyond the largest."""
    return min((c for c in classes if c >= size), default=size)


def pad_to_classes(batch, config, max_parameters):
    """The batch with trials, parameters and metadata padded to their classes; it means the same.

    Args:
        batch: dict of NumPy arrays as of `batches.make_batch`.
        config: `OptFormerConfig`.
        max_parameters: parameters at most in a study.
    """
    widest = min(max_parameters, config.num_slots)
    widths = [min(width, widest) for width in batches.PARAMETERS]
    classes = {"T": batches.LENGTHS, "D": widths, "M": [config.metadata_length]}
    padded = {}
    for name, array in batch.items():
        axes, _ = ARRAYS[name]
        sizes = [next_class(size, classes.get(axis, ())) for axis, size in zip(axes, array.shape, strict=True)]
        missing = [(0, size - now) for size, now in zip(sizes, array.shape, strict=True)]
        padded[name] = np.pad(array, missing, constant_values=packing.PADDING_VALUES.get(name, -1))
    return padded
