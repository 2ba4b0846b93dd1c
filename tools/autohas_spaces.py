"""Search spaces of `search_autohas.py`: build functions for images and for tables.

Axes: images [n, height, width, 1] with one-hot labels; tables [n, features] with targets [n, 1].
"""

import keras
from keras import layers

from keras_hparam import autohas

RATES = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
DECAYS = [0.0, 1e-4, 1e-3]
_NUMBERS = ("dropout", "learning_rate", "weight_decay", "label_smoothing", "mixup")
DEFAULT = {  # what one would begin with
    "block0": "conv3", "block1": "conv3", "units": 64, "dropout": 0.0, "optimizer": "adam", "learning_rate": 1e-3,
    "weight_decay": 0.0, "augmentation": "none", "label_smoothing": 0.0, "mixup": 0.0,
}  # fmt: skip


def images(shape, classes, decay_steps, fixed=False, normalize=None):
    """A build function: two blocks of one operation each, a dense layer of three widths, eight hyperparameters.

    Args:
        shape: (height, width, channels) of an image; above 16 pixels the first layer has strides.
        classes: int.
        decay_steps: int, steps of a training.
        normalize: None for operations with batch normalization; else they have none, and this is said to `choice`.
        fixed: bool, whether only the architecture is chosen, and hyperparameters are those of `DEFAULT`.
    """

    def build(hp):
        augmentation = {"none": None, "shift": layers.RandomTranslation(0.1, 0.1)}  # of this model: it draws
        chosen = {
            "dropout": [0.0, 0.2, 0.5], "learning_rate": RATES, "weight_decay": DECAYS, "label_smoothing": [0.0, 0.1],
            "mixup": [0.0, 0.2], "augmentation": augmentation,
        } if not fixed else {name: [DEFAULT[name]] for name in _NUMBERS}  # fmt: skip
        optimizers = ["adam"] if fixed else [keras.optimizers.SGD(momentum=0.9), "adam", "rmsprop"]
        inputs = keras.Input(shape)
        x = layers.Conv2D(16, 3, strides=2 if shape[0] > 16 else 1, padding="same", activation="relu")(inputs)
        for block, filters in enumerate((16, 32)):
            operations = _operations(filters, is_normalized=normalize is None)
            x = autohas.choice(hp, f"block{block}", operations, normalize=bool(normalize))(x)
            x = layers.MaxPooling2D()(x)
        x = layers.GlobalAveragePooling2D()(x)
        x = autohas.width(hp, "units", [32, 64, 128], lambda units: layers.Dense(units, activation="relu"))(x)
        x = autohas.dropout(hp, "dropout", chosen["dropout"])(x)
        model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
        options = {name: given for name, given in chosen.items() if name != "dropout"}
        return autohas.compile(
            model, hp, optimizer=optimizers, loss="categorical_crossentropy", decay_steps=decay_steps,
            metrics=["accuracy"], **options,
        )  # fmt: skip

    return build


def _operations(filters, is_normalized):
    def block(layer):
        normalization = [layers.BatchNormalization(momentum=0.9)] if is_normalized else []
        return keras.Sequential([layer, *normalization, layers.ReLU()])

    return {
        "conv3": block(layers.Conv2D(filters, 3, padding="same")),
        "conv5": block(layers.Conv2D(filters, 5, padding="same")),
        "separable5": block(layers.SeparableConv2D(filters, 5, padding="same")),
        "skip": None,
    }


def tables(features, decay_steps):
    """A build function: up to three dense layers, each of three widths, their activations, six hyperparameters.

    Args:
        features: int.
        decay_steps: int, steps of a training.
    """

    def build(hp):
        x = inputs = keras.Input((features,))
        for depth in range(2):
            x = autohas.width(hp, f"units{depth}", [16, 64, 256], layers.Dense)(x)
            activations = {name: layers.Activation(name) for name in ("relu", "tanh", "swish")}
            x = autohas.choice(hp, f"activation{depth}", activations)(x)
        hidden = layers.Dense(x.shape[-1], activation="relu")
        x = autohas.choice(hp, "third", {"dense": hidden, "skip": None})(x)
        x = autohas.dropout(hp, "dropout", [0.0, 0.1, 0.3])(x)
        model = keras.Model(inputs, layers.Dense(1)(x))
        return autohas.compile(
            model, hp, optimizer=[keras.optimizers.SGD(momentum=0.9), "adam", "rmsprop"], learning_rate=RATES,
            weight_decay=DECAYS, loss=["mean_squared_error", "huber", "mean_absolute_error"], mixup=[0.0, 0.2],
            decay_steps=decay_steps, metrics=["mean_squared_error"],
        )  # fmt: skip

    return build
