"""The OptFormer: a causal Transformer over a study's tokens that proposes values and predicts objectives.

The tokens of one trial enter the Transformer together: a content position is the sum of the trial's value tokens and
its objective token, a query position the sum of the value tokens alone. A content position predicts the next trial's
values, one after the other through a small autoregressive head; a query position predicts the objective. No position
knows its trial's number.

Chen et al. 2022, arXiv 2205.13320; US20230401451A1. Grouping tokens before the Transformer and unrolling them after it:
Yu et al. 2023, MEGABYTE, arXiv 2305.07185.

Axes: B batch, M metadata tokens, E vectors of them, T trials, D parameters, Q queries, G rows of (trial, parameter), W
model width.
"""

import dataclasses
import functools

import keras
from keras import ops

from keras_hparam.networks.transformer import Transformer, causal_mask
from keras_hparam.networks.values import BinLogits
from keras_hparam.optformer.config import OptFormerConfig
from keras_hparam.optformer.embeddings import CATEGORICAL, MetadataEmbedding, ObjectiveEmbedding, ValueEmbedding
from keras_hparam.optformer.heads import ProposalHead, merge_logits


@dataclasses.dataclass
class Context:
    """What the content stream leaves for proposals and predictions.

    Attributes:
        states: float [B, T + 1, W]: state t has read the metadata and the first t trials.
        cache: keys and values of every block.
        valid: bool [B, P], content positions that are no padding.
        prefix_length: positions before the one that stands for no trial.
        descriptions: float [B, D, R] of the parameters.
        values: float [B, T, D, W], embedded values of the trials.
        encoded, encoded_mask: the encoder's output [B, E, W] and its mask, or None.
    """

    states: object
    cache: list
    valid: object
    prefix_length: object
    descriptions: object
    values: object
    encoded: object = None
    encoded_mask: object = None


@keras.saving.register_keras_serializable(package="keras_hparam")
class OptFormer(keras.Model):
    """The sequence model. Inputs are the arrays of `packing.pack`, a dict of:

    metadata_ids, metadata_positions, metadata_slots, metadata_categories: int [B, M], -1 where there is none;
    slots, kinds: int [B, D]; tokens: int [B, T, D]; objectives: int [B, T], -1 at padding.

    Args:
        config: `OptFormerConfig`, or a dict of its fields.

    Example:

    ```python
    model = OptFormer(OptFormerConfig(first_bin=vocabulary.first_bin))
    context = model.read(batch)
    logits = model.predict_objectives(context, batch, batch["tokens"], model.history_mask(context))
    ```
    """

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = OptFormerConfig(**config) if isinstance(config, dict) else config
        config, policy = self.config, self.dtype_policy
        width, cross = config.width, config.architecture == "encoder_decoder"
        self.metadata_embedding = MetadataEmbedding(config, name="metadata", dtype=policy)
        self.value_embedding = ValueEmbedding(config, name="values", dtype=policy)
        self.objective_embedding = ObjectiveEmbedding(config, name="objectives", dtype=policy)
        stack = functools.partial(Transformer, num_heads=config.num_heads, mlp_ratio=config.mlp_ratio, dtype=policy)
        self.trunk = stack(config.num_layers, cross_attention=cross, name="trunk")
        self.encoder = stack(config.encoder_layers, name="encoder") if cross else None
        self.proposal_head = ProposalHead(config, name="proposal", dtype=policy)
        self.objective_hidden = keras.layers.Dense(width, activation="gelu", name="objective_hidden", dtype=policy)
        bins = (config.num_bins, config.num_frequencies)
        self.objective_logits = BinLogits(*bins, dtype="float32", name="objective_logits")
        self.failure_logit = keras.layers.Dense(1, dtype="float32", name="failure_logit")
        self.roles = keras.layers.Embedding(3, width, name="roles", dtype=policy)  # no trial yet, content, query
        for layer in (self.metadata_embedding, self.value_embedding, self.objective_embedding, self.proposal_head):
            layer.build()
        for layer in (self.trunk, self.encoder, self.objective_hidden, self.objective_logits, self.failure_logit):
            if layer is not None:
                layer.build((None, None, width))
        self.roles.build()
        self.built = True

    def _role(self, index):
        return self.roles(ops.full((1, 1), index, dtype="int32"))

    def read(self, batch):
        """The content stream over metadata and trials: a `Context`."""
        vectors, known, descriptions = self.metadata_embedding(
            batch["metadata_ids"], batch["metadata_positions"], batch["metadata_slots"],
            batch["metadata_categories"], batch["slots"],
        )  # fmt: skip
        values = self.value_embedding(batch["tokens"], batch["slots"], batch["kinds"], descriptions)
        trials = ops.sum(values, axis=2) + self.objective_embedding(batch["objectives"]) + self._role(1)
        start = ops.broadcast_to(self._role(0), (ops.shape(trials)[0], 1, self.config.width))
        content = ops.concatenate([ops.cast(start, trials.dtype), trials], axis=1)
        valid = ops.pad(batch["objectives"] >= 0, ((0, 0), (1, 0)), constant_values=True)
        encoded, encoded_mask, prefix_length = None, None, 0
        if self.encoder is None:
            prefix_length = ops.shape(known)[1]
            content = ops.concatenate([ops.cast(vectors, content.dtype), content], axis=1)
            valid = ops.concatenate([known, valid], axis=1)
        else:
            encoded, encoded_mask = self.encoder(vectors, known[:, None, :])[0], known
        hidden, cache = self.trunk(
            content, causal_mask(valid, prefix_length), encoded=encoded, encoded_mask=encoded_mask
        )
        states = hidden[:, prefix_length:]
        return Context(states, cache, valid, prefix_length, descriptions, values, encoded, encoded_mask)

    @staticmethod
    def history_mask(context):
        """bool [B, T, P]: the query of trial t sees the metadata and the trials before t."""
        positions = ops.arange(ops.shape(context.valid)[1])
        first = context.prefix_length + ops.arange(ops.shape(context.values)[1])  # position of "t trials read"
        return (positions[None, :] <= first[:, None])[None] & context.valid[:, None, :]

    def predict_objectives(self, context, batch, tokens, mask):
        """Logits [B, Q, num_bins + 1] over the objective's bins and failure, of queries that do not see each other.

        Args:
            context: `Context`.
            batch: the inputs that made it.
            tokens: int [B, Q, D], the queries' values.
            mask: bool, broadcastable to [B, Q, P]: what a query sees.
        """
        values = context.values
        if tokens is not batch["tokens"]:
            values = self.value_embedding(tokens, batch["slots"], batch["kinds"], context.descriptions)
        queries = ops.sum(values, axis=2) + self._role(2)
        hidden, _ = self.trunk(
            queries, mask, cache=context.cache, encoded=context.encoded, encoded_mask=context.encoded_mask
        )
        hidden = self.objective_hidden(hidden)
        return ops.concatenate([self.objective_logits(hidden), self.failure_logit(hidden)], axis=-1)

    def propose_values(self, context, batch, rows):
        """Logits of the given (trial, parameter) pairs, each given all that comes before it.

        Args:
            context: `Context`.
            batch: the inputs that made it.
            rows: int [B, G, 2], trial t < T and parameter d < D.

        Returns:
            logits [B, G, num_bins]: bins, or in the first `num_categories` places categories; the rest `NEGATIVE`.
        """
        trial, parameter = rows[..., 0], rows[..., 1]
        num_parameters, width = ops.shape(batch["slots"])[1], self.config.width
        earlier = ops.cumsum(context.values, axis=2) - context.values
        earlier = ops.reshape(earlier, (ops.shape(trial)[0], -1, width))
        earlier = ops.take_along_axis(earlier, (trial * num_parameters + parameter)[..., None], axis=1)
        states = ops.take_along_axis(context.states, trial[..., None], axis=1)
        slots = ops.take_along_axis(batch["slots"], parameter, axis=1)
        descriptions = ops.take_along_axis(context.descriptions, parameter[..., None], axis=1)
        numeric, categorical = self.proposal_head(states, earlier, slots, descriptions)
        kinds = ops.take_along_axis(batch["kinds"], parameter, axis=1)
        return merge_logits(numeric, categorical, kinds == CATEGORICAL)

    def call(self, batch):
        """Objective logits [B, T, num_bins + 1] of every trial, and proposal logits of `batch["rows"]` if given."""
        context = self.read(batch)
        objective = self.predict_objectives(context, batch, batch["tokens"], self.history_mask(context))
        if "rows" not in batch:
            return objective
        return objective, self.propose_values(context, batch, batch["rows"])

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}
