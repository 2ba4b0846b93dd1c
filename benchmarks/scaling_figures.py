"""Losses of trainings of several sizes against their compute: the frontier, its slope, a picture."""

import matplotlib.figure
import numpy as np

from keras_hparam import checkpoints, reports
from keras_hparam.optformer.weights import KIND

METRIC = "held_out_nll"
POSITIONS = 2  # of a trial


def trained_steps(workdir):
    """Of the weights that a training has left; 0, if there are none."""
    if not (workdir / "weights").exists():
        return 0
    return checkpoints.load_weights(workdir / "weights", kind=KIND).manifest["training"]["figures"]["step"]


def curve(workdir, trials_per_batch):
    """{"parameters": int, "flops": [evaluations], "loss": [evaluations]} of a finished training of an OptFormer."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    weights = checkpoints.load_weights(workdir / "weights", kind=KIND).weights
    parameters = sum(int(np.size(array)) for array in weights.values())
    log = EventAccumulator(str(workdir / "tensorboard")).Reload()
    found = {event.step: event.value for event in log.Scalars(METRIC)}  # after a kill, steps are written twice
    steps = np.array(sorted(found))
    flops = 6.0 * parameters * POSITIONS * trials_per_batch * steps
    return {"parameters": parameters, "flops": flops.tolist(), "loss": [found[step] for step in steps.tolist()]}


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
