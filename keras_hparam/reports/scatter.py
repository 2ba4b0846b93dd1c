"""Each parameter against the objective, in small panels.

Axes: D panels, one per parameter; in each the T trials in which the parameter is active.
"""

import math

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from keras_hparam import errors
from keras_hparam.reports import pictures
from keras_hparam.reports.records import ParameterScale, best_record, objectives

COLORS = "viridis_r"
MAX_COLUMNS = 5
JITTER = 0.22  # half the width of the strip of a category, where categories are 1 apart


def parameters_figure(records, scales, goal, metric="objective"):
    """Draws one panel per parameter: its value against the objective, coloured by the trial's number.

    Numbers stand on the axis that their range asks for, categories as jittered strips. A trial in which a parameter is
    inactive is not in its panel. The best trial is ringed and failed ones are crosses along the lower edge.

    Args:
        records: at least one finished `TrialRecord`; pending ones are left out.
        scales: D `ParameterScale`s, one panel each, or None to infer them from the values.
        goal: "max" or "min".
        metric: str, the objective's name.

    Returns:
        A `matplotlib.figure.Figure`; see `save_figure`.

    Raises:
        InvalidArgumentError: if no trial is finished, no parameter is given or the goal is unknown.
    """
    records = pictures.finished(records, goal)
    scales = infer_scales(records) if scales is None else list(scales)
    if not scales:
        raise errors.InvalidArgumentError("Expected `scales` of at least one parameter. Received: none.")
    rows = math.ceil(len(scales) / MAX_COLUMNS)
    columns = math.ceil(len(scales) / rows)
    figure = Figure(figsize=(2.8 * columns + 1.1, 2.8 * rows + 0.7), layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    limits = pictures.focus_limits(objectives(records), goal)
    colors = Normalize(1, max(record.number for record in records))
    for position, (panel, scale) in enumerate(zip(panels, scales, strict=False)):
        _draw_panel(panel, records, scale, goal, limits, colors)
        if position % columns == 0:
            panel.set_ylabel(metric)
    for panel in panels[len(scales) :]:
        panel.set_visible(False)
    mappable = ScalarMappable(colors, COLORS)
    figure.colorbar(mappable, ax=panels, label="trial", aspect=35, ticks=MaxNLocator(integer=True))
    figure.suptitle(f"Parameters against {pictures.axis_label(metric, goal)}")
    figure.legend(handles=_legend_handles(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def infer_scales(records):
    """`ParameterScale`s of all parameters in the records: linear where all values are numbers, else categorical."""
    columns = {}
    for record in records:
        for name, value in record.values.items():
            columns.setdefault(name, []).append(value)
    return [
        ParameterScale(name, "categorical" if any(isinstance(v, (str, bool)) for v in values) else "linear")
        for name, values in columns.items()
    ]


def category_positions(scale, values):
    """Places on the axis of values [T] of a categorical parameter: float [T], and the labels of places 0, 1, ...

    Values that `scale.choices` does not list follow those that it does, in the order in which they occur.
    """
    choices = list(dict.fromkeys((type(value).__name__, value) for value in (*scale.choices, *values)))
    place = {choice: position for position, choice in enumerate(choices)}
    positions = np.array([place[type(value).__name__, value] for value in values], float)
    return positions, [str(value) for _, value in choices]


def _draw_panel(panel, records, scale, goal, limits, colors):
    """One parameter against the objective, for the records in which it is active."""
    active = [record for record in records if scale.name in record.values]
    values = [record.values[scale.name] for record in active]
    numbers = np.array([record.number for record in active])
    if scale.scale == "categorical":
        x, labels = category_positions(scale, values)
        x = x + JITTER * _jitter(numbers)
        panel.set_xticks(range(len(labels)), labels)
        panel.set_xlim(-0.5, max(len(labels), 1) - 0.5)
    else:
        x = np.array(values, float)
        _set_numeric_axis(panel, scale, x)
    heights = objectives(active)
    pictures.draw_objectives(panel, x, heights, limits, c=numbers, norm=colors, cmap=COLORS)
    pictures.mark_failed(panel, x[np.isnan(heights)])
    best = best_record(records, goal)
    if best in active:
        pictures.mark_best(panel, x[active.index(best)], best.objective)
    panel.set(xlabel=scale.name, ylim=limits)
    pictures.style(panel)


def _set_numeric_axis(panel, scale, x):
    """Range and scale of a number's axis; the ends of the range lie a little inside it."""
    ends = [end for end in (scale.low, scale.high) if end is not None]
    seen = [*x, *ends] or [0.0, 1.0]
    low, high = float(min(seen)), float(max(seen))
    if scale.scale == "log" and low > 0:
        panel.set_xscale("log")
        margin = (high / low) ** 0.05 if high > low else 2.0
        panel.set_xlim(low / margin, high * margin)
        return
    if scale.scale == "reverse_log":  # resolution near the upper end: x -> log(low + high - x)
        panel.set_xscale(
            "function", functions=(lambda v: _mirrored_log(v, low, high), lambda v: _unmirror(v, low, high))
        )
        panel.set_xlim(low, high)
        return
    margin = 0.05 * (high - low) or 0.5
    panel.set_xlim(low - margin, high + margin)
    if all(float(end).is_integer() for end in seen):
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _mirrored_log(values, low, high):
    return -np.log(np.maximum(low + high - np.asarray(values, float), 1e-3 * low))


def _unmirror(values, low, high):
    return low + high - np.exp(-np.asarray(values, float))


def _jitter(numbers):
    """Offsets in [-1, 1] that spread successive trials evenly: multiples of the golden ratio modulo 1."""
    return 2 * np.mod(np.asarray(numbers, float) * (math.sqrt(5) - 1) / 2, 1) - 1


def _legend_handles():
    marks = [
        ("o", "trial (colour: its number)", {"color": pictures.TRIAL}),
        ("o", "best", {"markerfacecolor": "none", "markeredgecolor": pictures.BEST, "markersize": 11}),
        ("v", "beyond the axis", {"color": pictures.TRIAL}),
        ("x", "failed", {"color": pictures.FAILED}),
    ]
    return [Line2D([], [], linestyle="", marker=marker, label=label, **look) for marker, label, look in marks]
