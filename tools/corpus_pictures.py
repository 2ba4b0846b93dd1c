"""Pictures of the corpus of studies: slices of objectives, policies compared, counts. `show_corpus.py` writes them.

Axes: G points along an axis of a picture, N configurations, T trials, D parameters.
"""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from keras_hparam.optformer.corpus.policies import POLICIES, Run
from keras_hparam.optformer.corpus.problems import random_problem

RESOLUTION, LINE_POINTS = 40, 150  # G of planes and of lines
SHOWN_TRIALS = 100
LINE = "#5b7c99"
COLORS = colormaps["viridis"].resampled(20)  # fewer make smaller files


def slice_values(problem, row, columns, places):
    """Noiseless scores [N] where the tokens of a row [D] are replaced in `columns` by `places` [N, len(columns)]."""
    tokens = np.repeat(row[None], len(places), axis=0)
    for column, place in zip(columns, places.T, strict=True):
        legal = problem.space.parameters[column].legal_tokens(problem.num_bins)
        tokens[:, column] = legal[np.abs(legal[None] - place[:, None]).argmin(axis=1)]
    return problem.sign * problem.noiseless(tokens)


def effects(problem, row, columns):
    """How much each of the columns, alone, moves the score: the range of values, a list of floats."""
    places = np.linspace(0, problem.num_bins - 1, LINE_POINTS)[:, None]
    found = [slice_values(problem, row, [column], places) for column in columns]
    return [float(np.nanmax(values) - np.nanmin(values)) if np.isfinite(values).any() else 0.0 for values in found]


def pick_slice(rng, source, count):
    """A problem, a row of tokens and the `count` numeric columns that matter most there."""
    while True:
        problem, _ = source(rng)
        row = problem.space.random_tokens(rng, 1, problem.num_bins)[0]
        parents = {condition.name for p in problem.space.parameters for condition in p.conditions}
        columns = [
            column
            for column, p in enumerate(problem.space.parameters)
            if row[column] >= 0 and not p.is_categorical and p.name not in parents and len(p.legal_tokens(1000)) > 20
        ]
        moved = effects(problem, row, columns)
        order = np.argsort(moved)[::-1][:count]
        if len(order) == count and moved[order[-1]] > 0.0:
            return problem, row, [columns[index] for index in order]


def draw_plane(axes, rng, source):
    """A plane of a random problem through a random configuration, over its two parameters that matter most."""
    problem, row, columns = pick_slice(rng, source, 2)
    grid = np.linspace(0, problem.num_bins - 1, RESOLUTION)
    places = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    values = slice_values(problem, row, columns, places).reshape(RESOLUTION, RESOLUTION)
    low = np.nanquantile(values, 0.02)
    axes.imshow(values, origin="lower", vmin=low, extent=(0, 1, 0, 1), cmap=COLORS, interpolation="nearest")
    axes.set_xlabel(problem.space.parameters[columns[0]].name[:18], fontsize=5, labelpad=1)
    axes.set_ylabel(problem.space.parameters[columns[1]].name[:18], fontsize=5, labelpad=1)
    axes.set_xticks([])
    axes.set_yticks([])


def draw_lines(axes, rng, source, count=5):
    """Lines through random problems along the parameter that matters most, each scaled to its own range."""
    places = np.linspace(0, 999, LINE_POINTS)[:, None]
    for _ in range(count):
        problem, row, columns = pick_slice(rng, source, 1)
        values = slice_values(problem, row, columns, places)
        axes.plot(places / 999, (values - np.nanmin(values)) / np.ptp(values[np.isfinite(values)]), linewidth=0.7)
    axes.set_xticks([])
    axes.set_yticks([])


def objectives_figure(seed, sources, planes=3):
    """One row per source of problems: planes, and lines."""
    figure = Figure(figsize=(4.6, 1.17 * len(sources)), layout="constrained")
    panels = figure.subplots(len(sources), planes + 1, squeeze=False)
    for index, (row, (name, source)) in enumerate(zip(panels, sources.items(), strict=True)):
        rng = np.random.default_rng([seed, index])
        for axes in row[:-1]:
            draw_plane(axes, rng, source)
        draw_lines(row[-1], rng, source)
        row[0].set_title(name.replace("_", " "), fontsize=7, loc="left", pad=2)
    return figure


def policy_curves(seed, problems, trials=SHOWN_TRIALS):
    """Per policy, the mean over random problems [T] of the best noiseless score so far.

    0 is the median and 1 the best of 2,000 random configurations of the problem; a failure counts as -1.
    """
    curves = {name: [] for name in POLICIES}
    for index in range(problems):
        problem, _ = random_problem(np.random.default_rng([seed, index]), max_parameters=8)
        rng = np.random.default_rng([seed, index, 1])
        scores = problem.sign * problem.noiseless(problem.space.random_tokens(rng, 2000))
        middle, best = np.nanmedian(scores), np.nanmax(scores)
        if problem.space.size < 2 * trials or not best > middle:
            continue
        for name, policy in POLICIES.items():
            run = Run(np.random.default_rng([seed, index, 2]), problem, trials)
            policy(run)
            share = (problem.sign * problem.noiseless(run.tokens) - middle) / (best - middle)
            share = np.where(np.isfinite(share) & np.isfinite(run.objectives), share, -1.0)
            curves[name].append(np.clip(np.maximum.accumulate(share), -1.0, 2.0))
    return {name: np.mean(found, axis=0) for name, found in curves.items()}


def policies_figure(curves):
    """Best so far against the number of trials."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for index, name in enumerate(sorted(curves, key=lambda name: -curves[name][-1])):
        trials = np.arange(1, len(curves[name]) + 1)
        style = ("-", "--", ":", "-.")[index % 4]
        axes.plot(trials, curves[name], style, color=f"C{index % 10}", label=name.replace("_", " "), linewidth=1.5)
    axes.set_xlabel("trial")
    axes.set_ylabel("best so far (0: median, 1: best of 2,000 random)")
    axes.set_ylim(-0.3, None)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=2, loc="lower right")
    return figure


def counts_figure(studies):
    """Histograms of trials, parameters, their kinds, and shares of studies with what makes them hard."""
    figure = Figure(figsize=(8.5, 4.6), layout="constrained")
    (trials, parameters), (kinds, shares) = figure.subplots(2, 2)
    counts = [len(study.space) for study in studies]
    trials.hist([len(study) for study in studies], bins=30, color=LINE)
    trials.set_xlabel("trials")
    parameters.hist(counts, bins=np.arange(0.5, max(counts) + 1.5), color=LINE, rwidth=0.9)
    parameters.set_xlabel("parameters")
    found = [_kind(parameter) for study in studies for parameter in study.space.parameters]
    _bars(kinds, {name: found.count(name) / len(found) for name in sorted(set(found), key=found.count)})
    kinds.set_xlabel("share of the parameters")
    _bars(shares, study_shares(studies))
    shares.set_xlabel("share of the studies")
    return figure


def study_shares(studies):
    """Shares of the studies, a dict from what they have to a float."""
    has = {
        "a conditional parameter": lambda s: any(p.conditions for p in s.space.parameters),
        "a categorical parameter": lambda s: any(p.is_categorical for p in s.space.parameters),
        "a failed trial": lambda s: bool(np.any(s.statuses != 0)),
        "a metric that falls": lambda s: s.goal == "min",
        "all metadata filled in": lambda s: all((s.metadata.task, s.metadata.model, s.metadata.dataset)),
        "no metadata but the metric": lambda s: not any((s.metadata.task, s.metadata.model, s.metadata.dataset)),
    }
    return {name: float(np.mean([test(study) for study in studies])) for name, test in reversed(has.items())}


def _kind(parameter):
    if parameter.kind in ("float", "int"):
        return f"{parameter.scale} {parameter.kind}".replace("_", " ")
    return {"choice": "ordered choice" if parameter.ordered else "choice"}.get(parameter.kind, parameter.kind)


def _bars(axes, shares):
    bars = axes.barh(list(shares), list(shares.values()), color=LINE)
    axes.bar_label(bars, fmt=lambda share: f"{100 * share:.0f}%", fontsize=8, padding=2)
    axes.set_xlim(0, 1.15 * max(shares.values()))
