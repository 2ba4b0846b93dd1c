"""Random search spaces as users write them: parameters with meaningful or meaningless names, and conditions.

D is the number of parameters of a space; their order is random except that parents come first.
"""

from keras_hparam.optformer.corpus import conditions, draws, names, parameters, roles
from keras_hparam.spaces import SearchSpace

CONDITIONAL_SHARE = 0.2  # of the studies have at least one conditional parameter, where D allows
MEAN_PARAMETERS = 4.6
LARGE_SHARE = 0.15  # of the spaces have any number of parameters from half of the limit on


def random_count(rng, max_parameters):
    """D, from 1 to `max_parameters`; the mean of the spaces that are not large is about `MEAN_PARAMETERS`."""
    if draws.chance(rng, LARGE_SHARE):
        return draws.whole_between(rng, (max_parameters + 1) // 2, max_parameters)
    return int(min(max_parameters, 1 + rng.gamma(2.0, (MEAN_PARAMETERS - 0.5) / 2.0)))


def random_space(rng, max_parameters=12, themed=True):
    """A random space and its theme.

    Args:
        rng: `np.random.Generator`.
        max_parameters: the largest D, at least 1.
        themed: whether the parameters are known hyperparameters with ranges that fit, or meaningless.

    Returns:
        `SearchSpace`, and a key of `names.THEMES` or `names.NO_THEME`.
    """
    count = random_count(rng, max_parameters)
    if not themed:
        drawn = [parameters.anonymous_parameter(rng, name) for name in names.meaningless_names(rng, count)]
        theme = names.NO_THEME
    else:
        theme = draws.pick(rng, tuple(names.THEMES), (10, 2, 4, 1))
        drawn = _themed_parameters(rng, theme, count)
    if count > 1 and draws.chance(rng, CONDITIONAL_SHARE * 1.25):  # some draws find nothing to depend on
        drawn = conditions.add_conditions(rng, drawn, max_parameters)
    return SearchSpace(tuple(drawn)), theme


def _themed_parameters(rng, theme, count):
    weights = names.THEMES[theme]
    order = sorted(weights, key=lambda role: rng.exponential() / weights[role])[:count]
    prefix = draws.pick(rng, roles.PREFIXES) if draws.chance(rng, 0.12) else ""
    found = {}
    while len(found) < count:
        role = order[len(found)] if len(found) < len(order) else draws.pick(rng, order)
        aliases = roles.ROLES[role].aliases
        alias = draws.pick(rng, aliases, tuple(3.0 if index == 0 else 1.0 for index in range(len(aliases))))
        alias = alias.upper() if alias == "c" else alias
        name = prefix + alias if len(found) < len(order) else f"{prefix}{alias}_{len(found)}"
        found[name] = parameters.themed_parameter(rng, role, name)
    drawn = list(found.values())
    rng.shuffle(drawn)
    return drawn
