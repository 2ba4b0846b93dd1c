"""Models that train within a second, with the search spaces that their users would write.

A family builds an estimator with scikit-learn's `fit(x, y)` and `predict(x)` from values by name. scikit-learn and
Keras are imported when one is built.

Axes: N examples, F features.
"""

import dataclasses
import importlib
from collections.abc import Callable

import numpy as np

from keras_hparam.spaces import Condition, Parameter


@dataclasses.dataclass(frozen=True)
class Family:
    """One kind of model.

    Args:
        parameters: tuple of `Parameter`s; their defaults hold where a study does not tune them.
        build: (values, regression, seed) to an estimator.
        regression: whether it can also predict numbers.
    """

    parameters: tuple
    build: Callable
    regression: bool = True


def _float(name, low, high, scale="linear", default=None, conditions=()):
    return Parameter(name, "float", low, high, scale=scale, default=default, conditions=conditions)


def _int(name, low, high, scale="linear", default=None, conditions=()):
    return Parameter(name, "int", low, high, scale=scale, default=default, conditions=conditions)


def _choice(name, values, ordered=False, default=None):
    return Parameter(name, "choice", values=values, ordered=ordered, default=default)


def _estimator(module, classifier, regressor, fixed=None, rename=None):
    """A builder of one of two classes of scikit-learn, which take the values as arguments."""

    def build(values, regression, seed):
        estimator = getattr(importlib.import_module(f"sklearn.{module}"), regressor if regression else classifier)
        arguments = {**(fixed or {}), **(rename(values) if rename else values)}
        if "random_state" in estimator().get_params():
            arguments["random_state"] = seed
        return estimator(**arguments)

    return build


def _mlp_arguments(values):
    values = dict(values)
    layers, units = values.pop("num_layers"), values.pop("units")
    return {**values, "hidden_layer_sizes": (units,) * layers}


class KerasClassifier:
    """A network of dense layers that `keras.Model.fit` trains.

    Args:
        values: dict with num_layers, units, activation, dropout, optimizer, learning_rate, batch_size.
        seed: of the weights and the order of the examples.
        epochs: of training.
    """

    def __init__(self, values, seed, epochs=8):
        self._values, self._seed, self._epochs = values, seed, epochs

    def fit(self, x, y):
        """Trains on features [N, F] and labels int [N]."""
        import keras

        values = self._values
        keras.utils.clear_session()  # the models of earlier trials
        keras.utils.set_random_seed(self._seed)
        hidden = []
        for _ in range(values["num_layers"]):
            hidden += [keras.layers.Dense(values["units"], activation=values["activation"])]
            hidden += [keras.layers.Dropout(values["dropout"])] if values["dropout"] else []
        outputs = keras.layers.Dense(int(y.max()) + 1)
        self._model = keras.Sequential([keras.layers.Input(x.shape[1:]), *hidden, outputs])
        optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
        self._model.compile(
            optimizer[values["optimizer"]](values["learning_rate"]),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        self._model.fit(x, y, batch_size=values["batch_size"], epochs=self._epochs, verbose=0)
        return self

    def predict(self, x):
        """Labels [N] of features [N, F]; NaN where the training diverged."""
        import keras

        logits = keras.ops.convert_to_numpy(self._model(x, training=False))
        return np.where(np.isfinite(logits).all(axis=1), logits.argmax(axis=1), np.nan)


_POLY = (Condition("kernel", ("poly",)),)
_CURVED = (Condition("kernel", ("rbf", "poly", "sigmoid")),)
_RATES = (Condition("learning_rate", ("constant", "invscaling", "adaptive")),)
_ELASTIC = (Condition("penalty", ("elasticnet",)),)
_RELU_TANH = ("relu", "tanh")

FAMILIES = {
    "sgd": Family(
        (
            _choice("penalty", ("l2", "l1", "elasticnet")),
            _float("alpha", 1e-7, 1.0, "log", 1e-4),
            _float("l1_ratio", 0.0, 1.0, default=0.15, conditions=_ELASTIC),
            _choice("learning_rate", ("constant", "optimal", "invscaling", "adaptive"), default="optimal"),
            _float("eta0", 1e-5, 10.0, "log", 0.01, _RATES),
            _int("max_iter", 1, 50, "log", 20),
            Parameter("average", "boolean"),
        ),
        _estimator("linear_model", "SGDClassifier", "SGDRegressor", {"tol": None}),
    ),
    "mlp": Family(
        (
            _int("num_layers", 1, 3),
            _int("units", 2, 128, "log", 32),
            _choice("activation", (*_RELU_TANH, "logistic", "identity")),
            _choice("solver", ("adam", "sgd")),
            _float("learning_rate_init", 1e-5, 1.0, "log", 1e-3),
            _float("alpha", 1e-7, 10.0, "log", 1e-4),
            _choice("batch_size", (16, 32, 64, 128), ordered=True, default=32),
            _int("max_iter", 2, 30, default=15),
        ),
        _estimator("neural_network", "MLPClassifier", "MLPRegressor", rename=_mlp_arguments),
    ),
    "svm": Family(
        (
            _float("C", 1e-4, 1e4, "log", 1.0),
            _choice("kernel", ("rbf", "linear", "poly", "sigmoid")),
            _float("gamma", 1e-6, 10.0, "log", 0.01, _CURVED),
            _int("degree", 2, 5, default=3, conditions=_POLY),
            _float("coef0", -1.0, 1.0, default=0.0, conditions=_POLY),
        ),
        _estimator("svm", "SVC", "SVR", {"max_iter": 20_000}),
    ),
    "random forest": Family(
        (
            _int("n_estimators", 2, 80, "log", 30),
            _int("max_depth", 1, 20, default=20),
            _int("min_samples_leaf", 1, 40, "log", 1),
            _float("max_features", 0.05, 1.0, default=0.5),
            Parameter("bootstrap", "boolean", default=True),
        ),
        _estimator("ensemble", "RandomForestClassifier", "RandomForestRegressor"),
    ),
    "gradient boosting": Family(
        (
            _float("learning_rate", 1e-3, 3.0, "log", 0.1),
            _int("n_estimators", 2, 40, "log", 20),
            _int("max_depth", 1, 6, default=3),
            _float("subsample", 0.2, 1.0, default=1.0),
            _int("min_samples_leaf", 1, 40, "log", 1),
            _float("max_features", 0.05, 1.0, default=0.5),
        ),
        _estimator("ensemble", "GradientBoostingClassifier", "GradientBoostingRegressor"),
    ),
    "ridge": Family(
        (_float("alpha", 1e-6, 1e5, "log", 1.0), Parameter("fit_intercept", "boolean", default=True)),
        _estimator("linear_model", "RidgeClassifier", "Ridge"),
    ),
    "knn": Family(
        (
            _int("n_neighbors", 1, 100, "log", 5),
            _choice("weights", ("uniform", "distance")),
            _float("p", 1.0, 5.0, default=2.0),
        ),
        _estimator("neighbors", "KNeighborsClassifier", "KNeighborsRegressor"),
    ),
    "keras mlp": Family(
        (
            _int("num_layers", 0, 3, default=1),
            _int("units", 4, 128, "log", 32),
            _choice("activation", (*_RELU_TANH, "gelu")),
            _float("dropout", 0.0, 0.7, default=0.0),
            _choice("optimizer", ("adam", "sgd", "rmsprop")),
            _float("learning_rate", 1e-5, 1.0, "log", 1e-3),
            _choice("batch_size", (16, 32, 64, 128), ordered=True, default=32),
        ),
        lambda values, regression, seed: KerasClassifier(values, seed),
        regression=False,
    ),
}
