"""What `train_ensemble.py` leaves in its workdir: logs, the model, its members, scores on the test part.

Axes: K members, n examples.
"""

import csv
import json

import keras
import numpy as np
import tensorflow as tf

from keras_hparam import atomic, errors, metrics, reports
from keras_hparam.checkpoints import exclusive
from keras_hparam.ensembles import DeepEnsemble
from keras_hparam.ensembles.bounds_history import named_bounds
from keras_hparam.reports.scalar_log import ScalarLog

MODEL = "model.keras"
SCORES = "scores.json"
SETTINGS = "settings.json"


def check_workdir(workdir, settings, resume):
    """Refuses a workdir that is not this training's; writes its settings into an empty one."""
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / SETTINGS
    if path.exists() and resume:
        before = _read_settings(path)
        changed = [f"--{name}={settings[name]} instead of {before.get(name)}" for name in settings
                   if settings[name] != before.get(name)]  # fmt: skip
        if changed:
            raise errors.InvalidArgumentError(
                f"Expected --workdir {workdir} to hold a training with the same flags. Received: {', '.join(changed)}."
            )
    elif any(found.name != exclusive.NAME for found in workdir.iterdir()):
        raise errors.InvalidArgumentError(
            f"Expected --workdir to be empty, or with --resume to hold a training. Received: {workdir}."
        )
    atomic.write_bytes(path, json.dumps(settings, indent=1).encode())


def _read_settings(path):
    try:
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict):
            raise ValueError(f"a {type(found).__name__}")
        return found
    except (ValueError, RecursionError) as error:
        raise errors.CorruptFileError(
            f"Expected {path} to hold the flags of a training as JSON. Received: {error}."
        ) from error


class PrintEpoch(keras.callbacks.Callback):
    """Prints a line with the losses and metrics of each epoch (Keras' own would print all bounds too)."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def on_epoch_end(self, epoch, logs=None):
        shown = "  ".join(f"{name} {value:.4f}" for name, value in logs.items() if "/" not in name)
        print(f"{self.name}: epoch {epoch + 1}/{self.params['epochs']}  {shown}", flush=True)


class EpochLog:
    """Prints each epoch of `ensembles.train` and logs it to <workdir>/logs/ensemble.csv and to TensorBoard.

    Args:
        workdir: pathlib.Path.
        model: the ensemble in training.
        data: `ensemble_data.Data`.
        batch_size: int, of inference.
        epochs: int, in all.
    """

    def __init__(self, workdir, model, data, batch_size, epochs):
        self.path = workdir / "logs" / "ensemble.csv"
        self.model, self.data, self.batch_size, self.epochs = model, data, batch_size, epochs
        self._predict = tf.function(lambda x: model(x, training=False), reduce_retracing=True, autograph=False)
        self._scalars = ScalarLog(workdir / "tensorboard" / "ensemble")

    def __call__(self, epoch, loss):
        x = self.data.validation[0]
        parts = [self._predict(x[start : start + self.batch_size]) for start in range(0, len(x), self.batch_size)]
        found = score(self.data, self.data.validation, np.concatenate(parts))
        figures = {"loss": loss} | {f"val_{name}": value for name, value in found.items()}
        shown = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        print(f"ensemble: epoch {epoch + 1}/{self.epochs}  {shown}", flush=True)
        figures |= named_bounds(self.model)
        self._scalars.write(epoch, figures)
        self._write([*(row for row in read_log(self.path) if row["epoch"] < epoch), {"epoch": epoch, **figures}])

    def _write(self, rows):
        """All rows anew: an epoch that is trained again after a resume has one."""
        with atomic.replacing(self.path) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def read_log(path):
    """The rows of a log as dicts of numbers, [] where there is none."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: int(value) if name == "epoch" else float(value) for name, value in row.items()} for row in rows]


def logs(workdir, name):
    """Callbacks that print, and write <workdir>/logs/<name>.csv and TensorBoard's <workdir>/tensorboard/<name>."""
    (workdir / "logs").mkdir(exist_ok=True)
    return [
        PrintEpoch(name),
        keras.callbacks.CSVLogger(str(workdir / "logs" / f"{name}.csv"), append=True),
        keras.callbacks.TensorBoard(str(workdir / "tensorboard" / name)),
    ]


def save_model(path, model):
    """Writes a model so that a kill never leaves a half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial_{path.name}")
    model.save(partial)
    partial.replace(path)


def save_all(workdir, model, data, batch_size, seconds):
    """Saves the ensemble and its members as plain Keras models, and prints and saves the scores of the latter.

    Args:
        workdir: pathlib.Path.
        model: a trained ensemble.
        data: `ensemble_data.Data`.
        batch_size: int, of inference.
        seconds: how long this process trained.
    """
    folded = DeepEnsemble(model.fold(), output_kind=model.output_kind) if hasattr(model, "fold") else model
    for index, member in enumerate(folded.networks):
        path = workdir / "members" / f"member_{index}.keras"
        if not path.exists():
            save_model(path, member)
    if getattr(model, "bounds", None) is not None:
        draw_bounds(workdir)
    scores = score(data, data.test, folded.predict(data.test[0], batch_size=batch_size, verbose=0))
    each = folded.predict_members(data.test[0], batch_size=batch_size)
    alone = {name: float(np.mean([score(data, data.test, member)[name] for member in each])) for name in scores}
    content = {"ensemble": scores, "mean_of_members": alone, "parameters": model.count_params()}
    atomic.write_bytes(workdir / SCORES, (json.dumps(content, indent=1) + "\n").encode())
    save_model(workdir / MODEL, model)  # last: it says that the training is done
    print(f"trained for {seconds:.0f} s, {model.count_params():,} parameters")
    for title, found in (("ensemble", scores), ("its members, on average", alone)):
        print(f"{title:<24}", "  ".join(f"{name} {value:.4f}" for name, value in found.items()))
    print(f"everything lies in {workdir.resolve()}")


def draw_bounds(workdir):
    """Draws the course of the bounds from the log, which also holds the epochs before a resume."""
    rows = read_log(workdir / "logs" / "ensemble.csv")
    if rows:
        history = {name: [row[name] for row in rows] for name in rows[0]}
        reports.save_figure(reports.bounds_figure(history), workdir / "bounds.png")


def score(data, part, predictions):
    """Scores on a part of the data, of a regression in original units.

    Args:
        data: `ensemble_data.Data`.
        part: (inputs, targets) of it.
        predictions: logits [n, C], or means and log-variances [n, 2].

    Returns:
        Dict with `nll`, and `accuracy`, `ece` and `brier` or `rmse`.
    """
    targets = part[1]
    if targets.shape[-1] == 1:
        nll = _value(metrics.NegativeLogLikelihood(gaussian=True), targets, predictions) + np.log(data.target_scale)
        rmse = data.target_scale * np.sqrt(np.mean(np.square(targets[:, 0] - predictions[:, 0])))
        return {"nll": float(nll), "rmse": float(rmse)}
    found = {
        "nll": metrics.NegativeLogLikelihood(from_logits=True), "accuracy": keras.metrics.CategoricalAccuracy(),
        "ece": metrics.ExpectedCalibrationError(from_logits=True), "brier": metrics.BrierScore(from_logits=True),
    }  # fmt: skip
    return {name: _value(metric, targets, predictions) for name, metric in found.items()}


def _value(metric, targets, predictions):
    metric.update_state(targets, predictions)
    return float(metric.result())
