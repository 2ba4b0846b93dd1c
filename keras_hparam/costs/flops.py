"""Floating-point operations of a Keras model, counted in the TensorFlow graph of its forward pass.

Counted are matrix products, einsums and convolutions, two operations per multiplication with its addition, as is usual
when networks are compared (Kaplan et al. 2020, arXiv 2001.08361, section 2.1). Biases, activations, normalisation and
pooling are left out: they are a small part of a network's work, and how many operations they take is a matter of
implementation. Loops count once per iteration.
"""

import math
import re

import keras
import numpy as np
import tensorflow as tf

from keras_hparam import errors

# Operations whose work the graph does not tell: to leave them out would be to say that they cost nothing.
_OPAQUE = re.compile(
    r"Cudnn|Xla|FFT|PyFunc|Sparse\w*MatMul|Quantized\w*(MatMul|Conv)|Svd|Cholesky|Matrix(Inverse|Solve|Triangular)"
)


def forward_flops(model):
    """Floating-point operations of the forward pass of one example, at inference; of two branches the costlier one.

    Args:
        model: a built `keras.Model`. A subclassed one is taken to read floats.

    Returns:
        int >= 0.

    Raises:
        UnavailableError: where they cannot be counted: a Keras backend other than TensorFlow, a model that is not
            built, an input dimension (other than the batch) without a size, a loop without a known length, or an
            operation such as an FFT or a cuDNN kernel, whose work the graph does not tell.

    Example:

    ```python
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    forward_flops(model)  # 64: 8 · 4 multiplications and as many additions
    ```
    """
    if keras.backend.backend() != "tensorflow":
        raise _unavailable("the Keras backend 'tensorflow'", repr(keras.backend.backend()))
    forward = tf.function(lambda example: model(example, training=False), autograph=False)
    graph = forward.get_concrete_function(_one_example(model)).graph
    return _count(graph)


def _one_example(model):
    """The `tf.TensorSpec`s of a batch of one, in the structure in which the model takes them."""
    if getattr(model, "inputs", None):
        struct = model.inputs if isinstance(model, keras.Sequential) else model.input
        struct = struct[0] if isinstance(struct, list) and len(struct) == 1 else struct
        return keras.tree.map_structure(lambda tensor: _spec(tensor.shape, tensor.dtype), struct)
    shapes = (model.get_build_config() or {}).get("input_shape") if model.built else None
    if shapes is None:
        raise _unavailable("a model that is built", f"{model.name!r}, whose input shape is unknown")
    return keras.tree.map_shape_structure(lambda shape: _spec(shape, "float32"), shapes)


def _spec(shape, dtype):
    if None in tuple(shape)[1:]:
        raise _unavailable("input dimensions (other than the batch) with a size", tuple(shape))
    return tf.TensorSpec([1, *shape[1:]], dtype)


def _count(graph):
    """Operations of everything that the outputs of a function's graph depend on."""
    seen, waiting = set(), [tensor.op for tensor in graph.outputs]
    while waiting:
        op = waiting.pop()
        if op not in seen:
            seen.add(op)
            waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return sum(_flops_of(op) for op in seen)


def _flops_of(op):
    if _OPAQUE.search(op.type):
        raise _unavailable("operations whose work the graph tells", f"{op.type} ({op.name})")
    rule = _RULES.get(op.type)
    return rule(op) if rule else 0


def _size(shape, op):
    if not shape.is_fully_defined():
        raise _unavailable("tensors of static shape", f"{shape} of {op.type} ({op.name})")
    return math.prod(shape)


def _matrix_product(op):
    transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    left = op.inputs[0].shape  # [..., rows, terms]
    return 2 * _size(op.outputs[0].shape, op) * _size(left[-2:-1] if transposed else left[-1:], op)


def _einsum(op):
    terms, result = op.get_attr("equation").decode().split("->")
    if len(op.inputs) == 1:
        return 0  # a transposition or a sum
    sizes = {}
    for labels, tensor in zip(terms.split(","), op.inputs, strict=True):
        before, dots, after = labels.partition("...")
        shape = list(tensor.shape)
        sizes |= dict(zip(before, shape, strict=not dots))
        sizes |= dict(zip(reversed(after), reversed(shape), strict=False))
    summed = [size for label, size in sizes.items() if label not in result]
    return 2 * _size(op.outputs[0].shape, op) * _size(tf.TensorShape(summed), op)


def _convolution(op):
    kernel = op.inputs[1].shape  # [*window, inputs per group, outputs]
    return 2 * _size(op.outputs[0].shape, op) * _size(kernel[:-1], op)


def _depthwise_convolution(op):
    window = op.inputs[1].shape[:2]  # of a kernel [height, width, inputs, multiplier]
    return 2 * _size(op.outputs[0].shape, op) * _size(window, op)


def _transposed_convolution(op):
    kernel = op.inputs[1].shape  # [*window, outputs, inputs]: every input value meets all but the last axis
    return 2 * _size(op.inputs[2].shape, op) * _size(kernel[:-1], op)


def _call(op):
    return _count(_function(op, "f"))


def _branch(op):
    return max(_count(_function(op, "then_branch")), _count(_function(op, "else_branch")))


def _loop(op):
    per_iteration = _count(_function(op, "body"))
    iterations = _static(op.inputs[1])  # the loop's counter comes first, then its largest number of iterations
    if per_iteration and (iterations is None or iterations < 0):
        raise _unavailable("loops of known length", f"{op.type} ({op.name})")
    return per_iteration * int(iterations or 0)


def _static(tensor):
    """The value of a constant tensor, else None; Keras takes the largest one of its sequences' lengths."""
    largest = tensor.op.type == "Max"
    value = tf.get_static_value(tensor.op.inputs[0] if largest else tensor)
    return np.max(value) if largest and value is not None else value


def _function(op, attribute):
    return op.graph._get_function(op.get_attr(attribute).name).graph  # TensorFlow has no public name for it


def _unavailable(expected, received):
    return errors.UnavailableError(f"Expected {expected} in order to count FLOPs. Received: {received}.")


_RULES = {
    **dict.fromkeys(["MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"], _matrix_product),
    **dict.fromkeys(["Conv2D", "Conv3D", "Conv"], _convolution),
    **dict.fromkeys(["Conv2DBackpropInput", "Conv3DBackpropInputV2"], _transposed_convolution),
    **dict.fromkeys(["PartitionedCall", "StatefulPartitionedCall"], _call),
    **dict.fromkeys(["If", "StatelessIf"], _branch),
    **dict.fromkeys(["While", "StatelessWhile"], _loop),
    "DepthwiseConv2dNative": _depthwise_convolution,
    "Einsum": _einsum,
}
