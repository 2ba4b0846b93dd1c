"""The progress of a KerasTuner search: trials that are written down as they end, tables, pictures and logs."""

import contextlib
import shutil
import time

import keras
import keras_tuner
import parallel_search

from keras_hparam import errors, reports

METRIC, GOAL = "val_accuracy", "max"
STATUSES = {"COMPLETED": "completed", "FAILED": "failed", "INVALID": "failed"}
PATIENCE = 4  # epochs without improvement before a trial ends


def stopping():
    """What ends a trial that no longer improves."""
    return keras.callbacks.EarlyStopping(METRIC, patience=PATIENCE, mode=GOAL)


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
        with _named_failures():
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


@contextlib.contextmanager
def _named_failures():
    """Gives what KerasTuner raises after too many failures in a row a type of its own."""
    try:
        yield
    except RuntimeError as error:
        if "consecutive failures" not in str(error):
            raise
        raise errors.KerasHparamError(f"Expected trials that complete. Received: {error}") from error


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
