"""Random values and local moves on a `SearchSpace`, in the unit interval of each parameter.

Written against single parameters and without tokens, so that what measures the model shares no code with it.
"""

import numpy as np


def is_active(parameter, values):
    """Whether every condition of the parameter holds under the values chosen so far (parents come first)."""
    return all(c.name in values and values[c.name] in c.values for c in parameter.conditions)


def random_value(parameter, rng):
    """A plain value, uniform on the parameter's scale."""
    if parameter.is_categorical:
        return parameter.from_index(int(rng.integers(parameter.num_values)))
    return parameter.from_unit(float(rng.random()))


def random_values(space, rng):
    """Dict of the active values of one random configuration."""
    values = {}
    for parameter in space.parameters:
        if is_active(parameter, values):
            values[parameter.name] = random_value(parameter, rng)
    return values


def moved(parameter, value, rng, scale, resample):
    """A neighbour of a value: a Gaussian step clipped to the range, or another category with some probability."""
    if parameter.is_categorical:
        return random_value(parameter, rng) if rng.random() < resample else value
    return parameter.from_unit(float(np.clip(parameter.to_unit(value) + scale * rng.normal(), 0.0, 1.0)))


def neighbour(space, values, rng, scale, resample, rate=1.0):
    """A configuration near another one.

    Args:
        space: `SearchSpace`.
        values: dict of active values.
        rng: `np.random.Generator`.
        scale: standard deviation of a numeric step in the unit interval.
        resample: probability that a categorical parameter is drawn anew.
        rate: probability that a parameter is touched at all; one always is.

    Returns:
        Dict of active values; parameters that became active are random.
    """
    touched = rng.random(len(space.parameters)) < rate
    active = [i for i, p in enumerate(space.parameters) if is_active(p, values)]
    touched[rng.choice(active)] = True
    result = {}
    for parameter, touch in zip(space.parameters, touched, strict=True):
        if not is_active(parameter, result):
            continue
        if parameter.name not in values or not parameter.contains(values[parameter.name]):
            result[parameter.name] = random_value(parameter, rng)
        elif touch:
            result[parameter.name] = moved(parameter, values[parameter.name], rng, scale, resample)
        else:
            result[parameter.name] = values[parameter.name]
    return result
