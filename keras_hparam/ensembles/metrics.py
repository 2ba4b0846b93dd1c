"""Keras metrics of predicted probabilities, and of the disagreement of members.

Labels are classes, int [n], or one-hot [n, C]; more axes may stand between n and the classes, and a sample weight may
have any of the leading ones. A single output [n, 1] (or [n], with labels [n]) is the probability, or with
`from_logits` the logit, of one event.

Axes: n examples, C classes, D targets, K members, B bins.
"""

import keras
from keras import ops

from keras_hparam import errors
from keras_hparam.ensembles.losses import gaussian_losses
from keras_hparam.ops import calibration


def _weights_of(values, sample_weight):
    """Weights of the shape of values [n, ...] from a sample weight of some of its leading axes; None for None."""
    if sample_weight is None:
        return None
    weights = ops.cast(sample_weight, values.dtype)
    if len(weights.shape) > len(values.shape):
        weights = ops.squeeze(weights, axis=-1)
    for _ in range(len(values.shape) - len(weights.shape)):
        weights = weights[..., None]
    return ops.broadcast_to(weights, ops.shape(values))


class _MeanOverExamples(keras.metrics.Mean):
    """The weighted mean of a value per example."""

    def __init__(self, from_logits=False, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.from_logits = bool(from_logits)

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = self._values(y_true, y_pred)
        super().update_state(values, _weights_of(values, sample_weight))

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}


@keras.saving.register_keras_serializable(package="keras_hparam")
class BrierScore(_MeanOverExamples):
    """Mean of Σ_c (p_c − y_c)², from 0 (right and certain) to 2 (wrong and certain).

    Args:
        from_logits: bool, whether predictions are logits instead of probabilities.
        name: str.
        dtype: of the computation; None for Keras' float type.

    Raises:
        InvalidArgumentError: on an update, if the shapes of labels and predictions do not fit.

    Source: Brier 1950, "Verification of forecasts expressed in terms of probability", equation 2. (Keras' mean squared
    error of the same numbers is C times smaller.)

    Example:

    ```python
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[BrierScore()])
    ```
    """

    def __init__(self, from_logits=False, name="brier_score", dtype=None):
        super().__init__(from_logits, name, dtype)

    def _values(self, y_true, y_pred):
        y_pred = calibration.with_all_classes(ops.cast(y_pred, self.dtype), self.from_logits)
        return calibration.brier_score(y_true, ops.softmax(y_pred, axis=-1) if self.from_logits else y_pred)


@keras.saving.register_keras_serializable(package="keras_hparam")
class NegativeLogLikelihood(_MeanOverExamples):
    """Mean of −log p(label), in nats.

    A probability that underflowed to 0 counts as the smallest float32 (87 nats), where Keras' cross entropies count
    1e-7 (16 nats).

    Args:
        from_logits: bool, whether predictions are logits instead of probabilities.
        gaussian: bool, whether predictions [n, 2D] are means and then log-variances of targets [n, D]; the likelihood
            is that of all D targets.
        name: str.
        dtype: of the computation; None for Keras' float type.

    Raises:
        InvalidArgumentError: if both are asked for; on an update, if the shapes of labels and predictions do not fit.

    Example:

    ```python
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[NegativeLogLikelihood()])
    ```
    """

    def __init__(self, from_logits=False, gaussian=False, name="negative_log_likelihood", dtype=None):
        super().__init__(from_logits, name, dtype)
        if from_logits and gaussian:
            raise errors.InvalidArgumentError("Expected `from_logits` or `gaussian`. Received: both.")
        self.gaussian = bool(gaussian)

    def _values(self, y_true, y_pred):
        if self.gaussian:
            return gaussian_losses(ops.cast(y_true, self.dtype), ops.cast(y_pred, self.dtype))
        y_pred = calibration.with_all_classes(ops.cast(y_pred, self.dtype), self.from_logits)
        return calibration.negative_log_likelihood(y_true, y_pred, self.from_logits)

    def get_config(self):
        return {**super().get_config(), "gaussian": self.gaussian}


@keras.saving.register_keras_serializable(package="keras_hparam")
class Disagreement(_MeanOverExamples):
    """Mean share of the pairs of members whose most probable classes differ, from 0 to 1. Labels are not looked at.

    Predictions are those of K > 1 members, [n, K, C]: examples first, as everywhere in Keras. (`predict_members` of an
    ensemble has the members first.) [n, K, 1] are of one event.

    Args:
        from_logits: bool, whether predictions of one event are logits; of classes it makes no difference.
        name: str.
        dtype: of the result; None for Keras' float type.

    Raises:
        InvalidArgumentError: on an update, if predictions are not [n, K, C] with K > 1.

    Source: Fort et al. 2019, arXiv 1912.02757, section 4.2.

    Example:
        >>> metric = Disagreement()
        >>> metric.update_state(None, [[[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]])
        >>> float(metric.result())
        0.6666667
    """

    def __init__(self, from_logits=False, name="disagreement", dtype=None):
        super().__init__(from_logits, name, dtype)

    def _values(self, y_true, y_pred):
        y_pred = ops.convert_to_tensor(y_pred)
        members = calibration.with_all_classes(ops.cast(y_pred, self.dtype), self.from_logits)
        if len(members.shape) != 3 or members.shape[1] < 2:
            raise errors.InvalidArgumentError(
                f"Expected `y_pred` [n, K, C] of K > 1 members. Received: shape {tuple(y_pred.shape)}."
            )
        return calibration.disagreement(ops.swapaxes(members, 0, 1))


@keras.saving.register_keras_serializable(package="keras_hparam")
class ExpectedCalibrationError(keras.metrics.Metric):
    """How far confidence is from accuracy: Σ_b (n_b / n) |accuracy_b − confidence_b|, from 0 to 1.

    Examples are put into bins of equal width by their confidence, the probability of the most probable class; an edge
    belongs to the bin below it. The sums of every bin are kept, so that the result does not depend on the batches.

    Args:
        num_bins: int >= 1.
        from_logits: bool, whether predictions are logits instead of probabilities.
        name: str.
        dtype: of the computation; None for Keras' float type.

    Raises:
        InvalidArgumentError: if `num_bins` is none; on an update, if the shapes of labels and predictions do not fit.

    Source: Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning"; Guo et al. 2017,
    arXiv 1706.04599, equation 3.

    Example:

    ```python
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[ExpectedCalibrationError()])
    ```
    """

    def __init__(self, num_bins=15, from_logits=False, name="expected_calibration_error", dtype=None):
        if isinstance(num_bins, bool) or not isinstance(num_bins, int) or num_bins < 1:
            raise errors.InvalidArgumentError(f"Expected `num_bins` to be an int >= 1. Received: {num_bins!r}.")
        super().__init__(name=name, dtype=dtype)
        self.num_bins, self.from_logits = num_bins, bool(from_logits)
        names = ("weights", "accuracy", "confidence")
        self._sums = [self.add_variable((num_bins,), "zeros", dtype=self.dtype, name=name) for name in names]

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = calibration.with_all_classes(ops.cast(y_pred, self.dtype), self.from_logits)
        probabilities = ops.softmax(y_pred, axis=-1) if self.from_logits else y_pred
        weights = _weights_of(probabilities[..., 0], sample_weight)
        updates = calibration.calibration_sums(y_true, probabilities, self.num_bins, weights)
        for total, update in zip(self._sums, updates, strict=True):
            total.assign_add(update)

    def result(self):
        return calibration.calibration_error(*self._sums)

    def get_config(self):
        return {**super().get_config(), "num_bins": self.num_bins, "from_logits": self.from_logits}
