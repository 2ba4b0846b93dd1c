"""Trainees of all candidates and instances as one program: dense and convolutional networks.

Axes: M candidates, B instances, n examples, D inputs, H, W, C of an image, F outputs of a layer, O of the network.
"""

import math

from keras import ops

from keras_hparam import errors
from keras_hparam.tasks.data import DataSet
from keras_hparam.tasks.supervised import SupervisedTasks

ACTIVATIONS = {"relu": ops.relu, "tanh": ops.tanh}


class DenseNetworks(SupervisedTasks):
    """Networks of dense layers on vectors; images are taken as vectors.

    Args:
        sources, loss, **arguments: as of `SupervisedTasks`.
        hidden: tuple of int >= 1, outputs of the hidden layers.
        features: int >= 1, D: numbers that each example is projected to.
        outputs: int >= 1, O.
        activation: "relu" or "tanh".
        scale: float >= 1; each kernel's initial scale is log-uniform between 1/scale and scale times He's.
        name: str, None for one that says the sizes.

    Raises:
        InvalidArgumentError: for arguments out of range.

    Example:

    ```python
    family = DenseNetworks([data.table("wine"), data.random_teacher], hidden=(32,), features=16, outputs=3)
    ```
    """

    kind = "dense"

    def __init__(
        self, sources, hidden=(32,), features=16, outputs=10, activation="relu", scale=2.0, loss="crossentropy",
        name=None, **arguments,
    ):  # fmt: skip
        self.activation, self.scale = _checked(activation, scale), scale
        self.widths = _widths("hidden", hidden, least=0)
        given = _name(self.kind, loss, activation, features, *self.widths, outputs, **arguments)
        super().__init__(name or given, sources, outputs, loss, features=features, **arguments)

    def initial(self, rng, batch_size):
        sizes = (self.features, *self.widths, self.outputs_number)
        parameters = []
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            parameters += initial_layer(rng, (batch_size, inputs, outputs), inputs, self.scale)
        return parameters

    def outputs(self, parameters, x):
        return _dense_layers(x, parameters, self.activation)


class NormalizedNetworks(DenseNetworks):
    """Dense networks with layer normalization of what the hidden products give, times a gain, plus the bias.

    Args:
        sources, **arguments: as of `DenseNetworks`.

    Source: Ba et al. 2016, arXiv 1607.06450.

    Example:

    ```python
    family = NormalizedNetworks([data.table("wine"), data.random_teacher], hidden=(32, 32), features=16, outputs=3)
    ```
    """

    kind = "normalized"

    @property
    def layer(self):
        """The index of the last kernel, which the gains come after."""
        return 2 * len(self.widths)

    def initial(self, rng, batch_size):
        gains = [[[1.0] * width] * batch_size for width in self.widths]
        return super().initial(rng, batch_size) + gains

    def outputs(self, parameters, x):
        layers = 2 * len(self.widths)
        hidden, last, gains = parameters[:layers], parameters[layers : layers + 2], parameters[layers + 2 :]
        for kernel, bias, gain in zip(hidden[::2], hidden[1::2], gains, strict=True):
            product = dense(x, kernel, ops.zeros_like(bias))
            centred = product - ops.mean(product, axis=-1, keepdims=True)
            deviation = ops.sqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + 1e-5)
            x = self.activation(centred / deviation * gain[:, :, None] + bias[:, :, None])
        return dense(x, *last)


class ConvolutionalNetworks(SupervisedTasks):
    """Networks of 3x3 convolutions with stride 2, then the mean over positions and a dense layer.

    Every convolution is a product of its patches and kernels, so that all networks run as one.

    Args:
        sources, **arguments: as of `SupervisedTasks`, with images [n, H, W, C] of one shape.
        shape: (H, W, C) of the images, which callables among the sources have to make too.
        filters: tuple of int >= 1, at least one: the outputs of the convolutions.
        outputs: int >= 1, O.
        activation, scale, name: as of `DenseNetworks`.

    Raises:
        InvalidArgumentError: for arguments out of range, or arrays that are no such images.

    Example:

    ```python
    family = ConvolutionalNetworks([data.random_images], shape=(8, 8, 1), filters=(8, 16))
    ```
    """

    def __init__(
        self, sources, shape=(8, 8, 1), filters=(8, 16), outputs=10, activation="relu", scale=2.0, loss="crossentropy",
        name=None, **arguments,
    ):  # fmt: skip
        self.activation, self.scale = _checked(activation, scale), scale
        self.filters, self.shape = _widths("filters", filters, least=1), tuple(shape)
        given = _name("convolutional", loss, activation, *self.shape, *self.filters, outputs, **arguments)
        super().__init__(name or given, sources, outputs, loss, **arguments)

    def initial(self, rng, batch_size):
        sizes, parameters = (self.shape[-1], *self.filters), []
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            parameters += initial_layer(rng, (batch_size, 3, 3, inputs, outputs), 9 * inputs, self.scale)
        return parameters + initial_layer(rng, (batch_size, sizes[-1], self.outputs_number), sizes[-1], self.scale)

    def outputs(self, parameters, x):
        layers = list(zip(parameters[:-2:2], parameters[1:-2:2], strict=True))
        for kernel, bias in layers:
            *batch, _, _, inputs, outputs = kernel.shape
            x = patches(x)  # [(M,) B, n, H', W', 9C]
            height, width = x.shape[-3:-1]
            x = ops.reshape(x, (*x.shape[:-4], -1, x.shape[-1]))  # [(M,) B, n·H'·W', 9C]
            x = self.activation(dense(x, ops.reshape(kernel, (*batch, 9 * inputs, outputs)), bias))
            x = ops.reshape(x, (*batch, -1, height, width, outputs))
        return dense(ops.mean(x, axis=(-3, -2)), *parameters[-2:])

    def _check(self, source: DataSet):
        if source.x.shape[1:] != self.shape:
            raise errors.InvalidArgumentError(
                f"Expected `sources` of images of `shape` {self.shape}. Received: {source.x.shape[1:]}."
            )
        return super()._check(source)


def dense(x, kernel, bias):
    """x W + b of each network: [M, B, n, F].

    Args:
        x: [B, n, D], the same for all candidates, or [M, B, n, D].
        kernel: [M, B, D, F].
        bias: [M, B, F].
    """
    return ops.einsum("bnd,mbdf->mbnf" if len(x.shape) == 3 else "mbnd,mbdf->mbnf", x, kernel) + bias[:, :, None]


def patches(x):
    """The 3x3 surroundings of every second position, with zeros beyond the border: [..., ⌈H/2⌉, ⌈W/2⌉, 9C].

    Args:
        x: [..., H, W, C].
    """
    height, width = x.shape[-3:-1]
    padded = ops.pad(x, [(0, 0)] * (len(x.shape) - 3) + [(1, 1), (1, 1), (0, 0)])
    shifted = [padded[..., i : i + height : 2, j : j + width : 2, :] for i in range(3) for j in range(3)]
    return ops.concatenate(shifted, axis=-1)


def _dense_layers(x, parameters, activation):
    """All dense layers, with the activation between them."""
    for kernel, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = activation(dense(x, kernel, bias))
    return dense(x, *parameters[-2:])


def initial_layer(rng, shape, fan_in, scale):
    """[kernel, bias]: He's normal distribution times a random factor, and zeros."""
    factor = math.sqrt(2 / fan_in) * scale ** rng.uniform(-1, 1, (shape[0],) + (1,) * (len(shape) - 1))
    return [rng.normal(size=shape) * factor, [[0.0] * shape[-1]] * shape[0]]


def _name(*facts, final="validation", **_):
    """The name of a family, which tells it from others in logs and checkpoints."""
    return "-".join(map(str, (*facts, final)))


def _widths(name, widths, least):
    widths = tuple(widths)
    if len(widths) < least or not all(isinstance(width, int) and width >= 1 for width in widths):
        raise errors.InvalidArgumentError(f"Expected `{name}` to be {least} ints >= 1 or more. Received: {widths}.")
    return widths


def _checked(activation, scale):
    if activation not in ACTIVATIONS:
        raise errors.InvalidArgumentError(
            f"Expected `activation` to be one of {sorted(ACTIVATIONS)}. Received: {activation!r}."
        )
    if not 1 <= scale < math.inf:
        raise errors.InvalidArgumentError(f"Expected `scale` >= 1, finite. Received: {scale!r}.")
    return ACTIVATIONS[activation]
