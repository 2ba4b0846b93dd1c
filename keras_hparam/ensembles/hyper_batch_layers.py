"""Dense and convolutional layers of a hyper-batch ensemble: K members that share two kernels, W and Δ.

Member k's kernel at hyperparameters λ is W ∘ (r_k s_kᵀ) + [Δ ∘ (u_k v_kᵀ)] ∘ e(λ)ᵀ, its bias b_k + δ_k ∘ e'(λ), where
the embeddings e and e' are linear and λ is encoded: (log λ − log min) / (log max − log min), in [0, 1].

Axes: K members, N rows (member-major: the first ⌈N/K⌉ are member 0's, and so on), I inputs, O outputs, P
hyperparameters.
"""

import keras
from keras import ops

from keras_hparam import errors
from keras_hparam.ensembles.ensemble_layer import EnsembleLayer, float64
from keras_hparam.ensembles.products import Conv2DProduct, DenseProduct
from keras_hparam.ops import hyper_batch_ensemble

EMBEDDINGS = ("shared", "member")


class _HyperBatchEnsemble(EnsembleLayer):
    def __init__(
        self, product, ensemble_size, tied_factors=False, embedding="shared", bias_embedding=True,
        embedding_initializer=None, **kwargs,
    ):  # fmt: skip
        super().__init__(product, ensemble_size, **kwargs)
        if embedding not in EMBEDDINGS:
            raise errors.InvalidArgumentError(
                f"Expected `embedding` to be one of {EMBEDDINGS}. Received: {embedding!r}."
            )
        if embedding_initializer is None:
            embedding_initializer = keras.initializers.RandomNormal(stddev=1e-4)
        self.tied_factors, self.embedding = bool(tied_factors), embedding
        self.bias_embedding = bool(bias_embedding)
        self.embedding_initializer = keras.initializers.get(embedding_initializer)

    def build(self, x_shape, lambdas_shape):
        if len(lambdas_shape) != 2 or not lambdas_shape[1]:
            raise errors.InvalidArgumentError(
                f"Expected `lambdas` of shape [N, P] with known P ≥ 1. Received: shape {tuple(lambdas_shape)}."
            )
        super().build(x_shape)
        self.delta_kernel = self.add_kernel("delta_kernel", x_shape, draw=1)
        if not self.tied_factors:
            self.u, self.v = self.add_factors(("u", "v"), x_shape, draw=2)
        self.kernel_map = self._add_map("kernel_map", lambdas_shape[1])
        self.bias_map = None
        if self.use_bias and self.bias_embedding:
            self.delta_bias = self.add_bias("delta_bias", keras.initializers.Zeros())
            self.bias_map = self._add_map("bias_map", lambdas_shape[1], draw=1)

    def _add_map(self, name, size, draw=0):
        shape = (size, self.product.outputs)
        shape = shape if self.embedding == "shared" else (self.ensemble_size, *shape)
        return self.add(name, shape, self.embedding_initializer, draw)

    def call(self, x, lambdas, l2=None, bias_l2=None, training=None):
        return self.run(x, self._embed(ops.cast(lambdas, self.variable_dtype)), l2, bias_l2, training)

    def _embed(self, lambdas, read=lambda variable: variable):
        """(e, e'), [N, O] each; e' None where the bias has no embedding."""
        maps = (self.kernel_map, self.bias_map)
        return tuple(None if one is None else hyper_batch_ensemble.embed(lambdas, read(one)) for one in maps)

    def member_weights(self, encoded):
        """The members' own kernels [K, …, I, O] and biases [K, O] (None without), as NumPy arrays in float64.

        Args:
            encoded: float [K, P], the encoded hyperparameters of each member.

        Raises:
            InvalidArgumentError: for an array of another shape.
        """
        encoded = float64(encoded)
        if encoded.shape != (self.ensemble_size, self.kernel_map.shape[-2]):
            raise errors.InvalidArgumentError(
                f"Expected `encoded` of shape {(self.ensemble_size, self.kernel_map.shape[-2])}. "
                f"Received: shape {encoded.shape}."
            )
        return self.own_weights(self._embed(encoded, read=float64))

    def compute_output_shape(self, x_shape, lambdas_shape):
        return super().compute_output_shape(x_shape)

    def get_config(self):
        names = ("tied_factors", "embedding", "bias_embedding")
        initializer = keras.initializers.serialize(self.embedding_initializer)
        config = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **config, "embedding_initializer": initializer}


@keras.saving.register_keras_serializable(package="keras_hparam")
class DenseHyperBatchEnsemble(_HyperBatchEnsemble):
    """A Dense layer of K members whose kernels and biases depend on hyperparameters, which each row has of its own.

    Call it with x [N, …, I] and `lambdas` [N, P], the encoded hyperparameters in [0, 1]; rows are member-major, and if
    K does not divide N, the last members have fewer of them. Further arguments of a call: `l2` and `bias_l2`, float [N]
    ≥ 0 or None; in training, the means over rows of l2 · ‖W_k(λ)‖² and of bias_l2 · ‖b_k(λ)‖² are added to the layer's
    losses.

    Args:
        units: int ≥ 1, O.
        ensemble_size: int ≥ 1, K.
        tied_factors: whether u = r and v = s.
        embedding: "shared" or "member": whether members share e and e', or have one each.
        bias_embedding: whether biases depend on the hyperparameters, through e' and δ.
        embedding_initializer: of e and e'; None: normal, mean 0, standard deviation 1e-4.
        activation: name or callable; None: the identity.
        use_bias: whether members have biases.
        regularize: "materialized" or "shared": `l2` weighs the norms of the members' own kernels, or those of
            W + Δ ∘ e(λ)ᵀ.
        kernel_initializer: of W and Δ, which differ.
        bias_initializer: of the biases b; δ begins at 0.
        factor_initializer: of r, s, u and v; None: normal, mean 1, standard deviation 0.75.
        kernel_regularizer: of W and of Δ, with a fixed weight, or None.

    Raises:
        InvalidArgumentError: for a size below 1, an unknown option, inputs of another rank or size, and `bias_l2` where
            there is no bias.

    Source: Wenzel et al. 2020, Hyperparameter Ensembles for Robustness and Uncertainty Quantification, arXiv
    2006.13570, section 4.

    Example:

    ```python
    layer = DenseHyperBatchEnsemble(units=10, ensemble_size=4)
    x = keras.ops.tile(x, (4, 1))                              # [4 · n, I]: every member sees each row
    lambdas = keras.random.uniform((len(x), 1))                # one encoded hyperparameter
    y = layer(x, lambdas, l2=1e-6 * 1e4 ** lambdas[:, 0], training=True)
    loss = ... + sum(layer.losses)
    ```
    """

    def __init__(self, units, ensemble_size, activation=None, **kwargs):
        super().__init__(DenseProduct(units), ensemble_size, activation=activation, **kwargs)


@keras.saving.register_keras_serializable(package="keras_hparam")
class Conv2DHyperBatchEnsemble(_HyperBatchEnsemble):
    """A Conv2D layer of K members whose kernels and biases depend on hyperparameters, which each row has of its own.

    It is called like `DenseHyperBatchEnsemble`, with x [N, height, width, I].

    Args:
        filters: int ≥ 1, O.
        kernel_size: int ≥ 1 or two: height and width of the window.
        ensemble_size: int ≥ 1, K.
        strides, dilation_rate: int ≥ 1 or two; not both above 1.
        padding: "valid" or "same".
        data_format: "channels_last" alone.
        **kwargs: `tied_factors`, `embedding`, `bias_embedding`, `embedding_initializer`, `activation`, `use_bias`,
            `regularize`, `kernel_initializer`, `bias_initializer`, `factor_initializer`, `kernel_regularizer` as in
            `DenseHyperBatchEnsemble`.

    Raises:
        InvalidArgumentError: as in `DenseHyperBatchEnsemble`, and for another `padding` or `data_format`.

    Source: Wenzel et al. 2020, arXiv 2006.13570, section 4.

    Example:

    ```python
    layer = Conv2DHyperBatchEnsemble(filters=32, kernel_size=3, ensemble_size=4, padding="same")
    images = keras.ops.tile(images, (4, 1, 1, 1))              # [4 · n, height, width, I]
    y = layer(images, keras.random.uniform((len(images), 2)))  # two encoded hyperparameters
    ```
    """

    def __init__(
        self, filters, kernel_size, ensemble_size, strides=1, padding="valid", dilation_rate=1,
        data_format="channels_last", **kwargs,
    ):  # fmt: skip
        product = Conv2DProduct(filters, kernel_size, strides, padding, dilation_rate, data_format)
        super().__init__(product, ensemble_size, **kwargs)
