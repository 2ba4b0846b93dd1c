"""Losses of trainings of several sizes against their compute: the frontier, its slope, a picture."""

import matplotlib.figure
import numpy as np

from keras_hparam import reports


def frontier(curves):
    """(FLOPs, least loss of any training at so many or fewer), in the order of the FLOPs.

    Args:
        curves: dict from name to {"parameters": int, "flops": list, "loss": list}.
    """
    points = sorted(point for one in curves.values() for point in zip(one["flops"], one["loss"], strict=True))
    flops, losses = np.array(points).T
    return flops, np.minimum.accumulate(losses)


def slope(flops, losses):
    """Nats per tenfold compute, by least squares over the last decade."""
    last = flops >= flops[-1] / 10
    return float(np.polyfit(np.log10(flops[last]), losses[last], 1)[0])


def plot(curves, path):
    """Held-out loss against compute, a line for each width, as an image."""
    figure = matplotlib.figure.Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for width, one in curves.items():
        axes.plot(one["flops"], one["loss"], marker=".", label=f"width {width}, {one['parameters']:,} parameters")
    axes.set(xscale="log", xlabel="FLOPs of the training", ylabel="held-out loss, nats a trial")
    axes.grid(alpha=0.3)
    axes.legend()
    reports.save_figure(figure, path)
