"""Encodings in the course of a search as a picture. Drawn with matplotlib's objects: no global state."""

import math

import numpy as np
from matplotlib.figure import Figure

from keras_hparam import errors


def encodings_figure(history, bases):
    """Draws the probability of each candidate of each basis against the cost of the search so far.

    Args:
        history: list of dicts with "cost" and "probabilities", see `AutoHAS.history`; at least one.
        bases: list of `Basis`; those of one candidate are left out.

    Returns:
        A `matplotlib.figure.Figure`; see `keras_hparam.reports.save_figure`.

    Raises:
        InvalidArgumentError: for an empty history.
    """
    if not history:
        raise errors.InvalidArgumentError("Expected `history` of one round or iteration. Received: none.")
    costs = np.array([0, *(noted["cost"] for noted in history)])
    shown = [index for index, basis in enumerate(bases) if len(basis) > 1]
    starts = np.cumsum([0, *(len(basis) for basis in bases)])
    columns = min(3, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(4.2 * columns, 2.6 * rows), layout="constrained")
    for place, index in enumerate(shown):
        basis, part = bases[index], slice(starts[index], starts[index + 1])
        lines = [[1 / len(basis)] * len(basis), *(noted["probabilities"][part] for noted in history)]
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.plot(costs, lines, linewidth=1.5, label=[_label(value) for value in basis.values])
        axes.set(title=basis.name, ylim=(-0.03, 1.03), ylabel="probability" if place % columns == 0 else None)
        axes.set(xlabel="gradients computed" if place >= len(shown) - columns else None)
        axes.grid(color="#e6e6e6")
        axes.legend(frameon=False, fontsize=7, loc="upper left")
    return figure


def _label(value):
    return f"{value:g}" if isinstance(value, float) else str(value)
