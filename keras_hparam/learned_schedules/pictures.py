"""The course of a learned rate and of the losses as a picture. Drawn with matplotlib's objects: no global state."""

from matplotlib.figure import Figure

from keras_hparam import errors

LOSSES = {"training_loss": "training, since the decision before", "validation_loss": "validation"}


def schedule_figure(history):
    """Draws the learning rate after each decision above the losses that the decision saw, both on log scales.

    Args:
        history: dict of lists, `TrainingDynamics.history`; at least one decision.

    Returns:
        A `matplotlib.figure.Figure`; see `keras_hparam.reports.save_figure`.

    Raises:
        InvalidArgumentError: for a history without decisions.

    Example:

    ```python
    reports.save_figure(schedule_figure(dynamics.history), "rate.png")
    ```
    """
    if not history.get("step"):
        raise errors.InvalidArgumentError(
            "Expected the `history` of a TrainingDynamics with one decision or more. Received: none."
        )
    figure = Figure(figsize=(8, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.step(history["step"], history["learning_rate"], where="post", color="black")
    upper.set(ylabel="learning rate", yscale="log")
    for name, label in LOSSES.items():
        if name in history:
            lower.plot(history["step"], history[name], label=label)
    lower.set(xlabel="step", ylabel="loss", yscale="log")
    lower.legend(frameon=False)
    for axes in (upper, lower):
        axes.grid(color="#e6e6e6")
    return figure
