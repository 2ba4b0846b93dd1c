"""Losses whose targets are smoothed: integer classes become vectors first.

Axes: n examples, C classes.
"""

import keras
from keras import ops

from keras_hparam import errors

_OF_VECTORS = {
    "sparse_categorical_crossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "CategoricalCrossentropy",
}


def smooth(targets, classes, smoothing):
    """(1 − ε) y + ε / C of classes int [n] or [n, 1], or of vectors [n, C]: float32 [n, C].

    Args:
        targets: int [n] or [n, 1], or float [n, C].
        classes: int, C.
        smoothing: float scalar in [0, 1], ε.

    Source: Szegedy et al. 2016, arXiv 1512.00567.
    """
    if len(targets.shape) == 2 and targets.shape[-1] == classes and classes > 1:
        vectors = ops.cast(targets, "float32")
    else:
        vectors = ops.one_hot(ops.reshape(ops.cast(targets, "int32"), (-1,)), classes, dtype="float32")
    return vectors * (1.0 - smoothing) + smoothing / classes


def of_vectors(loss):
    """The Keras loss that takes vectors of classes where the given one takes integers; any other loss as it is.

    Args:
        loss: name, function or instance that `keras.losses.get` takes.

    Returns:
        A function of (targets, outputs), or a `keras.losses.Loss`.
    """
    if isinstance(loss, keras.losses.Loss) and type(loss).__name__ in _OF_VECTORS:
        config = loss.get_config()
        kept = {key: config[key] for key in ("from_logits", "name") if key in config}
        return getattr(keras.losses, _OF_VECTORS[type(loss).__name__])(**kept)
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    return keras.losses.get(_OF_VECTORS.get(name, loss))


def smoothed(loss, label_smoothing):
    """The loss with smoothed targets: Keras' own where it smooths vectors of classes, else a `SmoothedLoss`.

    Without smoothing a loss of integer classes stays as it is; any other takes integers, too, as in a supernet.

    Args:
        loss: as of `of_vectors`.
        label_smoothing: float in [0, 1).
    """
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    if label_smoothing == 0 and (name in _OF_VECTORS or type(loss).__name__ in _OF_VECTORS):
        return loss
    if name in ("categorical_crossentropy", "CategoricalCrossentropy"):
        return keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
    if isinstance(loss, keras.losses.CategoricalCrossentropy):
        config = loss.get_config() | {"label_smoothing": label_smoothing}
        return keras.losses.CategoricalCrossentropy(**config)
    return SmoothedLoss(of_vectors(loss), label_smoothing)


def value(loss, targets, outputs):
    """The mean over examples of a loss of `keras.losses.get`: float32 scalar."""
    found = loss(targets, outputs)
    return ops.mean(ops.cast(found, "float32"))


def name_of(loss):
    """A name for a loss of a search space.

    Raises:
        InvalidArgumentError: for what `keras.losses.get` does not take.
    """
    try:
        found = keras.losses.get(loss)
    except (ValueError, TypeError) as error:
        raise errors.InvalidArgumentError(f"Expected `loss` to be losses of Keras. Received: {loss!r}.") from error
    return loss if isinstance(loss, str) else getattr(found, "name", None) or found.__name__


@keras.saving.register_keras_serializable(package="keras_hparam")
class SmoothedLoss(keras.losses.Loss):
    """A loss of vectors of classes on smoothed targets, for integer classes too.

    Args:
        loss: loss of Keras on vectors, such as "categorical_crossentropy".
        label_smoothing: float in [0, 1].

    Example:
        >>> SmoothedLoss("categorical_crossentropy", 0.1)(np.array([1]), np.array([[0.25, 0.75]]))
        0.3426
    """

    def __init__(self, loss, label_smoothing=0.0, name="smoothed_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss, self.label_smoothing = keras.losses.get(loss), label_smoothing

    def call(self, y_true, y_pred):
        one_by_one = getattr(self.loss, "call", self.loss)  # of an instance without its reduction
        return one_by_one(smooth(y_true, y_pred.shape[-1], self.label_smoothing), y_pred)

    def get_config(self):
        serialized = keras.losses.serialize(self.loss)
        return super().get_config() | {"loss": serialized, "label_smoothing": self.label_smoothing}

    @classmethod
    def from_config(cls, config):
        return cls(keras.losses.deserialize(config["loss"]), **{k: v for k, v in config.items() if k != "loss"})
