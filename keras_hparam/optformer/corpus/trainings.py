"""Studies of real trainings: small models on the data sets that come with scikit-learn.

Axes: N examples, F features, T trials, D parameters.
"""

import dataclasses
import warnings

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.generator import NUM_BINS, random_num_trials
from keras_hparam.optformer.corpus.policies import POLICIES, SHARES, Run
from keras_hparam.optformer.corpus.training_models import FAMILIES
from keras_hparam.optformer.study import Metadata
from keras_hparam.spaces import SearchSpace

DATASETS = {  # name -> (scikit-learn's loader, task, whether it is a regression)
    "digits": ("load_digits", "image classification", False),
    "breast cancer": ("load_breast_cancer", "binary classification", False),
    "wine": ("load_wine", "tabular classification", False),
    "diabetes": ("load_diabetes", "regression", True),
}
METRICS = {False: {"val_accuracy": "max", "val_error": "min", "val_f1": "max"}, True: {"r2": "max", "rmse": "min"}}
MOST_EXAMPLES = 800  # to train on
POLICY_SHARES = {name: share for name, share in SHARES.items() if name != "best_of_random"}  # it asks thousands


class TrainingProblem:
    """The trainings of one family of models on one data set; an objective is NaN where a training fails.

    Args:
        rng: `np.random.Generator`, which draws the split, the scaling and which parameters are tuned.
        family: key of `training_models.FAMILIES`.
        dataset: key of `DATASETS`.
        metric: key of `METRICS`.
        max_parameters: D at most.
    """

    num_bins = NUM_BINS

    def __init__(self, rng, family, dataset, metric, max_parameters):
        self._regression = DATASETS[dataset][2]
        self._family, self._metric = FAMILIES[family], metric
        self.goal = METRICS[self._regression][metric]
        self.sign = 1.0 if self.goal == "max" else -1.0
        self._seed = draws.whole_between(rng, 0, 2**31 - 1)
        self._data = _split(rng, dataset)
        self.space = _tuned(rng, self._family.parameters, max_parameters)
        complete = SearchSpace(self._family.parameters).complete({})
        self._defaults = {name: value for name, value in complete.items() if name not in _names(self.space)}

    def observe(self, rng, tokens):
        """Objectives [N] of tokens [N, D]: one training each."""
        return np.asarray([self._train(self.space.from_tokens(row, self.num_bins)) for row in tokens])

    def _train(self, values):
        x_train, y_train, x_test, y_test = self._data
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of trainings that end early or diverge: they are what a search meets
            try:
                model = self._family.build({**self._defaults, **values}, self._regression, self._seed)
                predicted = model.fit(x_train, y_train).predict(x_test)
            except (ValueError, FloatingPointError, np.linalg.LinAlgError):  # scikit-learn's answer to overflow
                return np.nan
        return score(self._metric, y_test, np.asarray(predicted, float))


def score(metric, expected, predicted):
    """One of `METRICS` of predictions [N], labels or numbers; NaN where the predictions are not finite or absurd."""
    if not np.all(np.abs(predicted) < 1e12):
        return np.nan
    if metric in ("r2", "rmse"):
        squared = np.mean((predicted - expected) ** 2)
        return float(np.sqrt(squared)) if metric == "rmse" else float(1.0 - squared / np.var(expected))
    if metric == "val_f1":
        return float(np.mean([_f1(expected == label, predicted == label) for label in np.unique(expected)]))
    accuracy = float(np.mean(expected == predicted))
    return accuracy if metric == "val_accuracy" else 1.0 - accuracy


def _f1(expected, predicted):
    total = expected.sum() + predicted.sum()
    return 2.0 * np.sum(expected & predicted) / total if total else 0.0


def _names(space):
    return {parameter.name for parameter in space.parameters}


def _split(rng, dataset):
    """(x_train, y_train, x_test, y_test), with features that are scaled in most studies."""
    from sklearn import datasets

    x, y = getattr(datasets, DATASETS[dataset][0])(return_X_y=True)
    order = rng.permutation(len(x))
    size = min(MOST_EXAMPLES, round(len(x) * draws.between(rng, 0.3, 0.8)))
    train, test = order[:size], order[size:]
    if draws.chance(rng, 0.7):
        spread = x[train].std(axis=0)
        x = (x - x[train].mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return x[train], y[train], x[test], y[test]


def _tuned(rng, parameters, max_parameters):
    """The space of a random part of the parameters, at least one; what depends on one that is left out is too."""
    share = draws.pick(rng, (1.0, draws.between(rng, 0.3, 1.0)), (1, 2))
    roots = [parameter.name for parameter in parameters if not parameter.conditions]
    kept = {name for name in roots if draws.chance(rng, share)} or {draws.pick(rng, roots)}
    chosen = []
    for parameter in parameters:
        if parameter.name in kept or parameter.conditions and {c.name for c in parameter.conditions} <= kept:
            chosen.append(parameter)
    return SearchSpace(tuple(chosen[:max_parameters]))  # parents come first


def train_study(seed, index, max_trials=100, max_parameters=12, family=None, dataset=None):
    """A study of real trainings: from a second to minutes of them.

    Args:
        seed, index: ints >= 0, on which alone the study depends.
        max_trials: largest T.
        max_parameters: largest D.
        family: key of `training_models.FAMILIES`; at random where it is None.
        dataset: key of `DATASETS`; at random where it is None.

    Returns:
        `Study` with tokens of 1000 bins; objectives are NaN where the status is FAILED.
    """
    rng = np.random.default_rng([seed, index, 1])
    family = family or draws.pick(rng, tuple(FAMILIES))
    usable = [name for name, (_, _, regression) in DATASETS.items() if FAMILIES[family].regression or not regression]
    dataset = dataset or draws.pick(rng, usable)
    _, task, regression = DATASETS[dataset]
    metric = draws.pick(rng, tuple(METRICS[regression]))
    problem = TrainingProblem(rng, family, dataset, metric, max_parameters)
    run = Run(rng, problem, random_num_trials(rng, max_trials))
    POLICIES[draws.pick_from(rng, POLICY_SHARES)](run)
    metadata = Metadata(task, family, dataset, metric)
    if draws.chance(rng, 0.4):  # as users leave fields empty
        metadata = dataclasses.replace(metadata, **{draws.pick(rng, ("task", "model", "dataset")): ""})
    return run.study(metadata)
