"""A causal Transformer with two streams that share their weights.

The content stream reads a sequence under an attention mask and leaves its keys and values in a cache. The query stream
reads that cache: each query attends to the content that its mask allows and to itself, never to another query. So one
pass over the content serves any number of queries, in training (a query per position) and at inference (a query per
candidate).

Pre-normalised residual blocks (Vaswani et al. 2017, arXiv 1706.03762; RMS normalisation: Zhang & Sennrich 2019, arXiv
1910.07467; the two streams: Yang et al. 2019, arXiv 1906.08237).

Axes: B batch, P content positions, Q queries, E encoder positions, H heads, K width of a head, W width of the model.
"""

import functools

import keras
from keras import ops

NEGATIVE = -1e9


def attention(queries, keys, values, mask, own_keys=None, own_values=None):
    """Scaled dot-product attention to a memory and, if given, of each query to its own key and value.

    Args:
        queries: float [B, Q, H, K].
        keys, values: float [B, P, H, K].
        mask: bool, broadcastable to [B, Q, P]; True where a query may attend.
        own_keys, own_values: float [B, Q, H, K] or None.

    Returns:
        float [B, Q, H, K].

    Source: Vaswani et al. 2017, equation 1.
    """
    scale = float(queries.shape[-1]) ** -0.5
    logits = ops.einsum("bqhk,bphk->bhqp", queries * scale, keys)  # [B, H, Q, P]
    logits = ops.where(ops.expand_dims(mask, 1), logits, ops.cast(NEGATIVE, logits.dtype))
    if own_keys is None:
        return ops.einsum("bhqp,bphk->bqhk", ops.softmax(logits, axis=-1), values)
    own = ops.sum(queries * scale * own_keys, axis=-1)  # [B, Q, H]
    own = ops.expand_dims(ops.transpose(own, (0, 2, 1)), -1)  # [B, H, Q, 1]
    weights = ops.softmax(ops.concatenate([logits, own], axis=-1), axis=-1)
    read = ops.einsum("bhqp,bphk->bqhk", weights[..., :-1], values)
    return read + ops.transpose(weights[..., -1:], (0, 2, 1, 3)) * own_values


def causal_mask(valid, prefix_length):
    """Which content position may attend to which: the prefix to itself, the rest to the prefix and the past.

    Args:
        valid: bool [B, P], False at padding.
        prefix_length: number of leading positions that see each other in both directions.

    Returns:
        bool [B, P, P].
    """
    index = ops.arange(ops.shape(valid)[1])
    visible = (index[None, :] <= index[:, None]) | (index[None, :] < prefix_length)
    return visible[None] & valid[:, None, :]


@keras.saving.register_keras_serializable(package="keras_hparam")
class Attention(keras.layers.Layer):
    """Multi-head attention whose keys and values can be kept: `project`, then `attend`; or a call for self-attention.

    Args:
        num_heads: must divide the width of the input.
    """

    def __init__(self, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, input_shape):
        width = input_shape[-1]
        dense = functools.partial(keras.layers.Dense, width, use_bias=False, dtype=self.dtype_policy)
        self.in_projections = [dense(name=name) for name in ("query", "key", "value")]
        self.out_projection = dense(name="output")
        for layer in [*self.in_projections, self.out_projection]:
            layer.build((None, None, width))
        self.built = True

    def _split(self, x):
        shape = ops.shape(x)
        return ops.reshape(x, (shape[0], shape[1], self.num_heads, x.shape[-1] // self.num_heads))

    def project(self, x, parts="qkv"):
        """Queries, keys, values [B, P, H, K] of x [B, P, W]; `parts` names those wanted."""
        return [self._split(self.in_projections["qkv".index(part)](x)) for part in parts]

    def attend(self, *args, **kwargs):
        """`attention` of projected tensors, heads merged: [B, Q, W]."""
        read = attention(*args, **kwargs)
        shape = ops.shape(read)
        return self.out_projection(ops.reshape(read, (shape[0], shape[1], read.shape[2] * read.shape[3])))

    def call(self, x, mask):
        """Self-attention of x [B, P, W] under a mask, broadcastable to [B, P, P]: [B, P, W]."""
        return self.attend(*self.project(x), mask)

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads}


@keras.saving.register_keras_serializable(package="keras_hparam")
class Block(keras.layers.Layer):
    """One residual block: self-attention, optional cross-attention to an encoder's output, a GELU network."""

    def __init__(self, num_heads, mlp_ratio=4, cross_attention=False, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.mlp_ratio, self.cross_attention = num_heads, mlp_ratio, cross_attention

    def build(self, input_shape):
        width, policy = input_shape[-1], self.dtype_policy
        sizes = {"attention_norm": None, "mlp_norm": None}
        if self.cross_attention:
            sizes["cross_norm"] = None
            self.cross = Attention(self.num_heads, name="cross_attention", dtype=policy)
            self.cross.build(input_shape)
        self.norms = {name: keras.layers.RMSNormalization(epsilon=1e-6, name=name, dtype=policy) for name in sizes}
        for norm in self.norms.values():
            norm.build((None, None, width))
        self.attention = Attention(self.num_heads, name="attention", dtype=policy)
        self.attention.build(input_shape)
        self.expand = keras.layers.Dense(self.mlp_ratio * width, activation="gelu", name="expand", dtype=policy)
        self.contract = keras.layers.Dense(width, name="contract", dtype=policy)
        self.expand.build((None, None, width))
        self.contract.build((None, None, self.mlp_ratio * width))
        self.built = True

    def call(self, x, mask, memory=None, encoded=None, encoded_mask=None):
        """The block applied to content (`memory` None) or to queries.

        Args:
            x: [B, P, W].
            mask: bool, broadcastable to [B, P, keys].
            memory: None, or the content's (keys, values) to which queries attend beside themselves.
            encoded: [B, E, W], the encoder's output, where the block has cross-attention.
            encoded_mask: bool [B, E].

        Returns:
            (output [B, P, W], (keys, values) of x).
        """
        queries, keys, values = self.attention.project(self.norms["attention_norm"](x))
        if memory is None:
            x = x + self.attention.attend(queries, keys, values, mask)
        else:
            x = x + self.attention.attend(queries, *memory, mask, own_keys=keys, own_values=values)
        if self.cross_attention:
            (reader,) = self.cross.project(self.norms["cross_norm"](x), "q")
            x = x + self.cross.attend(reader, *self.cross.project(encoded, "kv"), encoded_mask[:, None, :])
        x = x + self.contract(self.expand(self.norms["mlp_norm"](x)))
        return x, (keys, values)

    def get_config(self):
        names = ("num_heads", "mlp_ratio", "cross_attention")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="keras_hparam")
class Transformer(keras.layers.Layer):
    """A stack of `Block`s with a content and a query stream.

    Args:
        num_layers: number of blocks.
        num_heads: heads per attention; must divide the width of the input.
        mlp_ratio: hidden width of the blocks' networks in multiples of the width.
        cross_attention: whether the blocks also attend to an encoder's output.

    Example:

    ```python
    network = Transformer(num_layers=2, num_heads=4)
    hidden, cache = network(x, causal_mask(valid, prefix_length=3))   # content
    read, _ = network(candidates, valid[:, None, :], cache=cache)     # queries
    ```
    """

    def __init__(self, num_layers, num_heads, mlp_ratio=4, cross_attention=False, **kwargs):
        super().__init__(**kwargs)
        self.num_layers, self.num_heads = num_layers, num_heads
        self.mlp_ratio, self.cross_attention = mlp_ratio, cross_attention

    def build(self, input_shape):
        self.blocks = []
        for index in range(self.num_layers):
            block = Block(
                self.num_heads, self.mlp_ratio, self.cross_attention, name=f"block_{index}", dtype=self.dtype_policy
            )
            block.build(input_shape)
            self.blocks.append(block)
        self.norm = keras.layers.RMSNormalization(epsilon=1e-6, name="norm", dtype=self.dtype_policy)
        self.norm.build(input_shape)
        self.built = True

    def call(self, x, mask, cache=None, encoded=None, encoded_mask=None):
        """(normalised output [B, P, W], cache: a (keys, values) pair per block)."""
        new_cache = []
        for index, block in enumerate(self.blocks):
            memory = None if cache is None else cache[index]
            x, pair = block(x, mask, memory=memory, encoded=encoded, encoded_mask=encoded_mask)
            new_cache.append(pair)
        return self.norm(x), new_cache

    def get_config(self):
        names = ("num_layers", "num_heads", "mlp_ratio", "cross_attention")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
