"""The job that `tune.py` tunes: a convolutional network on scikit-learn's handwritten digits.

Axes: N images of 8 x 8 grey values in [0, 1] and one channel, [N, 8, 8, 1]; labels are ints [N] in 0..9.
"""

import typing

import keras
import keras_tuner
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

BATCH_SIZES = (16, 32, 64, 128)
MAX_DEPTH = 3
SHADES = " .:-=+*#%@"


class Data(typing.NamedTuple):
    """Images and labels of the three parts."""

    train: tuple
    validation: tuple
    test: tuple


def load(train_size, validation_size, seed):
    """The digits in three parts with equal shares of each class, the same for the same seed; the rest is the test."""
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("float32") / 16
    train, rest, train_labels, rest_labels = train_test_split(
        images, labels, train_size=train_size, random_state=seed, stratify=labels
    )
    validation, test, validation_labels, test_labels = train_test_split(
        rest, rest_labels, train_size=validation_size, random_state=seed, stratify=rest_labels
    )
    return Data((train, train_labels), (validation, validation_labels), (test, test_labels))


class DigitsHyperModel(keras_tuner.HyperModel):
    """A small convolutional network: the optimizer, the shape, the regularisation and the batch size are tuned.

    Args:
        seed: int, for the initial weights, dropout and the order of the batches.
    """

    def __init__(self, seed):
        super().__init__(name="digits")
        self.seed = seed

    def build(self, hp):
        """A compiled model [N, 8, 8, 1] -> class probabilities [N, 10]."""
        keras.utils.set_random_seed(self.seed)
        hp.Choice("batch_size", list(BATCH_SIZES))  # declared with the others, used by `fit`
        optimizer = _optimizer(hp)
        model = keras.Sequential([keras.Input((8, 8, 1))])
        for layer, width in enumerate(_widths(hp), start=1):
            model.add(keras.layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv_{layer}"))
            if layer < MAX_DEPTH:
                model.add(keras.layers.MaxPooling2D(name=f"pool_{layer}"))
        model.add(keras.layers.Flatten(name="flatten"))
        model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6), name="dropout"))
        model.add(keras.layers.Dense(10, activation="softmax", name="classes"))
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
        model.optimizer.build(model.trainable_variables)  # so that a checkpoint restores its state too
        return model

    def fit(self, hp, model, data, **kwargs):
        """Trains on `data` (images, labels) in batches of the size that is tuned.

        Every batch is whole, so that under a distribution strategy every replica gets an equal share of it.
        """
        dataset = tf.data.Dataset.from_tensor_slices(data)
        dataset = dataset.cache().shuffle(len(data[0]), seed=self.seed)
        dataset = dataset.batch(hp.get("batch_size"), drop_remainder=True).prefetch(tf.data.AUTOTUNE)
        if "validation_data" in kwargs:
            kwargs["validation_data"] = tf.data.Dataset.from_tensor_slices(kwargs["validation_data"]).batch(256)
        return model.fit(dataset, shuffle=False, **kwargs)  # the dataset shuffles itself


def _optimizer(hp):
    """The tuned optimizer; momentum exists for sgd alone."""
    name = hp.Choice("optimizer", ["sgd", "adam", "rmsprop"])
    shared = {
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-1, sampling="log"),
        "weight_decay": hp.Float("weight_decay", 1e-5, 1e-1, sampling="log"),
    }
    with hp.conditional_scope("optimizer", ["sgd"]):
        momentum = hp.Float("momentum", 0.0, 0.99)
    if name == "sgd":
        return keras.optimizers.SGD(momentum=momentum, **shared)
    return {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[name](**shared)


def _widths(hp):
    """Filters of each layer; those of the second and the third exist where the network is that deep."""
    depth = hp.Int("depth", 1, MAX_DEPTH)
    widths = [hp.Int("filters_1", 8, 64, step=8)]
    for layer in range(2, MAX_DEPTH + 1):
        with hp.conditional_scope("depth", list(range(layer, MAX_DEPTH + 1))):
            widths.append(hp.Int(f"filters_{layer}", 8, 64, step=8))
    return widths[:depth]


def show_predictions(model, images, labels):
    """Text of the images drawn in characters, side by side, over the predicted label, its probability and the truth.

    Args:
        model: a model [N, 8, 8, 1] -> [N, 10].
        images: float array [N, 8, 8, 1] in [0, 1].
        labels: int array [N].
    """
    probabilities = model.predict(images, verbose=0)
    levels = np.rint(images[..., 0] * (len(SHADES) - 1)).astype(int)  # [N, 8, 8]
    lines = []
    for row in range(8):
        lines.append("    ".join("".join(SHADES[level] * 2 for level in image[row]) for image in levels))
    captions = [f"{p.argmax()} ({p.max():.1%}), is {label}" for p, label in zip(probabilities, labels, strict=True)]
    lines.append("    ".join(f"{caption:<16}" for caption in captions))
    return "\n".join(line.rstrip() for line in lines)
