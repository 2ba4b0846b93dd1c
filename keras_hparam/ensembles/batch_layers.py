"""Dense and convolutional layers of a batch ensemble: K members W ∘ (r_k s_kᵀ) of one kernel W, each with its own bias.

Axes: K members, N rows (member-major: the first ⌈N/K⌉ are member 0's, and so on), I inputs, O outputs.
"""

import keras

from keras_hparam.ensembles.ensemble_layer import EnsembleLayer
from keras_hparam.ensembles.products import Conv2DProduct, DenseProduct


class _BatchEnsemble(EnsembleLayer):
    def call(self, x, l2=None, bias_l2=None, training=None):
        return self.run(x, (None, None), l2, bias_l2, training)

    def member_weights(self, encoded=None):
        """The members' own kernels [K, …, I, O] and biases [K, O] (None without), as NumPy arrays in float64.

        Args:
            encoded: not used: these members have no hyperparameters.
        """
        return self.own_weights((None, None))


@keras.saving.register_keras_serializable(package="keras_hparam")
class DenseBatchEnsemble(_BatchEnsemble):
    """A Dense layer of K members that share a kernel: member k multiplies by W ∘ (r_k s_kᵀ) and adds b_k.

    Call it with x [N, …, I]; rows are member-major, and if K does not divide N, the last members have fewer of them.
    Further arguments of a call: `l2` and `bias_l2`, float [N] ≥ 0 or None; in training, the means over rows of
    l2 · ‖W_k‖² and of bias_l2 · ‖b_k‖² are added to the layer's losses.

    Args:
        units: int ≥ 1, O.
        ensemble_size: int ≥ 1, K.
        activation: name or callable; None: the identity.
        use_bias: whether members have biases.
        regularize: "materialized" or "shared": `l2` weighs the norms of the members' own kernels, or that of W.
        kernel_initializer: of W.
        bias_initializer: of the biases.
        factor_initializer: of r and s; None: normal, mean 1, standard deviation 0.75.
        kernel_regularizer: of W, with a fixed weight, or None.

    Raises:
        InvalidArgumentError: for a size below 1, an unknown `regularize`, inputs of another rank or size, and `bias_l2`
            where there is no bias.

    Source: Wen et al. 2020, BatchEnsemble, arXiv 2002.06715.

    Example:

    ```python
    layer = DenseBatchEnsemble(units=10, ensemble_size=4, activation="relu")
    y = layer(keras.ops.tile(x, (4, 1)))  # [4 · n, 10]: every member sees each row of x [n, I]
    ```
    """

    def __init__(self, units, ensemble_size, activation=None, **kwargs):
        super().__init__(DenseProduct(units), ensemble_size, activation=activation, **kwargs)


@keras.saving.register_keras_serializable(package="keras_hparam")
class Conv2DBatchEnsemble(_BatchEnsemble):
    """A Conv2D layer of K members that share a kernel: member k convolves with W ∘ (r_k s_kᵀ) and adds b_k.

    It is called like `DenseBatchEnsemble`, with x [N, height, width, I].

    Args:
        filters: int ≥ 1, O.
        kernel_size: int ≥ 1 or two: height and width of the window.
        ensemble_size: int ≥ 1, K.
        strides, dilation_rate: int ≥ 1 or two; not both above 1.
        padding: "valid" or "same".
        data_format: "channels_last" alone.
        **kwargs: `activation`, `use_bias`, `regularize`, `kernel_initializer`, `bias_initializer`,
            `factor_initializer`, `kernel_regularizer` as in `DenseBatchEnsemble`.

    Raises:
        InvalidArgumentError: as in `DenseBatchEnsemble`, and for another `padding` or `data_format`.

    Source: Wen et al. 2020, BatchEnsemble, arXiv 2002.06715.

    Example:

    ```python
    layer = Conv2DBatchEnsemble(filters=32, kernel_size=3, ensemble_size=4, padding="same")
    y = layer(keras.ops.tile(images, (4, 1, 1, 1)))  # [4 · n, height, width, 32]
    ```
    """

    def __init__(
        self, filters, kernel_size, ensemble_size, strides=1, padding="valid", dilation_rate=1,
        data_format="channels_last", **kwargs,
    ):  # fmt: skip
        product = Conv2DProduct(filters, kernel_size, strides, padding, dilation_rate, data_format)
        super().__init__(product, ensemble_size, **kwargs)
