"""Sizes of an OptFormer."""

import dataclasses

from keras_hparam import errors
from keras_hparam.configuration import is_integer, require


@dataclasses.dataclass(frozen=True)
class OptFormerConfig:
    """Sizes of an `OptFormer`.

    Args:
        first_bin: ids below it are text pieces and keywords (`Vocabulary.first_bin`).
        num_bins: bins of the unit interval.
        num_categories: category indices that the network tells apart; larger indices share them.
        num_slots: parameters at most.
        max_trials: trials at most in one input.
        metadata_length: metadata tokens at most.
        width, num_layers, num_heads, mlp_ratio: of the Transformer.
        architecture: "decoder_only" (metadata as a prefix) or "encoder_decoder" (cross-attention to the metadata).
        metadata: "tokens" (each is a position of the network) or "pooled" (one position for the study and one for each
            parameter, the mean of its tokens: a tenth of the positions).
        encoder_layers: blocks of the encoder, if there is one.
        num_frequencies: of the distributions over bins, see `BinLogits`.
        value_width, description_width: of the embeddings of values and of parameters.

    Raises:
        InvalidArgumentError: for an unknown architecture or form of metadata, sizes that are no positive integers, or
            heads that do not divide the width.
    """

    first_bin: int
    num_bins: int = 1000
    num_categories: int = 32
    num_slots: int = 24
    max_trials: int = 200
    metadata_length: int = 256
    width: int = 128
    num_layers: int = 4
    num_heads: int = 4
    mlp_ratio: int = 4
    architecture: str = "decoder_only"
    metadata: str = "tokens"
    encoder_layers: int = 2
    num_frequencies: int = 128
    value_width: int = 64
    description_width: int = 32

    def __post_init__(self):
        if self.architecture not in ("decoder_only", "encoder_decoder"):
            raise errors.InvalidArgumentError(
                "Expected `architecture` to be 'decoder_only' or 'encoder_decoder'. "
                f"Received: {self.architecture!r}."
            )
        if self.metadata not in ("tokens", "pooled"):
            raise errors.InvalidArgumentError(
                f"Expected `metadata` to be 'tokens' or 'pooled'. Received: {self.metadata!r}."
            )
        for field in dataclasses.fields(self):
            if field.type is int:
                least = 0 if field.name in ("first_bin", "encoder_layers") else 1
                require(field.name, getattr(self, field.name), is_integer(getattr(self, field.name), least), "an int")
        if self.width % self.num_heads:
            raise errors.InvalidArgumentError(
                f"Expected `num_heads` to divide `width`. Received: width={self.width}, num_heads={self.num_heads}."
            )
