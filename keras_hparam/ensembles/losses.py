"""The loss of a network that predicts a normal distribution of each target.

Axes: n examples, D targets.
"""

import keras

from keras_hparam import errors
from keras_hparam.ops import calibration


@keras.saving.register_keras_serializable(package="keras_hparam")
class GaussianNegativeLogLikelihood(keras.losses.Loss):
    """−log N(y; μ, exp(s)) in nats, summed over targets: the loss of regression with a predicted variance.

    Targets are [n, D], or [n] where D is 1; predictions [n, 2D] are the D means μ, then the D log-variances s. The
    constant ½ log 2π belongs to it, so that values compare with other likelihoods. More leading axes are allowed.

    Args:
        reduction: of the examples' losses, as of every `keras.losses.Loss`.
        name: str.
        dtype: of the computation; None for Keras' float type.

    Raises:
        InvalidArgumentError: on the first call, if predictions are not two numbers a target.

    Source: Nix & Weigend 1994, "Estimating the mean and variance of the target probability distribution"; in ensembles:
    Lakshminarayanan et al. 2017, arXiv 1612.01474, equation 1.

    Example:

    ```python
    model = keras.Sequential([keras.layers.Dense(50, "relu"), keras.layers.Dense(2)])
    model.compile("adam", GaussianNegativeLogLikelihood())
    ```
    """

    def __init__(self, reduction="sum_over_batch_size", name="gaussian_negative_log_likelihood", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        return gaussian_losses(y_true, y_pred)


def gaussian_losses(targets, outputs):
    """−log N(target; μ, exp(s)) [...] of outputs [..., 2D], means and then log-variances; targets [..., D] or [...].

    Args:
        targets: float [..., D]; the last axis may be absent where D is 1.
        outputs: float [..., 2D].

    Raises:
        InvalidArgumentError: if the shapes do not fit.
    """
    if len(targets.shape) == len(outputs.shape) - 1:
        targets = targets[..., None]
    if len(targets.shape) != len(outputs.shape) or outputs.shape[-1] != 2 * targets.shape[-1]:
        raise errors.InvalidArgumentError(
            "Expected `y_true` [n, D] (or [n], where D is 1) and `y_pred` [n, 2D], means and then log-variances. "
            f"Received: shapes {tuple(targets.shape)} and {tuple(outputs.shape)}."
        )
    size = targets.shape[-1]
    return calibration.gaussian_negative_log_likelihood(targets, outputs[..., :size], outputs[..., size:])
