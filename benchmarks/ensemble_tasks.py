"""What the ensembles are compared on: a data set, a network, ranges of hyperparameters and an effort.

Axes: n examples. Classifiers give logits [n, C] and learn one-hot labels [n, C]; regressions give the mean and the
log-variance [n, 2] of a Gaussian and learn standardised targets [n, 1].
"""

import dataclasses

import keras

from keras_hparam import metrics
from keras_hparam.ensembles.losses import GaussianNegativeLogLikelihood
from tools import ensemble_data, ensemble_networks

L2 = (1e-7, 1e-2)
DROPOUT = (0.01, 0.5)
LABEL_SMOOTHING = (1e-3, 0.2)


@dataclasses.dataclass(frozen=True)
class Task:
    """One row of the comparison.

    Attributes:
        name, data, network: the row; a data set of `ensemble_data` and a network of `ensemble_networks`.
        train_size, validation_size: examples; 0 for the data set's own. Validation data end trainings, choose among
            them, and tune the bounds of hyper-batch ensembles; the test data are for the table alone.
        batch_size: examples of a step.
        learning_rates: (low, high) of the search.
        epochs, patience: a training ends after `epochs`, or `patience` of them without a better validation NLL, and
            keeps the best weights.
        shared_factor: epochs and patience of (hyper-)batch ensembles, relative to those of one network.
        shared_trials: the settings of so many of the best trials are tried for (hyper-)batch ensembles.
        tuning_learning_rate: of the bounds of a hyper-batch ensemble.
        trials: of the random search.
        initializations: of each of K settings in the pool of the hyper-deep ensemble; the search trained the first.
        dropout_samples: passes of MC dropout.
    """

    name: str
    data: str
    network: str
    train_size: int = 0
    validation_size: int = 0
    batch_size: int = 128
    learning_rates: tuple = (3e-4, 1e-2)
    epochs: int = 25
    patience: int = 5
    shared_factor: float = 1.5
    shared_trials: int = 2
    tuning_learning_rate: float = 1e-2
    trials: int = 12
    initializations: int = 3
    dropout_samples: int = 30

    @property
    def is_regression(self):
        return ensemble_data.is_regression(self.data)

    def describe(self):
        """One line for the table."""
        sizes = f"{self.train_size} + {self.validation_size} examples" if self.train_size else "64% + 16% of the rows"
        return (
            f"{self.data}, {self.network}; {sizes} to train and validate, {self.epochs} epochs at most "
            f"(x {self.shared_factor} where weights are shared), random search of {self.trials} trials"
        )


def _uci(name):
    return Task(
        name, f"uci_{name}", "table_mlp", batch_size=64, learning_rates=(1e-3, 3e-2), epochs=80, patience=10
    )


TASKS = {
    task.name: task
    for task in (
        Task("fashion_lenet", "fashion_mnist", "lenet", 4000, 1000, batch_size=64, shared_trials=1),
        Task("fashion_mlp", "fashion_mnist", "mlp", 8000, 2000),
        *(_uci(name) for name in ensemble_data.UCI),
    )
}


def load(task, data_dir, seed):
    """The task's `Data`; the seed draws the subset, or the split."""
    return ensemble_data.load(task.data, data_dir, seed, task.train_size, task.validation_size)


def ranges(task):
    """(low, high) of every hyperparameter of one network, all log-uniform, by name."""
    found = {"learning_rate": task.learning_rates, "dropout": DROPOUT}
    found |= {f"l2_{layer}": L2 for layer in ensemble_networks.L2_LAYERS[task.network]}
    return found if task.is_regression else found | {"label_smoothing": LABEL_SMOOTHING}


def build(task, data, settings):
    """A compiled network.

    Args:
        task, data: `Task`, `Data`.
        settings: dict with a number for each of `ranges(task)`.
    """
    layers = ensemble_networks.L2_LAYERS[task.network]
    num_outputs = 2 if task.is_regression else data.train[1].shape[-1]
    model = ensemble_networks.build(
        task.network, data.train[0].shape[1:], num_outputs,
        l2={layer: settings[f"l2_{layer}"] for layer in layers}, dropout=settings["dropout"],
    )  # fmt: skip
    model.compile(**compile_arguments(task, settings["learning_rate"], settings.get("label_smoothing", 0.0)))
    return model


def compile_arguments(task, learning_rate, label_smoothing=0.0):
    """Optimizer, loss and the metric "nll", which knows neither label smoothing nor L2."""
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    if task.is_regression:
        loss = GaussianNegativeLogLikelihood()
    form = {"gaussian": True} if task.is_regression else {"from_logits": True}
    metric = metrics.NegativeLogLikelihood(name="nll", **form)
    return {"optimizer": keras.optimizers.Adam(learning_rate), "loss": loss, "metrics": [metric]}


def fit_arguments(task, data, factor=1.0):
    """Arguments of `fit` that every training shares; `factor` stretches epochs and patience."""
    stop = keras.callbacks.EarlyStopping(
        "val_nll", mode="min", patience=round(factor * task.patience), restore_best_weights=True
    )
    return {
        "batch_size": task.batch_size, "epochs": round(factor * task.epochs), "validation_data": data.validation,
        "validation_batch_size": 1000, "callbacks": [stop], "verbose": 0,
    }  # fmt: skip
