"""A callback that lets the fallback of a learned optimizer take over when progress ends."""

import keras

from keras_hparam import errors
from keras_hparam.learned_optimizers.optimizer import LearnedOptimizer


class HandOverOnPlateau(keras.callbacks.Callback):
    """Calls `hand_over` of the model's `LearnedOptimizer` once a monitored value has not improved for some epochs.

    Args:
        monitor: name of a value in the logs of an epoch that training makes smaller, such as "loss" or "val_loss".
        patience: int ≥ 1, epochs without improvement.
        min_delta: float ≥ 0; less is no improvement.

    Raises:
        InvalidArgumentError: for patience or min_delta out of their ranges; in `fit`, if the model's optimizer is no
            LearnedOptimizer with a fallback, or the logs lack the value.

    Example:

    ```python
    model.compile(kh.optimizers.LearnedOptimizer(fallback="sgd"), loss="mse")
    model.fit(x, y, epochs=50, callbacks=[kh.callbacks.HandOverOnPlateau(patience=3)])
    ```
    """

    def __init__(self, monitor="loss", patience=5, min_delta=0.0):
        super().__init__()
        if not isinstance(patience, int) or isinstance(patience, bool) or patience < 1:
            raise errors.InvalidArgumentError(f"Expected `patience` to be an integer ≥ 1. Received: {patience!r}.")
        if not isinstance(min_delta, int | float) or not min_delta >= 0:
            raise errors.InvalidArgumentError(f"Expected `min_delta` to be a number ≥ 0. Received: {min_delta!r}.")
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta

    def on_train_begin(self, logs=None):
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
        if not isinstance(optimizer, LearnedOptimizer) or optimizer.fallback is None:
            raise errors.InvalidArgumentError(
                f"Expected the model's `optimizer` to be a LearnedOptimizer with a fallback. Received: {optimizer!r}."
            )
        self._optimizer, self._best, self._waited = optimizer, float("inf"), 0

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in (logs or {}):
            raise errors.InvalidArgumentError(
                f"Expected `monitor` to be one of the logs {sorted(logs or {})}. Received: {self.monitor!r}."
            )
        value = float(logs[self.monitor])
        improved = value < self._best - self.min_delta
        self._best, self._waited = (value, 0) if improved else (self._best, self._waited + 1)
        if self._waited >= self.patience:
            self._optimizer.hand_over()
