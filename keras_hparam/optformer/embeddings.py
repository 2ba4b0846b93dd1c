"""How the OptFormer sees metadata, parameter values and objectives.

Axes: B batch, M metadata tokens, E vectors of them, T trials, D parameters, F features, R width of a description, W
model width.
A slot is a parameter's identity within one study, drawn at random in training so that none means anything by itself.
"""

import dataclasses

import keras
from keras import ops

from keras_hparam.networks.values import cosine_features
from keras_hparam.optformer.config import OptFormerConfig

PADDING, NUMERIC, CATEGORICAL = 0, 1, 2  # kinds of a parameter


def _masked_embedding(layer, ids):
    """Rows of an embedding, zero where an id is negative."""
    known = ids >= 0
    return layer(ops.where(known, ids, 0)) * ops.cast(known, layer.compute_dtype)[..., None]


def _means(owned, x):
    """Means [B, G, W] of the vectors x [B, M, W] that each of G groups owns (bool [B, G, M]), 0 where it has none."""
    owned = ops.cast(owned, x.dtype)
    return ops.matmul(owned, x) / ops.maximum(ops.sum(owned, axis=-1, keepdims=True), ops.ones((), x.dtype))


class ConfiguredLayer(keras.layers.Layer):
    """Base of the layers that an `OptFormerConfig` describes.

    Args:
        config: `OptFormerConfig`, or a dict of its fields.
    """

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = OptFormerConfig(**config) if isinstance(config, dict) else config

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


@keras.saving.register_keras_serializable(package="keras_hparam")
class MetadataEmbedding(ConfiguredLayer):
    """Metadata tokens [B, M] to vectors [B, E, W] and to one description [B, D, R] of each parameter.

    A number's token is embedded by its value, any other by a table; each vector also sees the token before it. E is M
    where `config.metadata` is "tokens"; where it is "pooled", E is 1 + D: the means of the tokens that belong to no
    parameter and to each parameter.

    Args:
        config: `OptFormerConfig`, or a dict of its fields.
    """

    def build(self, input_shape=None):
        config, width, policy = self.config, self.config.width, self.dtype_policy
        self.pieces = keras.layers.Embedding(config.first_bin, width, name="pieces", dtype=policy)
        self.positions = keras.layers.Embedding(config.metadata_length, width, name="positions", dtype=policy)
        self.slots = keras.layers.Embedding(config.num_slots, width, name="slots", dtype=policy)
        self.categories = keras.layers.Embedding(config.num_categories, width, name="categories", dtype=policy)
        self.numbers = keras.layers.Dense(width, name="numbers", dtype=policy)
        self.previous = keras.layers.Dense(width, name="previous", dtype=policy)
        self.mix = keras.layers.Dense(width, name="mix", dtype=policy)
        self.describe = keras.layers.Dense(config.description_width, name="describe", dtype=policy)
        for layer in (self.pieces, self.positions, self.slots, self.categories):
            layer.build()
        for layer in (self.previous, self.mix, self.describe):
            layer.build((None, None, width))
        self.numbers.build((None, None, cosine_features(ops.zeros(())).shape[-1]))
        self.built = True

    def call(self, ids, positions, slots, categories, parameter_slots):
        """(vectors [B, E, W], whether they are no padding [B, E], descriptions [B, D, R]).

        Args:
            ids, positions, slots, categories: int [B, M], tokens with their places, parameters' slots and categories.
            parameter_slots: int [B, D].
        """
        config = self.config
        is_number = ids >= config.first_bin
        unit = (ops.cast(ids - config.first_bin, "float32") + 0.5) / config.num_bins
        numbers = self.numbers(cosine_features(ops.where(is_number, unit, 0.5)))
        x = ops.where(is_number[..., None], numbers, _masked_embedding(self.pieces, ops.where(is_number, -1, ids)))
        before = ops.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        x = ops.gelu(x + self.previous(before) + _masked_embedding(self.positions, positions))
        owners = ops.pad(parameter_slots, ((0, 0), (1, 0)), constant_values=-1)  # the first: of no parameter
        present = ops.pad(parameter_slots >= 0, ((0, 0), (1, 0)), constant_values=True)
        owned = (owners[:, :, None] == slots[:, None, :]) & present[:, :, None] & (ids >= 0)[:, None, :]
        means = _means(owned, x)
        descriptions = ops.gelu(self.describe(means[:, 1:]))
        categories = _masked_embedding(self.categories, categories)
        if config.metadata == "tokens":
            return self.mix(x) + _masked_embedding(self.slots, slots) + categories, ids >= 0, descriptions
        x = self.mix(means) + _masked_embedding(self.slots, owners) + _means(owned, categories)
        return x, ops.any(owned, axis=-1), descriptions


@keras.saving.register_keras_serializable(package="keras_hparam")
class ValueEmbedding(ConfiguredLayer):
    """Values of parameters as vectors: one for each value, to be summed over a trial.

    Features of the value (cosines of a number's place, one-hot categories) and the parameter's description pass a map
    that all parameters share, then the matrix of the parameter's slot.

    Args:
        config: `OptFormerConfig`, or a dict of its fields.
    """

    def build(self, input_shape=None):
        config, policy = self.config, self.dtype_policy
        num_features = cosine_features(ops.zeros(())).shape[-1] + config.num_categories + 1
        self.linear = keras.layers.Dense(config.value_width, use_bias=False, name="linear", dtype=policy)
        self.hidden = keras.layers.Dense(config.value_width, activation="gelu", name="hidden", dtype=policy)
        self.output_map = keras.layers.Dense(config.value_width, use_bias=False, name="output", dtype=policy)
        self.linear.build((None, num_features))
        self.hidden.build((None, num_features + config.description_width))
        self.output_map.build((None, config.value_width))
        self.slot_kernels = self.add_weight(
            shape=(config.num_slots, config.value_width, config.width),
            initializer=keras.initializers.RandomNormal(stddev=config.value_width**-0.5),
            name="slot_kernels",
        )
        self.built = True

    def features(self, tokens, kinds):
        """Features [B, T, D, F] of tokens [B, T, D] (-1 inactive) of parameters of kinds [B, D]."""
        config = self.config
        active = tokens >= 0
        numeric = active & (kinds == NUMERIC)[:, None, :]
        categorical = active & (kinds == CATEGORICAL)[:, None, :]
        unit = (ops.cast(tokens, "float32") + 0.5) / config.num_bins
        waves = cosine_features(ops.where(numeric, unit, 0.5)) * ops.cast(numeric, "float32")[..., None]
        category = ops.one_hot(ops.where(categorical, tokens, -1), config.num_categories)
        inactive = ops.cast(ops.logical_not(active), "float32")[..., None]
        return ops.concatenate([waves, category, inactive], axis=-1)

    def call(self, tokens, slots, kinds, descriptions):
        """Vectors [B, T, D, W]; zero for padding.

        Args:
            tokens: int [B, T, D]: a bin, a category index below `num_categories`, or -1.
            slots, kinds: int [B, D].
            descriptions: float [B, D, R].
        """
        features = ops.cast(self.features(tokens, kinds), self.compute_dtype)
        shape = ops.shape(tokens)
        described = ops.broadcast_to(descriptions[:, None], (*shape, descriptions.shape[-1]))
        hidden = self.hidden(ops.concatenate([features, described], axis=-1))
        kernels = ops.take(ops.cast(self.slot_kernels, self.compute_dtype), ops.maximum(slots, 0), axis=0)
        values = ops.einsum("btdf,bdfw->btdw", self.linear(features) + self.output_map(hidden), kernels)
        return values * ops.cast(kinds != PADDING, values.dtype)[:, None, :, None]


@keras.saving.register_keras_serializable(package="keras_hparam")
class ObjectiveEmbedding(ConfiguredLayer):
    """Objectives [B, T] as vectors [B, T, W]: bins by their value, failed and pending ones by a vector each.

    Args:
        config: `OptFormerConfig`, or a dict of its fields.
    """

    def build(self, input_shape=None):
        policy = self.dtype_policy
        self.numbers = keras.layers.Dense(self.config.width, name="numbers", dtype=policy)
        self.numbers.build((None, None, cosine_features(ops.zeros(())).shape[-1]))
        self.placeholders = keras.layers.Embedding(2, self.config.width, name="placeholders", dtype=policy)
        self.placeholders.build()
        self.built = True

    def call(self, objectives):
        """Vectors of bins; `num_bins` means failed, `num_bins + 1` pending, -1 padding."""
        num_bins = self.config.num_bins
        is_number = objectives < num_bins
        unit = (ops.cast(objectives, "float32") + 0.5) / num_bins
        numbers = self.numbers(cosine_features(ops.where(is_number, unit, 0.5)))
        placeholders = _masked_embedding(self.placeholders, ops.where(is_number, -1, objectives - num_bins))
        return ops.where(is_number[..., None], numbers, placeholders)
