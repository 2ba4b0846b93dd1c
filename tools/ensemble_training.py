"""What `train_ensemble.py` does: data, network, one of four kinds of ensembles, and what is left in the workdir.

Axes: K members, n examples.
"""

import pathlib
import shutil
import time

import _course
import _strategy
import ensemble_data
import ensemble_networks
import ensemble_outputs
import keras
import keras_tuner as kt
import tensorflow as tf

from keras_hparam import distribute, ensembles, errors, metrics
from keras_hparam.ensembles import HyperBatchEnsemble  # also registers the class for `load_model`

BACKUP = "backup"
SETTINGS = (
    "seed", "data", "train_size", "validation_size", "network", "method", "ensemble_size", "epochs", "batch_size",
    "learning_rate", "l2_range", "dropout_range", "label_smoothing_range", "l2", "dropout", "label_smoothing",
    "tuning_every", "tuning_learning_rate", "entropy_weight", "trials", "initializations",
)  # fmt: skip


def run(flags, strategy):
    """Trains, evaluates, saves.

    Args:
        flags: the program's flags.
        strategy: `tf.distribute.Strategy`.

    Raises:
        InvalidArgumentError: if the workdir holds another training, or the data are fewer than a batch.
    """
    workdir = pathlib.Path(flags.workdir)
    data = ensemble_data.load(flags.data, flags.data_dir, flags.seed, flags.train_size, flags.validation_size)
    if flags.batch_size > len(data.train[0]):
        raise errors.InvalidArgumentError(
            f"Expected --batch_size <= {len(data.train[0])}, the training examples. Received: {flags.batch_size}."
        )
    is_chief = distribute.is_chief(strategy)
    with _course.held(workdir, strategy):
        if is_chief:
            ensemble_outputs.check_workdir(workdir, {name: flags[name].value for name in SETTINGS}, flags.resume)
        training = Training(flags, strategy, data, workdir)
        started = time.perf_counter()
        methods = {"deep": training.deep, "hyper_deep": training.hyper_deep}
        model = methods.get(flags.method, training.shared)()
        if is_chief:
            ensemble_outputs.save_all(workdir, model, data, flags.batch_size, time.perf_counter() - started)
            shutil.rmtree(workdir / BACKUP, ignore_errors=True)
    _strategy.meet(strategy)


class Training:
    """The trainings of the program.

    Args:
        flags, strategy: as of `run`.
        data: `ensemble_data.Data`.
        workdir: pathlib.Path.
    """

    def __init__(self, flags, strategy, data, workdir):
        self.flags, self.strategy, self.data, self.workdir = flags, strategy, data, workdir
        self.is_regression = ensemble_data.is_regression(flags.data)
        self.ranges = {
            "l2": list(map(float, flags.l2_range)), "dropout": list(map(float, flags.dropout_range)),
            "label_smoothing": list(map(float, flags.label_smoothing_range)),
        }  # fmt: skip

    def network(self, l2=None, dropout=None):
        """A network that is not compiled; by default with the flags' L2 and dropout."""
        inputs, targets = self.data.train
        name = "table_mlp" if self.is_regression else self.flags.network
        return ensemble_networks.build(
            name, inputs.shape[1:], 2 * targets.shape[-1] if self.is_regression else targets.shape[-1],
            l2=self.flags.l2 if l2 is None else l2, dropout=self.flags.dropout if dropout is None else dropout,
        )  # fmt: skip

    def compile(self, model, learning_rate=None, label_smoothing=None, **kwargs):
        """Compiles with the likelihood as the loss, and metrics that know no smoothing."""
        if self.is_regression:
            loss = ensembles.GaussianNegativeLogLikelihood()
            shown = [metrics.NegativeLogLikelihood(gaussian=True, name="nll")]
        else:
            smoothing = self.flags.label_smoothing if label_smoothing is None else label_smoothing
            loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
            shown = [metrics.NegativeLogLikelihood(from_logits=True, name="nll"), "accuracy"]
        optimizer = keras.optimizers.Adam(learning_rate or self.flags.learning_rate)
        model.compile(optimizer, loss, metrics=shown, **kwargs)
        return model

    def fit(self, model, name):
        """Trains a compiled model; a training that was interrupted continues at its last epoch."""
        batches = tf.data.Dataset.from_tensor_slices(self.data.train).cache()
        batches = batches.shuffle(len(self.data.train[0]), seed=self.flags.seed)
        batches = batches.batch(self.flags.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
        validation = tf.data.Dataset.from_tensor_slices(self.data.validation).batch(self.flags.batch_size)
        callbacks = [
            keras.callbacks.BackupAndRestore(str(self.workdir / BACKUP / name), delete_checkpoint=False),
            *ensemble_outputs.logs(self.workdir, name),
        ]
        model.fit(
            batches, epochs=self.flags.epochs, verbose=0, validation_data=validation, callbacks=callbacks
        )  # fmt: skip
        return model

    def shared(self):
        """A hyper-batch or a batch ensemble."""
        path = self.workdir / ensemble_outputs.MODEL
        if path.exists():
            return keras.saving.load_model(path)
        keras.utils.set_random_seed(self.flags.seed)
        is_hyper = self.flags.method == "hyper_batch"
        with self.strategy.scope():
            model = HyperBatchEnsemble.from_model(
                self.network(**({"l2": 0.0} if is_hyper else {})), self.flags.ensemble_size,
                self._hyperparameters() if is_hyper else [], seed=self.flags.seed,
            )  # fmt: skip
            self.compile(model, label_smoothing=0.0 if is_hyper else None, **(self._tuning() if is_hyper else {}))
        tuning = {"tuning_data": self.data.validation} if is_hyper else {}
        batch_size, epochs, log = self.flags.batch_size, self.flags.epochs, None
        if distribute.is_chief(self.strategy):
            log = ensemble_outputs.EpochLog(self.workdir, model, self.data, batch_size, epochs)
        ensembles.train(  # the same on any strategy; Keras' fit does not run on several workers
            model, *self.data.train, epochs=epochs, batch_size=batch_size, directory=self.workdir / "checkpoints",
            save_every=len(self.data.train[0]) // batch_size, drop_remainder=True, strategy=self.strategy,
            seed=self.flags.seed, on_epoch=log, **tuning,
        )  # fmt: skip
        return model

    def _hyperparameters(self):
        found = [ensembles.L2(*self.ranges["l2"]), ensembles.DropoutRate(*self.ranges["dropout"])]
        smoothing = [] if self.is_regression else [ensembles.LabelSmoothing(*self.ranges["label_smoothing"])]
        return found + smoothing

    def _tuning(self):
        return {
            "tuning_every": self.flags.tuning_every, "entropy_weight": self.flags.entropy_weight,
            "tuning_optimizer": keras.optimizers.Adam(self.flags.tuning_learning_rate),
        }  # fmt: skip

    def deep(self):
        """A deep ensemble: the same settings from K initialisations."""
        members = []
        for index in range(self.flags.ensemble_size):
            path = self.workdir / "members" / f"member_{index}.keras"
            if not path.exists():
                keras.utils.set_random_seed(1000 * self.flags.seed + index)
                with self.strategy.scope():
                    model = self.compile(self.network())
                self.fit(model, f"member_{index}")
                ensemble_outputs.save_model(path, model)
            members.append(keras.saving.load_model(path))
        return ensembles.DeepEnsemble(members)

    def hyper_deep(self):
        """A hyper-deep ensemble after a random search over the flags' ranges, and learning rates around the flag's."""
        return ensembles.HyperDeepEnsemble.from_hypermodel(
            self._build, kt.Objective("val_nll", "min"), self.flags.trials, self.flags.ensemble_size, *self.data.train,
            validation_data=self.data.validation, num_initializations=self.flags.initializations, unique=True,
            directory=self.workdir / "search", strategy=self.strategy, seed=self.flags.seed,
            epochs=self.flags.epochs, batch_size=self.flags.batch_size, verbose=0,
        )  # fmt: skip

    def _build(self, hp):
        """The compiled network of a trial."""
        name = "table_mlp" if self.is_regression else self.flags.network
        layers = ensemble_networks.L2_LAYERS[name]
        l2 = {layer: hp.Float(f"l2_{layer}", *self.ranges["l2"], sampling="log") for layer in layers}
        dropout = hp.Float("dropout", *self.ranges["dropout"], sampling="log")
        rate = self.flags.learning_rate
        rate = hp.Float("learning_rate", rate / 3, rate * 3, sampling="log")
        smoothing = None
        if not self.is_regression:
            smoothing = hp.Float("label_smoothing", *self.ranges["label_smoothing"], sampling="log")
        return self.compile(self.network(l2, dropout), rate, smoothing)
