"""Figures as a picture."""

import matplotlib.figure
import numpy as np

FLOOR = 1e-4  # of the logarithmic axis


def _draw(axes, summary, key, floor):
    """Mean curves of all peers with their intervals."""
    for peer, found in summary["peers"].items():
        mean, interval = np.array(found[key]["mean"]), np.array(found[key]["interval"])  # [T], [T, 2]
        trials = np.arange(1, len(mean) + 1)
        axes.plot(trials, np.maximum(mean, floor), label=peer, linewidth=2.2 if peer == summary["base"] else 1.2)
        axes.fill_between(trials, *np.maximum(interval.T, floor), alpha=0.12)
    axes.grid(alpha=0.3, which="both")


def plot(summaries, file):
    """Regret above, mean rank below, against the number of trials, with 95% intervals; one column per group.

    Args:
        summaries: dict from titles to dicts as of `statistics.figures`.
        file: path of the image.
    """
    figure = matplotlib.figure.Figure(figsize=(4.6 * len(summaries), 7.2), layout="constrained")
    panels = figure.subplots(2, len(summaries), squeeze=False, sharex="col")
    for (above, below), (title, summary) in zip(panels.T, summaries.items(), strict=True):
        _draw(above, summary, "regret_curve", FLOOR)
        _draw(below, summary, "rank_curve", 1.0)
        above.set(title=f"{title}: {summary['num_problems']} problems, {summary['num_repeats']} searches", yscale="log")
        below.set(xlabel="trial")
    panels[0, 0].set_ylabel("normalised regret")
    panels[1, 0].set_ylabel("mean rank")
    if panels[0, 0].lines:
        panels[0, 0].legend(fontsize="small")
    figure.savefig(file, dpi=100)
