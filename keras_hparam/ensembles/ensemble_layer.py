"""What the dense and convolutional layers of batch and hyper-batch ensembles have in common.

Axes: K members, N rows (member-major), I inputs, O outputs, … the window of a convolution, or nothing.
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.ensembles.products import positive_integer
from keras_hparam.ops import hyper_batch_ensemble

REGULARIZED = ("materialized", "shared")
_INITIALIZERS = ("kernel_initializer", "bias_initializer", "factor_initializer")


class EnsembleLayer(keras.layers.Layer):
    """Weights, penalties and configuration of a layer for K members that share a kernel W.

    Variables keep their own precision (float32 in mixed precision); outputs are computed in the layer's, penalties and
    embeddings in that of the variables.

    Args:
        product: `products.DenseProduct` or `products.Conv2DProduct`.
        ensemble_size: int ≥ 1, K.
        activation: name or callable; None: the identity.
        use_bias: bool; each member has its own bias.
        regularize: "materialized" or "shared": whether the L2 penalty is that of the members' own kernels, or that of
            the kernels that they share.
        kernel_initializer: of kernels.
        bias_initializer: of the members' biases.
        factor_initializer: of the factors r and s; None: normal, mean 1, standard deviation 0.75.
        kernel_regularizer: of each shared kernel, with a fixed weight, or None.
    """

    def __init__(
        self, product, ensemble_size, activation=None, use_bias=True, regularize="materialized",
        kernel_initializer="glorot_uniform", bias_initializer="zeros", factor_initializer=None,
        kernel_regularizer=None, **kwargs,
    ):  # fmt: skip
        super().__init__(autocast=False, **kwargs)
        if regularize not in REGULARIZED:
            raise errors.InvalidArgumentError(
                f"Expected `regularize` to be one of {REGULARIZED}. Received: {regularize!r}."
            )
        if factor_initializer is None:
            factor_initializer = keras.initializers.RandomNormal(mean=1.0, stddev=0.75)
        self.product, self.ensemble_size = product, positive_integer("ensemble_size", ensemble_size)
        self.activation, self.use_bias = keras.activations.get(activation), bool(use_bias)
        self.regularize = regularize
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.factor_initializer = keras.initializers.get(factor_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, x_shape):
        self.kernel = self.add_kernel("kernel", x_shape)
        self.r, self.s = self.add_factors(("r", "s"), x_shape)
        self.bias = self.add_bias("bias", self.bias_initializer)
        self.delta_kernel = self.u = self.v = self.delta_bias = None
        self.built = True

    def add_kernel(self, name, x_shape, draw=0):
        """A shared kernel […, I, O]."""
        shape = self.product.kernel_shape(x_shape)
        return self.add(name, shape, self.kernel_initializer, draw, regularizer=self.kernel_regularizer)

    def add_factors(self, names, x_shape, draw=0):
        """Factors [K, I] of the inputs and [K, O] of the outputs."""
        sizes = self.product.kernel_shape(x_shape)[-2:]
        return [
            self.add(name, (self.ensemble_size, size), self.factor_initializer, draw + index)
            for index, (name, size) in enumerate(zip(names, sizes, strict=True))
        ]

    def add_bias(self, name, initializer):
        """The members' biases [K, O], or None where the layer has none."""
        return self.add(name, (self.ensemble_size, self.product.outputs), initializer) if self.use_bias else None

    def add(self, name, shape, initializer, draw=0, regularizer=None):
        """A variable in the layer's variable precision, with its own draw from the initializer."""
        initializer = fresh(initializer, draw)
        return self.add_weight(name=name, shape=shape, initializer=initializer, regularizer=regularizer, autocast=False)

    def run(self, x, e, l2, bias_l2, training):
        """The activated outputs for x [N, …, I]; in training, the L2 penalties join the layer's losses.

        Args:
            x: [N, …, I].
            e: the embeddings for Δ and δ, each [N, O] or None.
            l2, bias_l2: the weight [N] of each row's penalty, or None.
            training: bool or None.
        """
        if bias_l2 is not None and not self.use_bias:
            raise errors.InvalidArgumentError(
                f"Expected no `bias_l2`: the layer {self.name!r} has no bias. Received: shape {tuple(bias_l2.shape)}."
            )
        variables = (self.kernel, self.delta_kernel, self.r, self.s, self.u, self.v, self.bias, self.delta_bias)
        # Each is read once: its own gradient comes after that, also where gradients are not gated, as in Keras' `fit`.
        weights = [_cast(variable, self.variable_dtype) for variable in variables]
        if training:
            self._add_penalties(l2, bias_l2, e, weights)
        x, *weights = (_cast(array, self.compute_dtype) for array in (x, *weights))
        e = tuple(_cast(half, self.compute_dtype) for half in e)
        return self.activation(self.product.apply(x, e, *weights))

    def _add_penalties(self, l2, bias_l2, e, weights):
        *kernels_and_factors, bias, delta_bias = weights
        if l2 is not None:
            used = kernels_and_factors if self.regularize == "materialized" else kernels_and_factors[:2]
            self.add_loss(hyper_batch_ensemble.l2_penalty(ops.cast(l2, self.variable_dtype), e[0], *used))
        if bias_l2 is not None:
            rows = ops.cast(bias_l2, self.variable_dtype)
            self.add_loss(hyper_batch_ensemble.bias_l2_penalty(rows, e[1], bias, delta_bias))

    def own_weights(self, e):
        """Kernels [K, …, I, O] and biases [K, O] or None of the members at (e, e'), [K, O] each, as float64 arrays."""
        weights = (self.kernel, self.delta_kernel, self.r, self.s, self.u, self.v)
        kernels = hyper_batch_ensemble.member_kernel(float64(e[0]), *(float64(weight) for weight in weights))
        if not self.use_bias:
            return float64(kernels), None
        biases = hyper_batch_ensemble.member_bias(float64(e[1]), float64(self.bias), float64(self.delta_bias))
        return float64(kernels), float64(biases)

    def compute_output_shape(self, x_shape):
        return self.product.output_shape(x_shape)

    def get_config(self):
        config = {name: keras.initializers.serialize(getattr(self, name)) for name in _INITIALIZERS}
        return {
            **super().get_config(),
            **self.product.get_config(),
            **config,
            "ensemble_size": self.ensemble_size,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "regularize": self.regularize,
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


def fresh(initializer, draw):
    """An initializer of the same kind with draws of its own: a Keras initializer draws the same numbers each time.

    Args:
        initializer: of Keras, or a callable.
        draw: int ≥ 0, added to the seed if that is a number.
    """
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    if isinstance(config.get("seed"), int):
        config["seed"] += draw
    elif config.get("seed") is not None:
        return initializer  # its generator of seeds advances with each draw
    return type(initializer).from_config(config)


def _cast(array, dtype):
    return None if array is None else ops.cast(array, dtype)


def float64(array):
    """The array as NumPy's, in float64; None stays None."""
    return None if array is None else np.asarray(ops.convert_to_numpy(array), "float64")
