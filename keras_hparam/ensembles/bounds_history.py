"""Callbacks of a hyper-batch ensemble's `fit`: the course of the bounds, and the end of a training that diverged."""

import logging
import math
import pathlib

import keras

_LOGGER = logging.getLogger(__name__)


class BoundsHistory(keras.callbacks.Callback):
    """The bounds of each member's hyperparameters after each epoch; `fit` adds one by itself.

    Args:
        log_dir: a directory for TensorBoard scalars, or None.

    Raises:
        OSError: in `fit`, if the directory cannot be written.

    Attributes:
        history: dict from "<hyperparameter>/member_<k>/lower" and ".../upper" to a list with one number per epoch.

    Example:
        >>> ensemble.fit(x, y, callbacks=[kh.callbacks.BoundsHistory(log_dir="logs/bounds")])
    """

    def __init__(self, log_dir=None):
        super().__init__()
        self.log_dir = None if log_dir is None else pathlib.Path(log_dir)
        self.history = {}

    def on_train_begin(self, logs=None):
        self.history, self._writer = {}, None

    def on_epoch_end(self, epoch, logs=None):
        if getattr(self.model, "bounds", None) is None:
            return
        now = named_bounds(self.model)
        for name, value in now.items():
            self.history.setdefault(name, []).append(value)
        if self.log_dir is not None:
            self._write(epoch, now)

    def _write(self, epoch, now):
        import tensorflow as tf

        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.log_dir))
        with self._writer.as_default():
            for name, value in now.items():
                tf.summary.scalar(name, value, step=epoch)
        self._writer.flush()


def named_bounds(model):
    """The bounds of a `HyperBatchEnsemble` as a dict with the names of `BoundsHistory`; {} where it varies nothing."""
    sides = {} if model.bounds is None else dict(zip(("lower", "upper"), model.bounds.values(), strict=True))
    return {
        f"{column.name}/member_{member}/{side}": float(value)
        for side, bounds in sides.items()
        for member, values in enumerate(bounds)
        for column, value in zip(model.columns, values, strict=True)
    }


class StopOnDivergence(keras.callbacks.Callback):
    """Stops a training whose loss is no longer finite, at the end of the epoch, and says so."""

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(float(loss)):
            _LOGGER.error(
                "Training stops after epoch %d: the loss is %s. Use a smaller learning rate, clip the gradients "
                "(`clipnorm`), or lower the upper limits of the hyperparameters.", epoch + 1, loss,
            )  # fmt: skip
            self.model.stop_training = True
