"""Learning curves of KerasTuner trials: the objective after every epoch, and whether a trial was cut short.

Both are kept with the trial's own metrics, which KerasTuner saves and reloads; it keeps the best epoch alone itself.
"""

import math

_STOPPED = "stopped_hopeless"


def _name(objective):
    return f"{objective.name}_by_epoch"


def record(trial, objective, logs, epoch):
    """Keeps the objective after an epoch, unless it is NaN.

    Args:
        trial: `keras_tuner.engine.trial.Trial`.
        objective: `keras_tuner.Objective`.
        logs: the logs of the epoch, which hold the objective.
        epoch: int, counted from 0.
    """
    value = float(objective.get_value(logs))
    if not math.isnan(value):
        _update(trial, _name(objective), objective.direction, value, epoch)


def mark_stopped(trial, chance, epoch):
    """Notes that a trial was stopped after an epoch for its small chance of becoming the best."""
    _update(trial, _STOPPED, "min", chance, epoch)


def is_stopped(trial):
    """Whether the trial was stopped."""
    return trial.metrics.exists(_STOPPED)


def value_at(trial, objective, epoch):
    """The best of a trial's values up to an epoch, the mean over its executions; NaN if there is none."""
    values = [observation.mean() for observation in _history(trial, objective) if observation.step <= epoch]
    best = max if objective.direction == "max" else min
    return float(best(values, default=math.nan))


def pairs(trials, objective, epoch):
    """(value up to an epoch, final score) of every trial that ran longer than that, to its own end."""
    ended = [trial for trial in trials if trial.status == "COMPLETED" and not is_stopped(trial)]
    longer = [trial for trial in ended if any(observed.step > epoch for observed in _history(trial, objective))]
    found = [(value_at(trial, objective, epoch), trial.score) for trial in longer]
    return [pair for pair in found if all(map(math.isfinite, pair))]


def _history(trial, objective):
    return trial.metrics.get_history(_name(objective)) if trial.metrics.exists(_name(objective)) else []


def _update(trial, metric, direction, value, epoch):
    if not trial.metrics.exists(metric):
        trial.metrics.register(metric, direction)
    trial.metrics.update(metric, value, step=epoch)
