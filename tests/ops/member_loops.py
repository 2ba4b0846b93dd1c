"""Batch and hyper-batch ensembles by loops over rows in NumPy, which the operations are compared with.

Axes: K members, N rows (member-major), I inputs, O outputs.
"""

import numpy as np


def member_of(row, rows, members):
    """The member to which a row belongs."""
    return row // -(-rows // members)


def kernel_of(row, rows, arrays):
    """The kernel W_k(λ) of a row, of `arrays` with the names of the arguments of `dense`."""
    get = arrays.get
    member = member_of(row, rows, len(arrays["r"]))
    kernel = arrays["kernel"] * np.multiply.outer(arrays["r"][member], arrays["s"][member])
    if get("delta_kernel") is None:
        return kernel
    u, v = (arrays[tied] if get(name) is None else arrays[name] for name, tied in (("u", "r"), ("v", "s")))
    return kernel + arrays["delta_kernel"] * np.multiply.outer(u[member], v[member]) * arrays["e"][row]


def bias_of(row, rows, arrays):
    """The bias b_k(λ) of a row."""
    member = member_of(row, rows, len(arrays["r"]))
    if arrays.get("bias") is None:
        return 0.0
    shift = 0.0 if arrays.get("delta_bias") is None else arrays["delta_bias"][member] * arrays["e_bias"][row]
    return arrays["bias"][member] + shift


def convolved(image, kernel, strides, padding, dilation):
    """The convolution of image [height, width, I] and kernel [a, b, I, O], position by position."""
    reach = [(size - 1) * step + 1 for size, step in zip(kernel.shape, dilation, strict=False)]
    if padding == "same":
        sizes = [-(-size // stride) for size, stride in zip(image.shape, strides, strict=False)]
        missing = [
            max((size - 1) * stride + one - given, 0)
            for size, stride, one, given in zip(sizes, strides, reach, image.shape, strict=False)
        ]
        image = np.pad(image, [(total // 2, total - total // 2) for total in missing] + [(0, 0)])
    else:
        sizes = [(given - one) // stride + 1 for given, one, stride in zip(image.shape, reach, strides, strict=False)]
    outputs = np.zeros((*sizes, kernel.shape[-1]))
    for i, j in np.ndindex(*sizes):
        top, left = i * strides[0], j * strides[1]
        patch = image[top : top + reach[0] : dilation[0], left : left + reach[1] : dilation[1]]
        outputs[i, j] = np.tensordot(patch, kernel, 3)
    return outputs


def outputs_of(x, arrays, product=np.matmul):
    """The outputs of a layer, row by row."""
    return np.stack([
        product(row, kernel_of(index, len(x), arrays)) + bias_of(index, len(x), arrays) for index, row in enumerate(x)
    ])  # fmt: skip


def random_arrays(rng, members, rows, inputs, outputs, window=(), tied=False, delta=True, bias="embedded"):
    """Random arguments of `dense` in float64; `e` and `e_bias` are the halves of its `e`."""

    def normal(*shape):
        return rng.standard_normal(shape)

    arrays = {"kernel": normal(*window, inputs, outputs), "r": normal(members, inputs), "s": normal(members, outputs)}
    if delta:
        arrays |= {"delta_kernel": normal(*window, inputs, outputs), "e": normal(rows, outputs)}
        arrays |= {} if tied else {"u": normal(members, inputs), "v": normal(members, outputs)}
    if bias is not None:
        arrays["bias"] = normal(members, outputs)
    if bias == "embedded":
        arrays |= {"delta_bias": normal(members, outputs), "e_bias": normal(rows, outputs)}
    return arrays
