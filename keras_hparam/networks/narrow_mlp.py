"""Multi-layer perceptrons as functions of one flat vector of weights, for a single one or for a population.

Axes: F features, C context numbers, H width, O outputs, P weights, M members of a population. What is common to many
rows (the context) enters the bias of the first layer, so that it costs nothing per row.

A very narrow network is evaluated unrolled: one tensor per unit, no tensor [rows, F] in between, so that XLA makes one
loop of features, network and what follows. A wide one is a product of matrices.
"""

import dataclasses

import numpy as np
from keras import ops

from keras_hparam import errors

ACTIVATIONS = {"relu": ops.relu, "tanh": ops.tanh, "softsign": ops.softsign}
UNROLLED_WIDTH = 16


@dataclasses.dataclass(frozen=True)
class NarrowMLP:
    """A multi-layer perceptron whose weights θ are one vector.

    θ holds, layer by layer, the kernel [in, out] and the bias [out]; the rows of the first kernel are those of the
    features, then those of the context. Wherever θ is [P], data have any leading axes; with θ [M, P] the first axis of
    features and context is M.

    Args:
        features: F ≥ 0, numbers per row.
        widths: of the hidden layers; none: a linear function.
        outputs: O ≥ 1.
        activation: of the hidden layers: "relu", "tanh" or "softsign".
        context: C ≥ 0, numbers that rows share.

    Raises:
        InvalidArgumentError: for an unknown activation or sizes that are no such integers.

    Example:

    ```python
    network = NarrowMLP(features=3, widths=(4,), outputs=2)
    theta = network.initial(np.random.default_rng(0))
    direction, magnitude = network(theta, [np.ones(5, "float32")] * 3)  # [5] each
    ```
    """

    features: int
    widths: tuple[int, ...]
    outputs: int
    activation: str = "relu"
    context: int = 0

    def __post_init__(self):
        sizes = (self.features, self.context, *(size - 1 for size in (*self.widths, self.outputs)))
        if not all(isinstance(size, int) and size >= 0 for size in sizes):
            raise errors.InvalidArgumentError(
                "Expected `features` and `context` ≥ 0, `widths` and `outputs` ≥ 1, all integers. "
                f"Received: {self.features!r}, {self.context!r}, {self.widths!r}, {self.outputs!r}."
            )
        if self.activation not in ACTIVATIONS:
            raise errors.InvalidArgumentError(
                f"Expected `activation` to be one of {sorted(ACTIVATIONS)}. Received: {self.activation!r}."
            )

    @property
    def shapes(self):
        """The shapes (in, out) of the kernels."""
        sizes = (self.features + self.context, *self.widths, self.outputs)
        return tuple(zip(sizes[:-1], sizes[1:], strict=True))

    @property
    def num_parameters(self):
        """P."""
        return sum((rows + 1) * columns for rows, columns in self.shapes)

    def initial(self, rng):
        """Weights [P], float32: kernels normal with variance 1/in; zero are the biases and the whole last layer.

        Args:
            rng: `numpy.random.Generator`.
        """
        parts = []
        for rows, columns in self.shapes:
            parts += [rng.standard_normal(rows * columns) / np.sqrt(max(rows, 1)), np.zeros(columns)]
        rows, columns = self.shapes[-1]
        parts[-2] = np.zeros(rows * columns)
        return np.concatenate(parts).astype("float32")

    def split(self, theta):
        """List of (kernel [..., in, out], bias [..., out]) of θ [..., P].

        Raises:
            InvalidArgumentError: if the last axis of θ is not P.
        """
        if theta.shape[-1] != self.num_parameters:
            raise errors.InvalidArgumentError(
                f"Expected `theta` of {self.num_parameters} weights. Received: shape {tuple(theta.shape)}."
            )
        layers, start, leading = [], 0, tuple(theta.shape[:-1])
        for rows, columns in self.shapes:
            middle, end = start + rows * columns, start + (rows + 1) * columns
            kernel = ops.reshape(theta[..., start:middle], (*leading, rows, columns))
            layers.append((kernel, theta[..., middle:end]))
            start = end
        return layers

    def __call__(self, theta, features, context=None, rank=None):
        """The outputs, evaluated in the way that suits the width.

        Args:
            theta: tensor [P] or [M, P].
            features: list of F tensors of one shape [...], or [M, ...].
            context: tensor [*batch, C], where batch is the first axes of the features; None without context.
            rank: number of axes of a feature; None: that of the first one.

        Returns:
            List of O tensors of the shape of a feature; [*batch, *ones] of that rank where F = 0.

        Raises:
            InvalidArgumentError: if the last axis of θ is not P, or for another number of features.
        """
        if len(features) != self.features:
            raise errors.InvalidArgumentError(
                f"Expected `features` to be {self.features} tensors. Received: {len(features)}."
            )
        if max((*self.widths, 0)) <= UNROLLED_WIDTH or not features:
            return self.unrolled(theta, features, context, rank)
        outputs = self.dense(theta, ops.stack(features, axis=-1), context)
        return [outputs[..., index] for index in range(self.outputs)]

    def unrolled(self, theta, features, context=None, rank=None):
        """As a call, one tensor per unit and one scalar (or tensor [M, 1, …]) per weight."""
        leading, rank = tuple(theta.shape[:-1]), len(features[0].shape) if rank is None else rank
        spread = ops.reshape(theta, (*leading, *(1,) * (rank - len(leading)), self.num_parameters))
        weights, values = iter(ops.unstack(spread, self.num_parameters, axis=-1)), list(features)
        for index, (rows, columns) in enumerate(self.shapes):
            if index:
                values = [ACTIVATIONS[self.activation](value) for value in values]
            kernel = [[next(weights) for _ in range(columns)] for _ in range(rows)]
            sums = [next(weights) for _ in range(columns)]
            if not index and self.context:
                sums = self._context_sums(theta, context, rank)
            for value, row in zip(values, kernel, strict=False):  # the rows of the context are in the sums
                sums = [total + value * weight for total, weight in zip(sums, row, strict=True)]
            values = sums
        return values

    def dense(self, theta, x, context=None):
        """The outputs [..., O] of features x [..., F], as products of matrices.

        Args:
            theta: tensor [P] or [M, P].
            x: tensor [..., F] or [M, ..., F].
            context: as in a call.
        """
        equation = "...i,io->...o" if len(theta.shape) == 1 else "m...i,mio->m...o"
        for index, (kernel, bias) in enumerate(self._with_context(theta, context)):
            if index:
                x = ACTIVATIONS[self.activation](x)
            middle = (1,) * (len(x.shape) - len(bias.shape))
            x = ops.einsum(equation, x, kernel) + ops.reshape(bias, (*bias.shape[:-1], *middle, bias.shape[-1]))
        return x

    def _context_sums(self, theta, context, rank):
        """What context and bias give to each unit of the first layer: a list of H tensors [*batch, *ones]."""
        (_, bias), *_ = self._with_context(theta, context)
        spread = ops.reshape(bias, (*bias.shape[:-1], *(1,) * (rank - len(bias.shape) + 1), bias.shape[-1]))
        return ops.unstack(spread, bias.shape[-1], axis=-1)

    def _with_context(self, theta, context):
        """The layers, the context taken into the first bias: [*batch, H]."""
        (kernel, bias), *others = self.split(theta)
        if self.context:
            equation, middle = "...c,ch->...h", ()
            if len(theta.shape) == 2:
                equation, middle = "m...c,mch->m...h", (1,) * (len(context.shape) - 2)
            added = ops.einsum(equation, context, kernel[..., self.features :, :])
            bias = added + ops.reshape(bias, (*bias.shape[:-1], *middle, bias.shape[-1]))
        return [(kernel[..., : self.features, :], bias), *others]
