"""Figures of predicted objectives: measured, cached, averaged and put into tables.

Axes: horizons are numbers of trials after which a predictor is asked.
"""

import json
import pathlib
import time
import zlib

import numpy as np
from absl import logging

from benchmarks import prediction_cases, predictors, reference, statistics, tables
from keras_hparam.optformer import evaluation
from keras_hparam.optformer.normalization import Normalizer

HORIZONS = (10, 20, 50, 100)
QUANTITIES = {
    "nll": "negative log-likelihood (nats)",
    "coverage_50": "in the central 50%",
    "coverage_90": "in the central 90%",
    "correlation": "rank correlation with the truth",
    "milliseconds": "milliseconds (machine not idle)",
}


def measure(predict, case, policy, num_questions, horizons=HORIZONS):
    """Figures of one predictor on one case.

    Args:
        predict: see `predictors`.
        case: `prediction_cases.Case`.
        policy: how trials and questions are chosen; they are the same for every predictor.
        num_questions: how many new configurations are predicted.
        horizons: numbers of trials.

    Returns:
        Dict from the names of `QUANTITIES` to floats at the horizons; a correlation with a constant truth is NaN.
    """
    rng = np.random.default_rng([zlib.crc32(case.name.encode()), prediction_cases.POLICIES.index(policy)])
    trials, sign = prediction_cases.history(case, policy, rng, max(horizons)), 1.0 if case.goal == "max" else -1.0
    found = {name: [] for name in QUANTITIES}
    for horizon in horizons:
        study = trials.take(np.arange(horizon))
        tokens = prediction_cases.questions(case, policy, study, rng, num_questions)
        outcomes, truth = np.asarray(case.observe(rng, tokens), float), np.asarray(case.truth(tokens), float)
        kept = np.isfinite(outcomes) & np.isfinite(truth)
        began = time.perf_counter()
        probabilities = predict(study, tokens)[kept]
        found["milliseconds"].append(1000 * (time.perf_counter() - began))
        bins = Normalizer.fit(study.scores).to_bins(sign * outcomes[kept], predictors.NUM_BINS)
        found["nll"].append(-float(np.mean(evaluation.log_likelihood(probabilities, bins))))
        for level in evaluation.LEVELS:
            covered = evaluation.central_coverage(probabilities, bins, level)
            found[f"coverage_{100 * level:.0f}"].append(float(np.mean(covered)))
        found["correlation"].append(correlation(evaluation.predicted_mean(probabilities), sign * truth[kept]))
    return found


def correlation(predicted, truth):
    """Rank correlation; 0 for a prediction that ranks nothing, NaN where there is nothing to rank."""
    found = evaluation.rank_correlation(predicted, truth)
    return 0.0 if np.isnan(found) and np.ptp(truth) > 0 else found


def summarise(cells):
    """{"suite, policy": summary as `tables.block` reads it} of cells (suite, policy, problem, predictor, figures)."""
    summaries = {}
    for suite, policy in dict.fromkeys((suite, policy) for suite, policy, *_ in cells):
        chosen = [cell[2:] for cell in cells if cell[:2] == (suite, policy)]
        named = {(problem, predictor): figures for problem, predictor, figures in chosen}
        labels = list(dict.fromkeys(predictor for _, predictor in named))
        problems = list(dict.fromkeys(problem for problem, _ in named))
        summary = {"horizons": list(HORIZONS), "num_problems": len(problems), "peers": {label: {} for label in labels}}
        for name in QUANTITIES:
            values = {label: [named[problem, label][name] for problem in problems] for label in labels}
            usable = np.isfinite(list(values.values())).all(axis=(0, 2))  # by every predictor at every horizon
            repeats = [(problem, 0) for problem, use in zip(problems, usable, strict=True) if use]
            for label in labels if repeats else ():
                summary["peers"][label][name] = statistics.Means(repeats).of(np.array(values[label])[usable])
        summaries[f"{suite}, {policy} trials"] = summary
    return summaries


def render(summaries):
    """The tables as text."""
    lines = []
    for title, summary in summaries.items():
        lines.append(f"== {title}: {summary['num_problems']} problems")
        for name, noun in QUANTITIES.items():
            lines += tables.block(noun, summary, name, 0 if name == "milliseconds" else 2)
    return "\n".join(lines)


def complete(workdir, make_predictor, label, case, policy, num_questions):
    """The figures of one cell, from its file if there is one; `make_predictor` is called only where it is needed."""
    path = pathlib.Path(workdir) / "cells" / label / f"{case.name}-{policy}-{num_questions}.json"
    if not path.exists():
        reference.write_json(path, measure(make_predictor(), case, policy, num_questions))
        logging.info("%s on %s, %s trials", label, case.name, policy)
    return json.loads(path.read_text())
