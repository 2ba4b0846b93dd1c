"""Validations in the course of a training as a picture. Drawn with matplotlib's objects: no global state."""

import numpy as np
from matplotlib.figure import Figure

from keras_hparam import errors


def curve_figure(history, step="meta_step"):
    """Draws the validation scores of each family and their mean against the step, and marks the best.

    Args:
        history: list of dicts with the step, "score" and the scores of families by name; at least one.
        step: the name of the step in them.

    Returns:
        A `matplotlib.figure.Figure`; see `keras_hparam.reports.save_figure`.

    Raises:
        InvalidArgumentError: for an empty history.
    """
    if not history:
        raise errors.InvalidArgumentError("Expected `history` of one validation or more. Received: none.")
    steps = [validated[step] for validated in history]
    names = [name for name in history[0] if name not in (step, "score")]
    columns = 1 + len(names) // 20
    figure = Figure(figsize=(6 + 2 * columns, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name in names:
        axes.plot(steps, _finite(history, name), linewidth=1, label=name)
    scores = _finite(history, "score")
    axes.plot(steps, scores, color="black", linewidth=2, label="mean")
    if np.isfinite(scores).any():
        best = int(np.nanargmin(scores))
        axes.plot(steps[best], scores[best], "o", color="black", label=f"best: {scores[best]:.4g} at {steps[best]}")
    axes.set(title="Held-out tasks", xlabel=step.replace("_", "-"), ylabel="normalised loss (lower is better)")
    axes.grid(color="#e6e6e6")
    figure.legend(loc="outside right upper", frameon=False, fontsize=8, ncols=columns)
    return figure


def _finite(history, name):
    """Values of all validations; a gap where one is not finite."""
    values = np.array([validated[name] for validated in history], "float64")
    return np.where(np.isfinite(values), values, np.nan)
