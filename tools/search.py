"""A KerasTuner search from beginning to end: its tuner, its run and the model that comes of it."""

import contextlib
import pathlib

import keras
import keras_tuner
import parallel_search
import tensorflow as tf
from digits import DigitsHyperModel, load, show_predictions
from search_progress import GOAL, METRIC, Observer, stopping

from keras_hparam import distribute, parallel


def run(config, tuner):
    """Searches, reports, retrains the best configuration and shows what it predicts.

    Args:
        config: the flags of `tune.py` as attributes.
        tuner: what `make_tuner` made of them.

    Raises:
        KerasHparamError: if no trial completes.
    """
    workdir = pathlib.Path(config.workdir)
    data = load(config.train_size, config.validation_size, config.seed)
    observer = Observer(tuner, workdir, config.max_trials, max(config.workers, 1))
    observer.search(data, config.epochs)
    observer.report()
    tuner.get_best_models(1)[0].save(workdir / "best_model.keras")
    retrain(tuner, tuner.oracle.get_best_trials(1)[0], data, workdir / "retrained_model.keras")


def work(config, tuner):
    """Runs the trials that a chief gives."""
    data = load(config.train_size, config.validation_size, config.seed)
    parallel.search(
        tuner, data.train, validation_data=data.validation, epochs=config.epochs, callbacks=[stopping()], verbose=0,
        settings=parallel_search.settings(),
    )  # fmt: skip


def make_tuner(config):
    """The tuner that the flags ask for; once they are right, reads or clears KerasTuner's state in the workdir.

    Args:
        config: the flags of `tune.py` as attributes.

    Raises:
        KerasHparamError: if the machine or the weights do not fit the flags.
    """
    if config.logical_cpus:
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * config.logical_cpus
        tf.config.set_logical_device_configuration(cpu, devices)
    hypermodel = DigitsHyperModel(config.seed)
    kwargs = {
        "objective": keras_tuner.Objective(METRIC, GOAL),
        "max_trials": config.max_trials,
        "seed": config.seed,
        "directory": str(config.workdir),
        "project_name": "search",
        "overwrite": not config.resume and not parallel_search.is_worker(),
    }
    if config.strategy != "default":
        kwargs["distribution_strategy"] = distribute.strategy(config.strategy)
    keras.utils.set_random_seed(config.seed)  # KerasTuner's own tuners replace seed 0 by a draw from `random`
    with contextlib.redirect_stdout(None):  # "Reloading Tuner from ...": the progress says it
        tuner = make_any_tuner(config, hypermodel, kwargs)
        if not parallel_search.is_worker():
            parallel.take_up(tuner)
    return tuner


def make_any_tuner(config, hypermodel, kwargs):
    """The tuner of --tuner, with arguments that all have."""
    if config.tuner == "random":
        return keras_tuner.RandomSearch(hypermodel, **kwargs)
    if config.tuner == "bayesian":
        return keras_tuner.BayesianOptimization(hypermodel, num_initial_points=5, **kwargs)
    from keras_hparam import tuners
    from keras_hparam.optformer.study import Metadata

    kwargs["metadata"] = Metadata(task="image classification", model="convnet", dataset="digits", metric=METRIC)
    kwargs |= {"weights": config.weights, "pending": config.pending}
    if config.tuner == "planning":
        prior = make_prior(config.prior, kwargs["objective"])
        return tuners.Planning(hypermodel, acquisition=config.acquisition, prior=prior, **kwargs)
    return tuners.OptFormer(hypermodel, decoding=config.decoding, **kwargs)


def make_prior(names, objective):
    """The `prior` of `keras_hparam.tuners.Planning` that the flag names."""
    bayesian = keras_tuner.oracles.BayesianOptimizationOracle(objective, num_initial_points=5)
    return None if names == "mixture" else [bayesian if name == "bayesian" else name for name in names.split(",")]


def retrain(tuner, trial, data, path):
    """Trains the trial's configuration on training plus validation data, saves it, and prints test figures.

    It runs as many epochs as the trial needed to reach its best one.
    """
    hps = trial.hyperparameters
    epochs = int(trial.best_step) + 1
    print(f"\nbest of {len(tuner.oracle.trials)} trials: {METRIC} {trial.score:.4f} with")
    for name, value in hps.values.items():
        print(f"  {name:<16}{value:.4g}" if isinstance(value, float) else f"  {name:<16}{value}")
    both = tuple(keras.ops.concatenate(parts).numpy() for parts in zip(data.train, data.validation, strict=True))
    with tuner.distribution_strategy.scope() if tuner.distribution_strategy else contextlib.nullcontext():
        model = tuner.hypermodel.build(hps)
    tuner.hypermodel.fit(hps, model, both, epochs=epochs, verbose=0)
    model.save(path)
    model = keras.saving.load_model(path)  # what is reported is what was saved
    _, accuracy = model.evaluate(*data.test, batch_size=256, verbose=0)
    print(
        f"retrained on {len(both[0])} images for {epochs} epochs: test accuracy {accuracy:.4f} on {len(data.test[0])}"
    )
    print("\npredictions for new images:\n")
    print(show_predictions(model, *(part[:5] for part in data.test)))
