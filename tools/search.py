"""A KerasTuner search from beginning to end: its tuner, its progress, its reports and the model that comes of it."""

import contextlib
import pathlib
import shutil
import time

import keras
import keras_tuner
import parallel_search
import tensorflow as tf
from digits import DigitsHyperModel, load, show_predictions

from keras_hparam import distribute, errors, parallel, reports

METRIC, GOAL = "val_accuracy", "max"
STATUSES = {"COMPLETED": "completed", "FAILED": "failed", "INVALID": "failed"}
PATIENCE = 4  # epochs without improvement before a trial ends


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


def stopping():
    """What ends a trial that no longer improves."""
    return keras.callbacks.EarlyStopping(METRIC, patience=PATIENCE, mode=GOAL)


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


class Observer:
    """Runs the search and writes down every trial as it ends.

    Args:
        tuner: a `keras_tuner.Tuner`, new or reloaded.
        workdir: `pathlib.Path` for the tables, the pictures and the logs.
        max_trials: int, trials of the whole search.
        at_once: int, how many trials run at the same time.
    """

    def __init__(self, tuner, workdir, max_trials, at_once=1):
        self.tuner = tuner
        self.workdir = workdir
        self.seconds = {}  # trial number -> wall-clock seconds, which KerasTuner does not keep
        if tuner.oracle.trials and (workdir / "trials.json").exists():
            self.seconds = {record.number: record.seconds for record in reports.read_json(workdir / "trials.json")[0]}
        finished = [record for record in self.records() if record.status != "pending"]
        self.progress = reports.SearchProgress(max_trials, GOAL, METRIC, finished, at_once)
        self._began, self._begins = time.monotonic(), {}
        self._on_trial_end, tuner.on_trial_end = tuner.on_trial_end, self.on_trial_end
        self._pre_create_trial, tuner.pre_create_trial = tuner.pre_create_trial, self.pre_create_trial

    def search(self, data, epochs):
        """Runs the trials that are left."""
        done, best = len(self.progress.records), self.progress.best
        if done:
            found = f"best {METRIC} {best.objective:.4f} (trial {best.number})" if best else "none completed"
            print(f"{done} of {self.progress.total} trials are done: {found}", flush=True)
        if parallel_search.is_parallel():
            self.tuner.oracle.verbose = 0
            self.tuner.save()
            parallel_search.serve(self)
        else:
            given = {"validation_data": data.validation, "epochs": epochs, "callbacks": [stopping()]}
            self.tuner.search(data.train, verbose=0, **given)
        if len(self.progress.records) < self.progress.total:
            print(f"the space is exhausted after {len(self.progress.records)} trials")

    def pre_create_trial(self):
        """Starts the trial's clock before the proposal is made: the time left counts it too."""
        self._began = time.monotonic()
        self._pre_create_trial()

    def on_trial_end(self, trial):
        """Lets KerasTuner finish the trial, then writes the tables and prints the progress."""
        try:
            self._on_trial_end(trial)
        finally:  # KerasTuner raises here after too many failures in a row
            self._show(trial, self._began)

    def on_begin(self, trial):
        """A worker begins a trial; the chief calls it."""
        self._begins[trial.trial_id] = time.monotonic()

    def on_end(self, trial):
        """A worker's trial has ended; the chief calls it."""
        if trial.trial_id in self.tuner.oracle.end_order:  # else it runs once more
            self._show(trial, self._begins.get(trial.trial_id))

    def _show(self, trial, began):
        number = self.tuner.oracle.start_order.index(trial.trial_id) + 1
        if began is not None:
            self.seconds[number] = time.monotonic() - began
        records = self.records()
        self.write_tables(records)
        print(self.progress.update(records[number - 1]), flush=True)
        if records[number - 1].status == "failed":
            reason = (trial.message or f"{METRIC} is not a number").strip().splitlines()[-1]
            print(f"  reason: {reason}", flush=True)

    def records(self):
        """`TrialRecord`s of all trials, in the order in which they began."""
        oracle = self.tuner.oracle
        return [self._record(number, oracle.trials[name]) for number, name in enumerate(oracle.start_order, start=1)]

    def _record(self, number, trial):
        hps = trial.hyperparameters
        values = {hp.name: hps.values[hp.name] for hp in hps.space if hps.is_active(hp) and hp.name in hps.values}
        status = STATUSES.get(trial.status, "pending")
        objective = trial.score if status == "completed" else None
        return reports.TrialRecord(number, status, objective, values, self.seconds.get(number))

    def write_tables(self, records):
        """Writes trials.csv and trials.json."""
        reports.write_csv(self.workdir / "trials.csv", records)
        reports.write_json(self.workdir / "trials.json", records, METRIC, GOAL)

    def report(self):
        """Writes the tables, the pictures and the TensorBoard logs of the finished search."""
        records = self.records()
        scales = parameter_scales(self.tuner.oracle.hyperparameters)
        self.write_tables(records)
        if reports.best_record(records, GOAL) is None:
            raise errors.KerasHparamError(f"Expected at least one completed trial. Received: {len(records)} failed.")
        reports.save_figure(reports.convergence_figure(records, GOAL, METRIC), self.workdir / "convergence.png")
        reports.save_figure(reports.parameters_figure(records, scales, GOAL, METRIC), self.workdir / "parameters.png")
        shutil.rmtree(self.workdir / "tensorboard", ignore_errors=True)
        reports.write_hparams(self.workdir / "tensorboard", records, scales, METRIC)


def parameter_scales(hyperparameters):
    """`ParameterScale`s of a `keras_tuner.HyperParameters`, one per name."""
    scales = {}
    for hp in hyperparameters.space:
        if isinstance(hp, keras_tuner.engine.hyperparameters.Choice):
            scale = reports.ParameterScale(hp.name, "categorical", choices=tuple(hp.values))
        else:
            scale = reports.ParameterScale(hp.name, hp.sampling, hp.min_value, hp.max_value)
        scales.setdefault(hp.name, scale)
    return list(scales.values())


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
