"""The proposal head of the OptFormer: the values of one trial, one after the other.

Axes: … any leading axes, W width of the model, R width of a description, N tokens.
"""

import keras
from keras import ops

from keras_hparam.networks.transformer import NEGATIVE
from keras_hparam.networks.values import BinLogits
from keras_hparam.optformer.embeddings import ConfiguredLayer


@keras.saving.register_keras_serializable(package="keras_hparam")
class ProposalHead(ConfiguredLayer):
    """Logits over the tokens of one parameter, given the study so far and the trial's earlier values.

    The logits are float32 under every dtype policy.

    Args:
        config: `OptFormerConfig`, or a dict of its fields.
    """

    def build(self, input_shape=None):
        config, width, policy = self.config, self.config.width, self.dtype_policy
        self.slots = keras.layers.Embedding(config.num_slots, width, name="slots", dtype=policy)
        self.slots.build()
        self.state_map = keras.layers.Dense(width, name="state", dtype=policy)
        self.description_map = keras.layers.Dense(width, name="description", dtype=policy)
        self.norm = keras.layers.RMSNormalization(epsilon=1e-6, name="norm", dtype=policy)
        self.hidden = [keras.layers.Dense(2 * width, activation="gelu", name="hidden_0", dtype=policy)]
        self.hidden.append(keras.layers.Dense(width, activation="gelu", name="hidden_1", dtype=policy))
        self.numeric = BinLogits(config.num_bins, config.num_frequencies, dtype="float32", name="numeric")
        self.categorical = keras.layers.Dense(config.num_categories, dtype="float32", name="categorical")
        self.description_map.build((None, config.description_width))
        self.hidden[1].build((None, 2 * width))
        for layer in (self.state_map, self.norm, self.hidden[0], self.numeric, self.categorical):
            layer.build((None, width))
        self.built = True

    def call(self, states, earlier, slots, descriptions):
        """(numeric logits [..., num_bins], categorical logits [..., num_categories]).

        Args:
            states: float [..., W], of the study before the trial.
            earlier: float [..., W], the sum of the trial's earlier embedded values.
            slots: int [...], the slot of the parameter.
            descriptions: float [..., R], its description.
        """
        x = self.state_map(states) + earlier + self.slots(ops.maximum(slots, 0)) + self.description_map(descriptions)
        x = self.norm(x)
        for layer in self.hidden:
            x = layer(x)
        return self.numeric(x), self.categorical(x)


def merge_logits(numeric, categorical, is_categorical):
    """Numeric logits [..., N], or categorical ones in the first places of N and `NEGATIVE` in the others."""
    missing = numeric.shape[-1] - categorical.shape[-1]
    padding = [(0, 0)] * (len(categorical.shape) - 1) + [(0, missing)]
    padded = ops.pad(categorical, padding, constant_values=NEGATIVE)
    return ops.where(is_categorical[..., None], padded, numeric)
