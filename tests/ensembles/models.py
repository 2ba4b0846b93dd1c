"""Small Keras models that the tests of hyper-batch ensembles convert."""

import keras
import numpy as np
from keras import layers

from keras_hparam import ensembles

K = 3
HYPERPARAMETERS = (
    ensembles.L2(1e-4, 1e-1),
    ensembles.DropoutRate(0.05, 0.6),
    ensembles.LabelSmoothing(1e-3, 0.3),
)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def mlp(dropout=True, outputs=3):
    middle = [layers.Dropout(0.2, name="dropout")] if dropout else []
    head = layers.Dense(outputs, name="head")
    return keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="tanh", name="hidden"), *middle, head])


def residual_network():
    """Functional, with a nested Sequential, a residual sum, BatchNormalization, an operation of keras.ops."""
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    block = keras.Sequential(
        [
            keras.Input((6, 6, 4)),
            layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
        ],
        name="block",
    )
    x = layers.Add()([x, block(x)])
    x = layers.Flatten()(layers.MaxPooling2D(2)(keras.ops.tanh(x)))
    return keras.Model(inputs, layers.Dense(3, name="head")(layers.Dropout(0.1, name="dropout")(x)))


def data(shape=(4,), size=24, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, *shape)).astype("float32")
    return x, (x.reshape(size, -1)[:, :2].sum(1) > 0).astype("int32")


def ensemble(model=None, hyperparameters=HYPERPARAMETERS, size=K, **kwargs):
    keras.utils.set_random_seed(1)
    return ensembles.HyperBatchEnsemble.from_model(model or mlp(), size, hyperparameters, **kwargs)


def compiled(model=None, hyperparameters=HYPERPARAMETERS, size=K, layers=None, layer_options=None, **kwargs):
    kwargs = {"optimizer": keras.optimizers.Adam(1e-2), "loss": LOSS, **kwargs}
    found = ensemble(model, hyperparameters, size, layers=layers, layer_options=layer_options)
    found.compile(**kwargs)
    return found
