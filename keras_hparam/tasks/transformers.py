"""Small Transformers as trainees: an example's numbers are parted into tokens that attend to each other.

Axes: M candidates, B instances, n examples, S tokens, D numbers of a token, W width, H heads, O outputs.
"""

import math

from keras import ops

from keras_hparam.configuration import require
from keras_hparam.tasks.networks import ACTIVATIONS, dense, initial_layer
from keras_hparam.tasks.supervised import SupervisedTasks


class TransformerNetworks(SupervisedTasks):
    """Encoders with normalisation before each part; the mean over tokens goes to a dense layer.

    Args:
        sources, outputs, loss, name, **arguments: as of `DenseNetworks`.
        tokens: int >= 1, S.
        token_size: int >= 1, D; examples are projected to S·D numbers.
        width: int >= 1, W.
        heads: int >= 1, H, a divisor of the width.
        blocks: int >= 1.
        scale: float >= 1; each kernel's initial scale is log-uniform between 1/scale and scale times the usual one.

    Raises:
        InvalidArgumentError: for arguments out of range.

    Source: Vaswani et al. 2017, arXiv 1706.03762; normalisation first: Xiong et al. 2020, arXiv 2002.04745.

    Example:

    ```python
    family = TransformerNetworks([data.table("wine"), data.random_teacher], tokens=8, token_size=4, outputs=3)
    ```
    """

    def __init__(
        self, sources, tokens=8, token_size=4, width=16, heads=2, blocks=1, outputs=10, scale=2.0,
        loss="crossentropy", name=None, **arguments,
    ):  # fmt: skip
        sizes = {"tokens": tokens, "token_size": token_size, "width": width, "heads": heads, "blocks": blocks}
        for argument, number in sizes.items():
            require(argument, number, isinstance(number, int) and number >= 1, "an int >= 1")
        require("heads", heads, width % heads == 0, f"a divisor of `width`, {width}")
        require("scale", scale, 1 <= scale < math.inf, ">= 1, finite")
        self.tokens, self.token_size, self.width, self.heads, self.blocks = sizes.values()
        self.scale = scale
        facts = ("transformer", loss, *sizes.values(), outputs, arguments.get("final", "validation"))
        given = "-".join(map(str, facts))
        super().__init__(name or given, sources, outputs, loss, features=tokens * token_size, **arguments)

    def initial(self, rng, batch_size):
        width = self.width

        def layer(inputs, outputs):
            return initial_layer(rng, (batch_size, inputs, outputs), 2 * inputs, self.scale)

        parameters = layer(self.token_size, width) + [0.1 * rng.normal(size=(batch_size, self.tokens, width))]
        for _ in range(self.blocks):
            parameters += [[[1.0] * width] * batch_size, *layer(width, 3 * width), *layer(width, width)]
            parameters += [[[1.0] * width] * batch_size, *layer(width, 2 * width), *layer(2 * width, width)]
        return parameters + layer(width, self.outputs_number)

    def outputs(self, parameters, x):
        given = iter(parameters)
        candidates, instances = parameters[0].shape[:2]
        tokens = ops.reshape(x, (instances, -1, self.token_size))  # [B, n·S, D]
        hidden = dense(tokens, next(given), next(given))
        hidden = ops.reshape(hidden, (candidates, instances, -1, self.tokens, self.width))
        hidden = hidden + next(given)[:, :, None]
        for _ in range(self.blocks):
            normal = _normalized(hidden, next(given))
            mixed = _attention(_by_token(normal, next(given), next(given)), self.heads)
            hidden = hidden + _by_token(mixed, next(given), next(given))
            normal = _normalized(hidden, next(given))
            inner = ACTIVATIONS["relu"](_by_token(normal, next(given), next(given)))
            hidden = hidden + _by_token(inner, next(given), next(given))
        return dense(ops.mean(hidden, axis=-2), next(given), next(given))


def _by_token(x, kernel, bias):
    """A dense layer on each token [M, B, n, S, F]."""
    rows = ops.reshape(x, (*x.shape[:2], -1, x.shape[-1]))
    return ops.reshape(dense(rows, kernel, bias), (*x.shape[:-1], kernel.shape[-1]))


def _normalized(x, gain):
    """Layer normalisation of [M, B, n, S, W] with a gain [M, B, W]."""
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + 1e-5) * gain[:, :, None, None]


def _attention(x, heads):
    """Each token's mean of the values, by queries and keys: [M, B, n, S, W] of [M, B, n, S, 3W]."""
    *batch, tokens, width = x.shape
    parts = ops.reshape(x, (*batch, tokens, 3, heads, width // (3 * heads)))
    query, key, value = (parts[..., index, :, :] for index in range(3))  # [M, B, n, S, H, W/H]
    scores = ops.einsum("...shd,...thd->...hst", query, key) / math.sqrt(query.shape[-1])
    rows = ops.reshape(scores, (-1, tokens))  # on CPUs a softmax of more than five axes is refused
    shares = ops.reshape(ops.softmax(rows, axis=-1), (*batch, heads, tokens, tokens))
    mixed = ops.einsum("...hst,...thd->...shd", shares, value)
    return ops.reshape(mixed, (*batch, tokens, width // 3))
