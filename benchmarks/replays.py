"""Searches over trainings that were recorded epoch by epoch, replayed with and without stopping the hopeless ones.

Axes: C recorded configurations, E epochs, T trials, N bins of the normalised objective.
"""

import zlib

import numpy as np

from benchmarks import statistics, tables
from keras_hparam.ops.learning_curves import MIN_GAINS
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.planning import Proposer
from keras_hparam.optformer.settings import PlanningSettings
from keras_hparam.optformer.stopping import chance_of_best

NUM_BINS = 1000


class InRandomOrder:
    """Chooses trials in a random order: `choose(study)` gives the next row of the task."""

    def __init__(self, task, seed):
        self._order = np.random.default_rng([seed, zlib.crc32(task.name.encode())]).permutation(len(task.tokens))

    def choose(self, study):
        """The row of the next trial of a `Study`."""
        return int(self._order[len(study)])


class Planned:
    """Chooses the recorded configuration that a `Proposer`, with its default acquisition, would run next."""

    def __init__(self, proposer, task, seed):
        settings = PlanningSettings(prior=lambda study, rng, count: task.tokens, refined_candidates=0)
        self._proposer = Proposer(proposer.model, proposer.vocabulary, settings)
        self._proposer.decoder = proposer.decoder  # compiled once
        self._rows, self._seed = {tokens.tobytes(): row for row, tokens in enumerate(task.tokens)}, seed

    def choose(self, study):
        """The row of the next trial of a `Study`."""
        tried = {tokens.tobytes() for tokens in study.tokens}
        tokens = self._proposer.propose(study, np.random.default_rng([self._seed, len(study)]), tried)
        return self._rows[tokens.tobytes()]


class Stopping:
    """Says after how many epochs a trial is stopped, as `kh.callbacks.StopHopeless` would.

    Args:
        predict: callable (study, tokens [1, 2]) -> probabilities [1, N] of the final objective as the model predicts it
            before the training, or None to judge by learning curves alone.
        threshold: float in (0, 1), the chance of becoming the best below which a trial is stopped.
    """

    def __init__(self, predict, threshold):
        self._predict, self._threshold = predict, threshold

    def epochs(self, task, study, row, finished):
        """Epochs that the trial of a row runs, after the trials of a study, of which the rows `finished` ran all E."""
        num_epochs, normalizer, prior = task.curves.shape[1], Normalizer.fit(study.scores), None
        for epoch in range(num_epochs - 1):
            others = task.curves[finished]
            others = others[np.isfinite(others[:, epoch])]
            if len(others) < MIN_GAINS or not np.isfinite(task.curves[row, epoch]):
                continue
            if prior is None:
                uniform = np.full(NUM_BINS, 1.0 / NUM_BINS)
                prior = self._predict(study, task.tokens[row : row + 1])[0] if self._predict else uniform
            gains = normalizer.to_unit(others[:, -1]) - normalizer.to_unit(others[:, epoch])
            reached = float(normalizer.to_unit(task.curves[row, epoch]))
            if chance_of_best(prior, reached, np.maximum(gains, 0.0)) < self._threshold:
                return epoch + 1
        return num_epochs


def replay(task, order, num_trials, stopping=None):
    """Searches.

    Args:
        task: `deepobs.Task`.
        order: `InRandomOrder` or `Planned`.
        num_trials: T, at most C.
        stopping: `Stopping`, or None to let every trial run.

    Returns:
        Dict with `saved`, the share of the epochs that were not run; `regret` of the best score found; `stopped`, the
        number of trials that were stopped; `wrong`, those of them that would have become the best at their time.
    """
    rows, scores, epochs, wrong = [], [], [], 0
    all_epochs = task.curves.shape[1]
    for _ in range(num_trials):
        study = task.study(rows, scores)
        row = order.choose(study)
        finished = [other for other, count in zip(rows, epochs, strict=True) if count == all_epochs]
        count = stopping.epochs(task, study, row, finished) if stopping else all_epochs
        wrong += count < all_epochs and bool(task.curves[row, -1] > np.nanmax(scores))
        rows.append(row)
        scores.append(float(task.curves[row, count - 1]))
        epochs.append(count)
    return {
        "saved": 1.0 - sum(epochs) / (num_trials * all_epochs),
        "regret": task.regret(np.nanmax(scores)),
        "stopped": sum(count < all_epochs for count in epochs),
        "wrong": wrong,
    }


def compare(repeats, found, base):
    """Figures of searches with stopping beside the same ones without, two lists of dicts of `replay`."""
    means = statistics.Means([(task.name, seed) for task, seed in repeats])
    added = [mine["regret"] - other["regret"] for mine, other in zip(found, base, strict=True)]
    return {
        "saved": means.of([one["saved"] for one in found]),
        "added_regret": means.of(added),
        "largest_added_regret": max(added),
        "stopped": sum(one["stopped"] for one in found),
        "wrong": sum(one["wrong"] for one in found),
    }


def with_interval(found, digits):
    """Text such as "0.10 [0.08, 0.12]" of a dict with `mean` and `interval`."""
    low, high = found["interval"]
    return f"{found['mean']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def render(rows):
    """The table as text, of dicts of `compare` with `order`, `judge` and `threshold`."""
    titles = ["order", "judged by", "threshold", "epochs saved", "regret added", "at most", "stopped", "of them best"]
    texts = [titles]
    for row in rows:
        intervals = (with_interval(row["saved"], 2), with_interval(row["added_regret"], 4))
        counts = (f"{row['largest_added_regret']:.3f}", str(row["stopped"]), str(row["wrong"]))
        texts.append([row["order"], row["judge"], f"{row['threshold']:g}", *intervals, *counts])
    return "\n".join(tables.align(texts))
