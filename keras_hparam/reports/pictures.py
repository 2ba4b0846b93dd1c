"""The convergence of a search, and what all its pictures share. Drawn with matplotlib's objects: no global state.

Axes: T trials along the horizontal axis, the objective along the vertical one.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_hparam import atomic, errors
from keras_hparam.reports.records import GOALS, best_record, best_so_far, check_choice, objectives

TRIAL, BEST, FAILED, GRID = "#5b7c99", "#d1495b", "#8a8a8a", "#e6e6e6"
FOCUS = 3.0  # evenly spread values reach 2; what lies beyond are trials that went wrong


def convergence_figure(records, goal, metric="objective"):
    """Draws each trial's objective as a dot, the best so far as a line, and marks failed trials and the best one.

    Trials far worse than the rest are drawn at the edge as triangles, so that they do not flatten the others.

    Args:
        records: at least one finished `TrialRecord`; pending ones are left out.
        goal: "max" or "min".
        metric: str, the objective's name.

    Returns:
        A `matplotlib.figure.Figure`; see `save_figure`.

    Raises:
        InvalidArgumentError: if no trial is finished or the goal is unknown.
    """
    records = finished(records, goal)
    numbers = np.array([record.number for record in records])
    values = objectives(records)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    limits = focus_limits(values, goal)
    draw_objectives(axes, numbers, values, limits, color=TRIAL, label="trial")
    axes.step(numbers, best_so_far(records, goal), where="post", color=BEST, linewidth=2, label="best so far", zorder=2)
    best = best_record(records, goal)
    if best:
        mark_best(axes, best.number, best.objective, f"best: {best.objective:.5g} (trial {best.number})")
    mark_failed(axes, numbers[np.isnan(values)])
    axes.set(
        title=f"Convergence over {len(records)} trials", xlabel="trial", ylabel=axis_label(metric, goal), ylim=limits
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlim(0.5, max(numbers.max(), 2) + 0.5)
    style(axes)
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def save_figure(figure, path):
    """Writes a figure atomically in the format of the path's ending: png, svg or pdf.

    Raises:
        InvalidArgumentError: if the ending names no such format.
        OSError: if the file cannot be written.
    """
    ending = str(path).rpartition(".")[2].lower()
    if ending not in ("png", "svg", "pdf"):
        raise errors.InvalidArgumentError(f"Expected `path` to end in .png, .svg or .pdf. Received: {str(path)!r}.")
    with atomic.replacing(path) as temporary:
        figure.savefig(temporary, format=ending, dpi=150)


def finished(records, goal):
    """The records that are not pending, by number; an error if there is none."""
    check_choice("goal", goal, GOALS)
    records = sorted((r for r in records if r.status != "pending"), key=lambda record: record.number)
    if not records:
        raise errors.InvalidArgumentError("Expected `records` with at least one finished trial. Received: none.")
    return records


def focus_limits(values, goal):
    """Limits of the objective's axis that keep the better half of the trials apart.

    A value is out of focus when it lies more than `FOCUS` times as far from the best as the median does.

    Args:
        values: float [T], NaN where a trial has no objective.
        goal: "max" or "min"; only the worse side is cut.

    Returns:
        low, high: floats with a margin around the values in focus; 0, 1 if there is no value.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return 0.0, 1.0
    distances = np.abs(known - (known.max() if goal == "max" else known.min()))
    reach = FOCUS * np.median(distances)
    inside = known[distances <= reach] if reach else known
    margin = 0.08 * np.ptp(inside) or 0.05 * abs(inside[0]) or 1.0
    return float(inside.min() - margin), float(inside.max() + margin)


def axis_label(metric, goal):
    """The objective's name and its direction."""
    return f"{metric} ({'higher' if goal == 'max' else 'lower'} is better)"


def draw_objectives(axes, x, values, limits, label=None, **style_of_dots):
    """Scatters values [T] over x [T]; those outside the limits become triangles at the edge that they lie beyond."""
    common = {"s": 38, "linewidths": 0.6, "edgecolors": "white", "zorder": 3, **style_of_dots}
    inset = 0.025 * (limits[1] - limits[0])
    groups = [
        ("o", label, (values >= limits[0]) & (values <= limits[1]), values),
        ("v", label and f"{label} below the axis", values < limits[0], np.full_like(values, limits[0] + inset)),
        ("^", label and f"{label} above the axis", values > limits[1], np.full_like(values, limits[1] - inset)),
    ]
    for marker, text, rows, heights in groups:
        if rows.any():
            color = {"c": common["c"][rows]} if "c" in common else {}
            axes.scatter(x[rows], heights[rows], marker=marker, label=text, **{**common, **color})


def mark_best(axes, x, y, label=None):
    """A ring around the best trial."""
    axes.scatter([x], [y], s=150, facecolors="none", edgecolors=BEST, linewidths=1.8, label=label, zorder=4)


def mark_failed(axes, x):
    """Crosses along the lower edge for the trials that failed."""
    if len(x):
        heights = np.full(len(x), 0.025)
        transform = axes.get_xaxis_transform()
        axes.scatter(x, heights, marker="x", s=36, color=FAILED, transform=transform, label="failed", zorder=3)


def style(axes):
    """Light grid, no box."""
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
