"""Training on mixtures of examples: a functional model that mixes each batch with itself in reverse order.

Source: Zhang et al. 2018, *mixup*, arXiv 1710.09412; the share of each batch is drawn from Beta(α, α).
"""

import keras
from keras import ops

from keras_hparam.configuration import require


def mixed(x, share, model):
    """s x + (1 − s) x in reverse order along the first axis, of x [n, …] as an input of the model.

    Raises:
        InvalidArgumentError: for inputs of integers, such as tokens, which cannot be mixed.
    """
    inputs = getattr(model, "inputs", None)
    x = ops.cast(x, inputs[0].dtype) if inputs else ops.convert_to_tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    require("mixup", dtype, keras.backend.is_float_dtype(dtype), "0 for inputs that are no floats (dtype shown)")
    share = ops.cast(share, x.dtype)
    return share * x + (1.0 - share) * ops.flip(x, axis=0)


def draw_shares(rng, strengths, size):
    """Shares [size, n] for each of n strengths α ≥ 0, the same at the same quantile as far as possible; 1 for α = 0.

    Args:
        rng: `numpy.random.Generator`.
        strengths: sequence of n floats.
        size: int.
    """
    import numpy as np

    columns = [rng.beta(a, a, size) if a > 0 else np.ones(size) for a in strengths]
    return np.stack(columns, axis=1).astype("float32")


@keras.saving.register_keras_serializable(package="keras_hparam")
class MixupModel(keras.Model):
    """A functional model whose `fit` trains on mixtures of the examples of a batch.

    The loss is s L(y) + (1 − s) L(y in reverse order), for labels of any kind. Metrics while training compare with the
    labels y. Without training it is the model itself.

    Args:
        model: `keras.Model` with one input.
        alpha: float > 0, α of the distribution Beta(α, α) of the share s.
        seed: int or None.

    Example:

    ```python
    model = MixupModel(keras.Sequential([...]), alpha=0.2)
    model.compile("adam", "sparse_categorical_crossentropy")
    ```
    """

    def __init__(self, model, alpha, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.model, self.alpha, self.seed = model, alpha, seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.share = self.add_weight((), "ones", trainable=False, name="share", dtype="float32")
        self.supports_jit = False  # XLA has no beta distribution under TensorFlow
        self.built = model.built

    def build(self, input_shape):
        """Builds the model inside."""
        if not self.model.built:
            self.model.build(input_shape)
        self.built = True

    def call(self, x, training=None):
        """Outputs of the model; in training, of mixed inputs."""
        if not training:
            return self.model(x, training=training)
        self.share.assign(keras.random.beta((), self.alpha, self.alpha, seed=self.seed_generator))
        return self.model(mixed(x, self.share.value, self.model), training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of both labels, weighted by the share."""
        first = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return first
        weight = None if sample_weight is None else keras.tree.map_structure(_reversed, sample_weight)
        second = super().compute_loss(x, keras.tree.map_structure(_reversed, y), y_pred, weight, training)
        share = ops.cast(self.share.value, first.dtype)
        return share * first + (1.0 - share) * second

    def get_config(self):
        """The configuration."""
        config = {"model": keras.saving.serialize_keras_object(self.model), "alpha": self.alpha, "seed": self.seed}
        return super().get_config() | config

    @classmethod
    def from_config(cls, config):
        """The model of a configuration."""
        model = keras.saving.deserialize_keras_object(config["model"])
        return cls(model, **{key: value for key, value in config.items() if key != "model"})


def _reversed(y):
    return ops.flip(y, axis=0)
