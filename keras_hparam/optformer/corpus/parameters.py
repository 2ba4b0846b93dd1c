"""Random parameters, of a known role with a range that fits, or without meaning."""

from keras_hparam.optformer.corpus import draws, names, roles
from keras_hparam.spaces import Parameter

FIXED_SHARE = 0.02  # of the parameters have one value only


def anonymous_parameter(rng, name):
    """A parameter of a random kind and range under a name that means nothing."""
    kind = draws.pick(rng, ("float", "int", "choice", "boolean"), (11, 4, 3.5, 1.5))
    if draws.chance(rng, FIXED_SHARE):
        return Parameter(name, "fixed", values=(draws.pick(rng, (0, 1, 0.5, "a", True, draws.rounded(rng.normal()))),))
    if kind == "boolean":
        return Parameter(name, "boolean")
    if kind == "choice":
        return _anonymous_choice(rng, name)
    scale = draws.pick(rng, ("linear", "log", "reverse_log"), (12, 5, 1) if kind == "float" else (4, 1, 0))
    if scale == "linear":
        width = draws.rounded(draws.log_between(rng, 0.01, 1e4), 1)
        low = draws.pick(rng, (0.0, -width / 2, -width, draws.rounded(width * rng.normal())), (5, 3, 1, 2))
    else:
        width = 0.0
        low = draws.rounded(draws.log_between(rng, 1e-6, 10.0), 1)
    high = low + width if width else draws.rounded(low * 10.0 ** draws.between(rng, 0.7, 6.0))
    if kind == "int":
        low = max(1, round(low)) if scale == "log" else round(low)
        span = abs(high - low) if draws.chance(rng, 0.03) else draws.log_between(rng, 1.0, 500.0)
        high = low + 1 + round(span)
        return ranged(rng, name, "int", low, high, scale, step_share=0.15)
    return ranged(rng, name, "float", low, float(high), scale, step_share=0.12)


def _anonymous_choice(rng, name):
    most = draws.pick(rng, (4, 8, 16), (5, 3, 1))
    count = draws.whole_between(rng, 2, most)
    style = draws.pick(rng, ("letter", "word", "int", "float"), (3, 2, 3, 2))
    if style == "letter":
        return Parameter(name, "choice", values=tuple("abcdefghijklmnop"[:count]), ordered=draws.chance(rng, 0.1))
    if style == "word":
        return Parameter(name, "choice", values=tuple(names.meaningless_names(rng, count)))
    base = draws.whole_between(rng, -3, 8)
    if style == "int":
        gap = draws.pick(rng, (1, 2, 5, 10, 32))
        values = tuple(base + gap * index for index in range(count))
    else:
        values = tuple(draws.rounded(10.0 ** (0.5 * (base - 8) + 0.5 * index)) for index in range(count))
    if draws.chance(rng, 0.15):
        values = values[::-1]
    return Parameter(name, "choice", values=values, ordered=draws.chance(rng, 0.7))


def themed_parameter(rng, role, name):
    """A parameter of that role (a key of `roles.ROLES`), in one of the role's ranges or near one."""
    spec = draws.pick(rng, roles.ROLES[role].ranges)
    if draws.chance(rng, FIXED_SHARE):
        value = spec[1][0] if spec[0] == "choice" else True if spec[0] == "boolean" else spec[1]
        return Parameter(name, "fixed", values=(value,))
    if spec[0] == "boolean":
        return Parameter(name, "boolean")
    if spec[0] == "choice":
        numeric = not isinstance(spec[1][0], str)
        return Parameter(name, "choice", values=spec[1], ordered=spec[2] and (not numeric or draws.chance(rng, 0.9)))
    kind, low, high, scale, step = spec
    if kind == "float" and scale == "log" and draws.chance(rng, 0.4):
        low = draws.rounded(low * 10.0 ** draws.between(rng, -1.0, 0.7), 1)
        high = draws.rounded(high * 10.0 ** draws.between(rng, -0.5, 0.5), 1)
    elif kind == "int" and step is None and draws.chance(rng, 0.4):
        high = max(low + 1, round(high * draws.between(rng, 0.4, 1.0 if high >= 500 else 2.0)))
    return ranged(rng, name, kind, low, high, scale, step)


def ranged(rng, name, kind, low, high, scale, step=None, step_share=0.0):
    """A float or int parameter, which gets a random step with probability `step_share` where it has none."""
    if step is None and draws.chance(rng, step_share):
        if scale != "linear":
            step = draws.pick(rng, (2, 10) if kind == "int" or high / low > 100 else (2.0, 10.0**0.5))
        else:
            step = (high - low) / draws.whole_between(rng, 2, 20)
            step = max(1, round(step)) if kind == "int" else draws.rounded(step)
        if scale != "linear" and low * step > high:
            step = None
    return Parameter(name, kind, low=low, high=high, step=step, scale=scale)
