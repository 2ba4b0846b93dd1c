"""The course of the members' hyperparameter distributions in a hyper-batch ensemble, as a picture.

Axes: E epochs along the horizontal axis, the values of one hyperparameter along the logarithmic vertical one.
"""

import re

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_hparam import errors
from keras_hparam.reports.pictures import style

_KEY = re.compile(r"(.+)/member_(\d+)/(lower|upper)")
_COLUMNS = 3


def bounds_figure(history):
    """Draws, for each hyperparameter, the band between the bounds of every member's distribution.

    Args:
        history: dict from "<hyperparameter>/member_<k>/lower" and ".../upper" to E numbers > 0, such as the history
            of an ensemble's `fit`; other keys are left out.

    Returns:
        A `matplotlib.figure.Figure`; see `save_figure`.

    Raises:
        InvalidArgumentError: if there are no bounds in it.

    Example:
        >>> history = ensemble.fit(x, y, epochs=10).history
        >>> reports.save_figure(reports.bounds_figure(history), "bounds.png")
    """
    bands = _bands(history)
    rows = -(-len(bands) // _COLUMNS)
    columns = min(len(bands), _COLUMNS)
    figure = Figure(figsize=(4.2 * columns, 3.0 * rows + 0.6), layout="constrained")
    for index, (name, members) in enumerate(bands.items()):
        axes = figure.add_subplot(rows, columns, index + 1)
        for member, (lower, upper) in sorted(members.items()):
            _draw(axes, lower, upper, matplotlib.color_sequences["tab10"][member % 10], f"member {member}")
        axes.set(title=name, xlabel="epoch", yscale="log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        style(axes)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    return figure


def _bands(history):
    """hyperparameter -> member -> (lower [E], upper [E]), in the order of the history."""
    found = {}
    for key, values in history.items():
        match = _KEY.fullmatch(key)
        if match:
            sides = found.setdefault(match[1], {}).setdefault(int(match[2]), {})
            sides[match[3]] = np.asarray(values, "float64")
    if not found or any(set(sides) != {"lower", "upper"} for members in found.values() for sides in members.values()):
        raise errors.InvalidArgumentError(
            'Expected `history` with "<hyperparameter>/member_<k>/lower" and ".../upper". '
            f"Received: {sorted(history)[:10]}."
        )
    return {
        name: {member: (sides["lower"], sides["upper"]) for member, sides in members.items()}
        for name, members in found.items()
    }


def _draw(axes, lower, upper, color, label):
    epochs = np.arange(1, len(lower) + 1)
    axes.fill_between(epochs, lower, upper, color=color, alpha=0.12, linewidth=0)
    axes.plot(epochs, lower, color=color, linewidth=1.2, linestyle=":")
    axes.plot(epochs, upper, color=color, linewidth=1.2)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(upper > lower, (upper - lower) / np.log(upper / lower), lower)
    axes.plot(epochs, mean, color=color, linewidth=2.2, label=label)
