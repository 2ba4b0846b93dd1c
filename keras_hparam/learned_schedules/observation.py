"""What a controller sees of a training: measurements as features that do not depend on units or scales.

Losses, variances and rates are compared with earlier ones: what counts is the logarithm of their ratio. A loss times a
constant, or other units of inputs and outputs, change no feature but the logarithm of the inputs' own variance.

Source: US20210034973A1 (the training dynamics observation); Xu et al. 2019, arXiv 1909.09712.

Axes: … independent trainings, F features.
"""

from typing import NamedTuple

from keras import ops

RATE_SCALE = 1e-2  # a usual learning rate: where the feature of the rate itself is 0
LARGEST = 10.0  # of a log ratio
_NAMES = {  # group: the measurements it needs
    "rate": ("rate",),
    "budget": (),
    "training_loss": ("training_loss",),
    "validation_loss": ("validation_loss", "training_loss"),
    "layer": ("layer_mean", "layer_variance"),
    "outputs": ("outputs_before", "outputs_after", "outputs_change"),
    "inputs": ("inputs_mean", "inputs_variance"),
}
_COUNTS = {"rate": 2, "budget": 2, "training_loss": 3, "validation_loss": 5, "layer": 2, "outputs": 2, "inputs": 2}


class Measurements(NamedTuple):
    """What is measured between two decisions, float […] each; None for what no feature needs.

    Attributes:
        rate: > 0, the learning rate of these steps.
        training_loss: mean over the steps.
        validation_loss: after the steps, on all or on a fixed part of the validation data.
        layer_mean, layer_variance: of the parameters of a designated layer, after the steps.
        outputs_before, outputs_after: variance of the outputs before and after the steps on the same inputs.
        outputs_change: variance of the difference of these outputs.
        inputs_mean, inputs_variance: of the inputs.
    """

    rate: object = None
    training_loss: object = None
    validation_loss: object = None
    layer_mean: object = None
    layer_variance: object = None
    outputs_before: object = None
    outputs_after: object = None
    outputs_change: object = None
    inputs_mean: object = None
    inputs_variance: object = None


def needed(config):
    """Names of the `Measurements` that the features of a configuration need, in their order."""
    wanted = {name for group in config.features for name in _NAMES[group]}
    return tuple(name for name in Measurements._fields if name in wanted)


def num_features(config):
    """F: the number of features of a configuration."""
    return sum(_COUNTS[group] for group in config.features)


def initial_state(config, shape=()):
    """What is remembered of earlier decisions, before the first: dict of float32 tensors of the shape […].

    Args:
        config: `ControllerConfig`.
        shape: of the axes of independent trainings.
    """
    names = ["decisions"] + ["first_rate"] * ("rate" in config.features)
    for loss in ("training_loss", "validation_loss"):
        if loss in config.features:
            names += [f"first_{loss}", f"last_{loss}", f"trend_{loss}"]
    names += ["least_validation_loss"] * ("validation_loss" in config.features)
    names += ["first_layer_variance"] * ("layer" in config.features)
    return {name: ops.zeros(shape, "float32") for name in names}


def observe(config, state, measured, share=None):
    """The features of a decision, and what is remembered.

    Args:
        config: `ControllerConfig`.
        state: of `initial_state` or of the last decision.
        measured: `Measurements`.
        share: float […] or number in [0, 1], the share of the training's steps that is done; None or negative: unknown.

    Returns:
        (features float32 […, F], state). At the first decision comparisons with earlier ones are 0.
    """
    state, found = dict(state), []
    is_first = state["decisions"] < 0.5
    for group in config.features:
        if group == "budget":
            share = ops.zeros_like(state["decisions"]) + (-1.0 if share is None else share)
            known = ops.cast(share >= 0.0, "float32")
            found += [known * share, known]
        else:
            found += _GROUPS[group](config, state, measured, is_first)
    state["decisions"] = state["decisions"] + 1.0
    features = ops.stack([ops.cast(feature, "float32") for feature in found], axis=-1)
    return ops.where(ops.isfinite(features), features, LARGEST), state


def log_ratio(a, b):
    """log(a / b) of numbers of one sign, between −10 and 10; ±10 for numbers of two signs, 0 where both are 0.

    Args:
        a, b: float […]. What is not finite counts as very large.

    Example:
        >>> log_ratio([2.0, -1.0, np.nan], [1.0, 1.0, 1.0])
        [0.69, -10.0, 10.0]
    """
    a, b = (ops.where(ops.isfinite(x), x, 1e30) for x in (ops.convert_to_tensor(a), ops.convert_to_tensor(b)))
    tiny = 1e-30
    size = ops.clip(ops.log(ops.abs(a) + tiny) - ops.log(ops.abs(b) + tiny), -LARGEST, LARGEST)
    direction = ops.where(b < 0, -1.0, 1.0)  # of two negative numbers the larger one is nearer to 0
    return ops.where(a * direction < 0, -LARGEST * direction, size * direction)


def _rate(config, state, measured, is_first):
    state["first_rate"] = ops.where(is_first, measured.rate, state["first_rate"])
    return [log_ratio(measured.rate, RATE_SCALE * ops.ones_like(state["first_rate"])),
            log_ratio(measured.rate, state["first_rate"])]  # fmt: skip


def _loss(name):
    """Features of a loss: relative to the first, to the last one, and a moving average of the latter."""

    def features(config, state, measured, is_first):
        value = getattr(measured, name)
        first = ops.where(is_first, value, state[f"first_{name}"])
        change = ops.where(is_first, 0.0, log_ratio(value, state[f"last_{name}"]))
        trend = config.smoothing * state[f"trend_{name}"] + (1.0 - config.smoothing) * change
        state |= {f"first_{name}": first, f"last_{name}": value, f"trend_{name}": trend}
        return [log_ratio(value, first), change, trend]

    return features


def _validation_loss(config, state, measured, is_first):
    found = _loss("validation_loss")(config, state, measured, is_first)
    value = measured.validation_loss
    least = ops.where(is_first, value, ops.minimum(state["least_validation_loss"], value))
    state["least_validation_loss"] = least
    return [*found, log_ratio(value, least), log_ratio(value, measured.training_loss)]


def _layer(config, state, measured, is_first):
    variance = measured.layer_variance
    state["first_layer_variance"] = ops.where(is_first, variance, state["first_layer_variance"])
    return [_standard(measured.layer_mean, variance), log_ratio(variance, state["first_layer_variance"])]


def _outputs(config, state, measured, is_first):
    before = measured.outputs_before
    return [log_ratio(measured.outputs_after, before), log_ratio(measured.outputs_change, before)]


def _inputs(config, state, measured, is_first):
    variance = measured.inputs_variance
    return [_standard(measured.inputs_mean, variance), log_ratio(variance, ops.ones_like(variance))]


def _standard(mean, variance):
    """mean / standard deviation, between −10 and 10."""
    return ops.clip(mean / ops.sqrt(variance + 1e-30), -LARGEST, LARGEST)


_GROUPS = {
    "rate": _rate, "training_loss": _loss("training_loss"), "validation_loss": _validation_loss, "layer": _layer,
    "outputs": _outputs, "inputs": _inputs,
}  # fmt: skip
