"""A small search of small networks, and a hypermodel that counts what it trains."""

import keras
import keras_tuner as kt
import numpy as np

from keras_hparam.ensembles.hyper_deep import HyperDeepEnsemble

INPUTS, CLASSES, EXAMPLES = 4, 3, 60


def data():
    """((x, y), (x, y)): training and validation data of three classes that overlap."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=2 * EXAMPLES)
    x = (np.eye(CLASSES, INPUTS)[labels] * 2 + rng.standard_normal((2 * EXAMPLES, INPUTS))).astype("float32")
    return (x[:EXAMPLES], labels[:EXAMPLES]), (x[EXAMPLES:], labels[EXAMPLES:])


class CountingHyperModel(kt.HyperModel):
    """Networks with dropout whose training is counted, and can be killed or made to fail.

    Attributes:
        trained: list of the values of the hyperparameters, one entry for each training.
        fail_at: the training, counted from 1, that raises an error after it; None for none.
        spoiled: learning rates whose networks get weights that are NaN.
        eager: whether networks run without compilation, which takes longer than their training.
    """

    def __init__(self):
        super().__init__()
        self.trained, self.fail_at, self.spoiled, self.eager = [], None, (), True

    def build(self, hp):
        units, rate = hp.Choice("units", [2, 3, 4, 5]), hp.Choice("rate", [0.01, 0.1])
        layers = [keras.Input((INPUTS,)), keras.layers.Dense(units, "tanh"), keras.layers.Dropout(0.2)]
        model = keras.Sequential([*layers, keras.layers.Dense(CLASSES)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"], run_eagerly=self.eager)
        return model

    def fit(self, hp, model, *args, **kwargs):
        self.trained.append(dict(hp.values))
        number = len(self.trained)
        history = model.fit(*args, **kwargs)
        if hp.get("rate") in self.spoiled:
            model.layers[-1].bias.assign([np.nan] * CLASSES)
        if number == self.fail_at:
            raise RuntimeError("killed")
        return history


def searched(directory, max_trials=4):
    """A random search that is over, its hypermodel's count at 0 again."""
    (x, y), validation = data()
    tuner = kt.RandomSearch(
        CountingHyperModel(), "val_loss", max_trials=max_trials, seed=1, directory=str(directory), project_name="p"
    )
    tuner.search(x, y, validation_data=validation, epochs=1, verbose=0)
    tuner.hypermodel.trained.clear()
    return tuner


def ensemble_of(tuner, ensemble_size=2, **arguments):
    """A small ensemble from the search."""
    (x, y), validation = data()
    arguments = {"epochs": 1, "num_settings": 2, "num_initializations": 2, **arguments}
    return HyperDeepEnsemble.from_tuner(tuner, ensemble_size, x, y, validation, **arguments)
