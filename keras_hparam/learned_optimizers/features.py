"""What an optimizer network sees of a parameter: moving averages of its gradient, and features made of them.

Axes: a parameter is a tensor [*batch, *shape]; batch is empty, or (M, B) for M candidates and B tasks. Statistics are
those of one tensor [*shape]. [*batch, *ones] is such a statistic, ready to be broadcast.

Every feature is bounded, and none changes when the loss is multiplied by a constant. What has a sign is clipped, and
(a − b) / (a + b) = tanh(½ log(a / b)) compares what is positive. XLA makes one loop of clipped features, network and
update; it writes a tensor for what takes a division or a root, which is why there are few.

Sources: moving averages and their bias correction, Kingma & Ba 2015, arXiv 1412.6980; factored second moments, Shazeer
& Stern 2018, arXiv 1804.04235; features of a learned optimizer, Metz et al. 2022, arXiv 2203.11860.
"""

import math

import numpy as np
from keras import ops

BOUND = 3.0
FAN_IN_SCALE = 64.0
PARAMETER_SCALE = 0.1
DIRECTION_SCALE = 0.1


def averaged_decays(config):
    """(decays of first moments, decays of second moments) that the features of the configuration need."""
    first = config.momentum_decays if "momentum" in config.features else config.momentum_decays[:1]
    second = config.second_moment_decays if "second_moment" in config.features else config.second_moment_decays[:1]
    return first, second


def num_element_features(config):
    """Number of features per parameter."""
    first, second = averaged_decays(config)
    counts = {"gradient": 1, "momentum": len(first), "second_moment": len(second) - 1, "factored": 2, "parameter": 1}
    return sum(counts.get(group, 0) for group in config.features)


def num_context_features(config):
    """Number of features per tensor, time included."""
    counts = {"time": len(config.time_scales) + 2, "tensor": 4}
    return sum(counts.get(group, 0) for group in config.features)


def moment_shapes(config, shape):
    """The shapes of the moving averages that are kept of a parameter, by name.

    Args:
        config: `OptimizerConfig`.
        shape: of the parameter, without batch axes.

    Returns:
        Dict with "momentum_0", … and "second_moment_0", …, one for each decay, of the parameter's shape; with factored
        second moments and two axes or more (all but the last count as one) also "rows" (in,) and "columns" (out,).
    """
    first, second = averaged_decays(config)
    shapes = {f"momentum_{index}": tuple(shape) for index in range(len(first))}
    shapes |= {f"second_moment_{index}": tuple(shape) for index in range(len(second))}
    if "factored" in config.features and len(shape) >= 2:
        shapes |= {"rows": (math.prod(shape[:-1]),), "columns": (shape[-1],)}
    return shapes


def updated_moments(config, moments, gradient, batch_rank=0):
    """The moving averages after one more gradient: a ← decay·a + (1 − decay)·new.

    Args:
        config: `OptimizerConfig`.
        moments: dict of tensors [*batch, *shape], named as by `moment_shapes`; zero before the first step.
        gradient: tensor [*batch, *shape].
        batch_rank: number of batch axes.
    """
    first, second = averaged_decays(config)
    square = ops.square(gradient)
    news = {f"momentum_{index}": (gradient, decay) for index, decay in enumerate(first)}
    news |= {f"second_moment_{index}": (square, decay) for index, decay in enumerate(second)}
    if "rows" in moments:
        matrix = ops.reshape(square, (*gradient.shape[:batch_rank], -1, gradient.shape[-1]))
        news["rows"] = ops.mean(matrix, axis=-1), config.factored_decay
        news["columns"] = ops.mean(matrix, axis=-2), config.factored_decay
    return {name: average(moments[name], new, decay) for name, (new, decay) in news.items()}


def average(old, new, decay):
    """decay·old + (1 − decay)·new."""
    return old + (1.0 - decay) * (new - old)


def corrections(config, step):
    """1 / (1 − decay^(step + 1)), what the moving averages of the steps 0 … step are multiplied by.

    Args:
        config: `OptimizerConfig`.
        step: float scalar tensor ≥ 0.

    Returns:
        Dict of scalar tensors: "momentum_0", …, "second_moment_0", …, and "factored".
    """
    first, second = averaged_decays(config)
    logarithms = ops.convert_to_tensor(np.log([*first, *second, config.factored_decay]), step.dtype)
    found = ops.unstack(-1.0 / ops.expm1((step + 1.0) * logarithms), len(first) + len(second) + 1)
    names = [f"momentum_{index}" for index in range(len(first))] + [f"second_moment_{i}" for i in range(len(second))]
    return dict(zip([*names, "factored"], found, strict=True))


def bounded(x):
    """x between −3 and 3: features of this kind are normalised, so that most are smaller."""
    return ops.clip(x, -BOUND, BOUND)


def contrast(a, b):
    """(a − b) / (a + b) of a, b ≥ 0, in [−1, 1]; 0 where both are 0."""
    return (a - b) / (a + b + 1e-30)


def root_mean_square(x, batch_rank=0):
    """Root mean square of a tensor [*batch, *shape] over its shape: [*batch, *ones]."""
    square = ops.square(x)
    while len(square.shape) > batch_rank + 1:  # axis by axis: sums over leading axes are vectorized
        square = ops.mean(square, axis=batch_rank)
    mean = ops.mean(square, axis=-1) if len(square.shape) > batch_rank else square
    return ops.reshape(ops.sqrt(mean), (*x.shape[:batch_rank], *(1,) * (len(x.shape) - batch_rank)))


def inverse_root(second_moment, correction, epsilon):
    """1 / (sqrt(v̂) + ε) of a moving average v of squares, v̂ = v·correction."""
    return 1.0 / (ops.sqrt(second_moment * correction) + epsilon)


def factored_inverse_root(moments, correction, epsilon, shape):
    """(p [*batch, …, 1], q [*batch, 1, …, out]) with p·q = 1 / sqrt(v̂), where v = rows·columns / mean(rows)."""
    rows, columns = moments["rows"], moments["columns"]
    relative = columns / (ops.mean(columns, axis=-1, keepdims=True) + 1e-30)
    p = inverse_root(rows, correction, epsilon)
    q = 1.0 / (ops.sqrt(relative) + 1e-6)
    batch = tuple(rows.shape[:-1])
    return ops.reshape(p, (*batch, *shape[:-1], 1)), ops.reshape(q, (*batch, *(1,) * (len(shape) - 1), shape[-1]))


def element_features(config, moments, factors, parameter, gradient, inverse, rms, batch_rank=0):
    """The features per parameter: a list of tensors [*batch, *shape] between −3 and 3.

    Args:
        config: `OptimizerConfig`.
        moments: dict of `updated_moments`.
        factors: dict of `corrections`.
        parameter, gradient: tensors [*batch, *shape].
        inverse: `inverse_root` of the first second moment.
        rms: `root_mean_square` of the parameter.
        batch_rank: number of batch axes.
    """
    first, second = averaged_decays(config)
    corrected = [moments[name] * factors[name] for name in (f"momentum_{index}" for index in range(len(first)))]
    found = []
    if "gradient" in config.features:
        found.append(gradient * inverse)
    if "momentum" in config.features:
        found += [m * inverse for m in corrected]
    if "factored" in config.features:
        p, q = inverse, 1.0
        if "rows" in moments:
            shape = parameter.shape[batch_rank:]
            p, q = factored_inverse_root(moments, factors["factored"], config.epsilon, shape)
        found += [gradient * p * q, corrected[0] * p * q]
    if "parameter" in config.features:
        found.append(parameter * (1.0 / (rms + 1e-12)))
    found = [bounded(x) for x in found]
    if "second_moment" in config.features:
        names = (f"second_moment_{index}" for index in range(len(second)))
        base, *others = (moments[name] * factors[name] for name in names)
        found += [contrast(other, base) for other in others]
    return found


def time_features(config, step, total_steps=None):
    """Features [T + 2] of the step number s: tanh(½ log((s + 1) / scale)) for T scales, s / total, whether it is known.

    Args:
        config: `OptimizerConfig`, with its `time_scales`.
        step: float scalar tensor ≥ 0.
        total_steps: scalar tensor or number; None, or not above 0: unknown.
    """
    times = contrast(step + 1.0, ops.convert_to_tensor(config.time_scales, step.dtype))
    total = ops.cast(0.0 if total_steps is None else total_steps, step.dtype)
    known = ops.cast(total > 0, step.dtype)
    return ops.concatenate([times, ops.stack([known * ops.minimum(step / ops.maximum(total, 1.0), 1.0), known])])


def tensor_features(shape, rms, direction_rms):
    """Features [*batch, 4] of a tensor: its size, that of the base direction, its fan-in, whether it has several axes.

    The root mean square of the base direction m̂ / sqrt(v̂) is both the relative size of an update and the ratio of
    signal to noise of the gradients.

    Args:
        shape: of the parameter, without batch axes.
        rms, direction_rms: tensors [*batch, *ones], root mean squares.
    """
    batch = tuple(rms.shape[: len(rms.shape) - len(shape)])
    sizes = ops.stack([ops.reshape(size, batch) for size in (rms, direction_rms)], axis=-1)
    scales = ops.convert_to_tensor([PARAMETER_SCALE, DIRECTION_SCALE], rms.dtype)
    facts = [contrast(float(np.prod(shape[:-1])), FAN_IN_SCALE), float(len(shape) >= 2)]
    facts = ops.broadcast_to(ops.convert_to_tensor(facts, rms.dtype), (*batch, 2))
    return ops.concatenate([contrast(sizes, scales), facts], axis=-1)
