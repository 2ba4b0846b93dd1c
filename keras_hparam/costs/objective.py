"""One objective of several metrics: how good a model is, weighed against what it costs."""

import math
from collections.abc import Mapping

import keras_tuner as kt
import numpy as np
from keras_tuner.engine.metrics_tracking import infer_metric_direction

from keras_hparam import errors
from keras_hparam.costs.callback import COSTS

_VERBS = {"max": "maximised", "min": "minimised"}


class MissingMetricError(errors.InvalidArgumentError, kt.errors.FatalValueError):
    """The logs lack a metric of the objective. Every trial would: KerasTuner ends the search instead of retrying."""


class Weighted(kt.Objective):
    """The weighted sum of metrics of a trial, to be maximised: the weights carry the signs.

    It is an ordinary `keras_tuner.Objective` and goes wherever one does. Of the epochs of a trial the one with the
    largest sum counts; KerasTuner keeps that epoch's weights. A `run_trial` or `HyperModel.fit` that returns a dict
    puts `objective.get_value(metrics)` into it under `objective.name`.

    Args:
        weights: mapping of names of metrics in the logs, such as "val_accuracy", to finite numbers: positive for what
            shall become large, negative for what shall become small. The costs "train_seconds", "parameters" and
            "flops" are measured by `kh.callbacks.Costs`.
        goals: mapping of some of these names to "max" or "min", for metrics whose direction KerasTuner does not know.
            It changes no value: a weight whose sign contradicts the goal is an error. Costs, and the metrics and losses
            of Keras, are checked without it.
        name: the objective's name in trials and reports.

    Attributes:
        costs: tuple of the costs among the names.

    Raises:
        InvalidArgumentError: if there are no weights, one is not a finite number, or its sign contradicts the
            metric's goal; in a search, if the logs lack a metric, which ends the search.

    Source: US20230401451A1, performance measures of a trial: a weighted sum of an accuracy and an efficiency term.

    Example:

    ```python
    objective = kh.objectives.Weighted({"val_accuracy": 1.0, "train_seconds": -0.01, "parameters": -1e-8})
    tuner = keras_tuner.BayesianOptimization(build, objective, max_trials=20)
    tuner.search(x, y, validation_data=(x_val, y_val), epochs=5, callbacks=[kh.callbacks.Costs()])
    ```
    """

    def __init__(self, weights, goals=None, name="weighted"):
        super().__init__(name, "max")
        self.weights = _as_weights(weights, name)
        self.goals = _as_goals(goals, self.weights)
        for metric, weight in self.weights.items():
            _check_sign(metric, weight, self.goals.get(metric))
        self.costs = tuple(cost for cost in COSTS if cost in self.weights)

    def has_value(self, logs):
        """Whether the logs hold every metric."""
        return all(metric in logs for metric in self.weights)

    def get_value(self, logs):
        """The weighted sum of the metrics in the logs, a float.

        Raises:
            InvalidArgumentError: if the logs lack one.
        """
        missing = [metric for metric in self.weights if metric not in logs]
        if missing:
            advice = "; add kh.callbacks.Costs() to the callbacks of the search" if set(missing) & set(COSTS) else ""
            raise MissingMetricError(
                f"Expected logs with the metrics {list(self.weights)} of the objective{advice}. "
                f"Received: {sorted(logs)}, without {missing}."
            )
        return float(sum(weight * logs[metric] for metric, weight in self.weights.items()))

    def __eq__(self, other):
        return isinstance(other, Weighted) and (self.name, self.weights) == (other.name, other.weights)

    def __str__(self):
        return f'Weighted({self.weights}, name="{self.name}")'


def _as_weights(weights, name):
    if not isinstance(weights, Mapping) or not weights or name in weights:
        raise errors.InvalidArgumentError(
            f"Expected `weights` to map at least one metric, and not {name!r} itself, to a number. "
            f"Received: {weights!r}."
        )
    for metric, weight in weights.items():
        is_number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, bool)
        if not isinstance(metric, str) or not is_number or not math.isfinite(weight):
            raise errors.InvalidArgumentError(
                f"Expected `weights` to map names of metrics to finite numbers. Received: {metric!r}: {weight!r}."
            )
    return {metric: float(weight) for metric, weight in weights.items()}


def _as_goals(goals, weights):
    goals = {} if goals is None else goals
    if not isinstance(goals, Mapping) or not set(goals) <= set(weights) or not set(goals.values()) <= set(_VERBS):
        raise errors.InvalidArgumentError(
            f"Expected `goals` to map some of {list(weights)} to 'max' or 'min'. Received: {goals!r}."
        )
    return dict(goals)


def _check_sign(metric, weight, goal):
    goal = goal or ("min" if metric in COSTS else infer_metric_direction(metric))
    if (goal == "max" and weight < 0) or (goal == "min" and weight > 0):
        sign = ">= 0" if goal == "max" else "<= 0"
        raise errors.InvalidArgumentError(
            f"Expected the weight of {metric!r}, which is {_VERBS[goal]}, to be {sign}: the weighted sum is maximised "
            f"(`goals` can say otherwise). Received: {weight}."
        )
