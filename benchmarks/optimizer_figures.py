"""Figures, tables and pictures of the comparison of optimizers.

Axes: R learning rates, S seeds, T steps.
"""

import matplotlib.figure
import numpy as np

from benchmarks import tables

REFERENCE = "Adam, best rate"
SMOOTHED = 25  # points of a curve, each the mean of its part of the minibatches
SHOWN = ("learned", "Adam, best rate", "Adam with cosine decay, best rate", "SGD with momentum, best rate")


def figures(cell):
    """Dict of figures of a method on a task, at the rate with the lowest training loss at the end, in geometric mean.

    Args:
        cell: as of `optimizer_runs.compute`.

    Returns:
        Dict with the "rate", "end" and "held_out" losses [S], "curve" (mean over seeds, T steps in `SMOOTHED` parts),
        "milliseconds" per step (the least of all trainings) and "diverged", the trainings that ended above their start.
    """
    ends = np.array([[run["end"] for run in runs] for runs in cell["runs"]], "float64")  # [R, S]
    logs = np.where(np.isfinite(ends), np.log(np.maximum(ends, 1e-12)), np.inf).mean(axis=1)
    best = int(np.argmin(logs))
    runs = cell["runs"][best]
    curves = np.array([[part.mean() for part in np.array_split(run["curve"], SMOOTHED)] for run in runs])
    every = [run for runs in cell["runs"] for run in runs]
    return {
        "rate": cell["rates"][best], "steps": cell["steps"], "end": ends[best].tolist(),
        "held_out": [run["held_out"] for run in runs], "curve": curves.mean(axis=0).tolist(),
        "milliseconds": 1000 * min(run["seconds"] for run in every) / cell["steps"],
        "diverged": sum(not run["end"] <= run["curve"][0] for run in runs),
    }  # fmt: skip


def compared(found, reference):
    """Dict of a method's figures beside the reference's: geometric means, and ratios of training losses over seeds.

    `ratio` is the geometric mean, `spread` the standard deviation of its logarithm over seeds, `ahead` the seeds with a
    ratio of at most 1, `reached` the share of the reference's steps after which the mean curve is as low as the
    reference's at its end, None if it never is.
    """
    logs = np.log(found["end"]) - np.log(reference["end"])
    below = np.flatnonzero(np.array(found["curve"]) <= reference["curve"][-1])
    reached = (below[0] + 1) / SMOOTHED * found["steps"] / reference["steps"] if len(below) else None
    return {
        "training": float(np.exp(np.mean(np.log(found["end"])))), "held_out": float(np.mean(found["held_out"])),
        "ratio": float(np.exp(logs.mean())), "spread": float(logs.std(ddof=1)) if len(logs) > 1 else 0.0,
        "ahead": int((logs <= 0).sum()), "reached": reached,
    }  # fmt: skip


def table(found):
    """Lines of the table of a task; found is a dict from methods to `figures`."""
    rows = [["method", "rate", "training loss", "held out", "ratio to Adam", "±", "seeds ahead", "Adam's loss after",
             "ms a step", "diverged"]]  # fmt: skip
    for method, one in found.items():
        beside = compared(one, found[REFERENCE])
        reached = "never" if beside["reached"] is None else f"{100 * beside['reached']:.0f}% of the steps"
        rate = f"{one['rate']:.1e}" if "rate" in method else ""
        numbers = [f"{beside['training']:.4f}", f"{beside['held_out']:.4f}", f"{beside['ratio']:.2f}"]
        ahead = f"{beside['ahead']} of {len(one['end'])}"
        numbers += [f"{beside['spread']:.2f}", ahead, reached, f"{one['milliseconds']:.2f}", str(one["diverged"])]
        rows.append([method, rate, *numbers])
    return tables.align(rows)


def summary(tasks):
    """Lines over all tasks: of how many each method ends at Adam's best loss or below, the mean ratio, divergences."""
    rows = [["method", "tasks at Adam's loss or below", "geometric mean ratio", "trainings that diverged"]]
    for method in next(iter(tasks.values())):
        beside = [compared(found[method], found[REFERENCE]) for found in tasks.values()]
        ratio = np.exp(np.mean([np.log(one["ratio"]) for one in beside]))
        ahead, diverged = (sum(one["ratio"] <= 1 for one in beside), sum(f[method]["diverged"] for f in tasks.values()))
        rows.append([method, f"{ahead} of {len(tasks)}", f"{ratio:.2f}", str(diverged)])
    return tables.align(rows)


def picture(tasks):
    """Training loss against steps and against seconds, a column for each task: a matplotlib figure."""
    figure = matplotlib.figure.Figure(figsize=(3.6 * len(tasks), 6.4), layout="constrained")
    panels = figure.subplots(2, len(tasks), squeeze=False)
    for (above, below), (name, found) in zip(panels.T, tasks.items(), strict=True):
        for method in (method for method in SHOWN if method in found):
            one = found[method]
            steps = (np.arange(SMOOTHED) + 0.5) / SMOOTHED * one["steps"]
            for axes, x in ((above, steps), (below, steps * one["milliseconds"] / 1000)):
                axes.plot(x, one["curve"], label=method, linewidth=2.2 if method == "learned" else 1.2)
        above.set(title=name, yscale="log", xlabel="steps")
        below.set(yscale="log", xlabel="seconds")
        for axes in (above, below):
            axes.grid(alpha=0.3, which="both")
    panels[0, 0].set_ylabel("training loss")
    panels[0, 0].legend(fontsize="small")
    return figure
