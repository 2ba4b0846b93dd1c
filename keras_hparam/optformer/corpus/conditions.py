"""Conditions among the parameters of a random space: parents come before the parameters that depend on them."""

import dataclasses

from keras_hparam.optformer.corpus import draws, roles
from keras_hparam.optformer.corpus.parameters import themed_parameter
from keras_hparam.spaces import Condition, Parameter


def parent_values(parameter):
    """The values of a parameter that others may depend on: those of a choice, a boolean or a short int range."""
    if parameter.kind == "boolean":
        return (False, True)
    if parameter.kind == "choice":
        return parameter.values
    if parameter.kind == "int" and parameter.scale == "linear" and parameter.step in (None, 1):
        count = parameter.high - parameter.low + 1
        return tuple(range(parameter.low, parameter.high + 1)) if 1 < count <= 8 else ()
    return ()


def add_conditions(rng, parameters, max_parameters):
    """The parameters, parents first, some of them now conditional, and layers repeated where depth and width are."""
    parents = [parameter for parameter in parameters if parent_values(parameter)]
    if not parents:
        parents = [Parameter(f"use_{parameters[0].name}", "boolean")]
        parameters = [*parents, *parameters[: max_parameters - 1]]
    parent = draws.pick(rng, parents)
    others = [parameter for parameter in parameters if parameter is not parent]
    if roles.role_of(parent.name) == "depth" and parent.kind == "int" and draws.chance(rng, 0.7):
        return _repeat_layers(rng, parent, others, max_parameters)
    share = draws.between(rng, 0.2, 0.9)
    gated = [draws.chance(rng, share) for _ in others]
    gated[draws.whole_between(rng, 0, len(others) - 1)] = True
    placed = [parent]
    for parameter, is_gated in zip(others, gated, strict=True):
        above = draws.pick(rng, [p for p in placed if parent_values(p)]) if draws.chance(rng, 0.25) else parent
        placed.append(_under(rng, parameter, above) if is_gated else parameter)
    if len(placed) < max_parameters and draws.chance(rng, 0.1):
        placed = _add_twin(rng, placed)
    return placed


def _under(rng, parameter, parent):
    values = parent_values(parent)
    count = draws.whole_between(rng, 1, max(1, len(values) - 1))
    active = tuple(values[index] for index in sorted(rng.permutation(len(values))[:count]))
    return dataclasses.replace(parameter, conditions=(*parent.conditions, Condition(parent.name, active)))


def _repeat_layers(rng, depth, others, max_parameters):
    """`units_0`, `units_1`, ... each active when the network has that many layers."""
    values = parent_values(depth)
    layers = min(depth.high, max_parameters - 1)
    others = others[: max(0, max_parameters - 1 - layers)]
    role = draws.pick(rng, ("width", "dropout"), (3, 1))
    base = themed_parameter(rng, role, draws.pick(rng, roles.ROLES[role].aliases))
    repeated = []
    for index in range(layers):
        active = tuple(value for value in values if value > index)
        conditions = () if active == values else (Condition(depth.name, active),)
        repeated.append(dataclasses.replace(base, name=f"{base.name}_{index}", conditions=conditions))
    return [depth, *repeated, *others]


def _add_twin(rng, parameters):
    """The same name once more, with another range, under the values of the parent where the first is inactive."""
    for index, parameter in enumerate(parameters):
        if len(parameter.conditions) == 1 and parameter.kind == "float" and parameter.scale == "log":
            condition = parameter.conditions[0]
            parent = next(other for other in parameters if other.name == condition.name)
            rest = tuple(value for value in parent_values(parent) if value not in condition.values)
            if parent.conditions or not rest:
                continue
            low = parameter.low * draws.pick(rng, (0.1, 10.0))
            high, conditions = max(parameter.high, low * 10.0), (Condition(parent.name, rest),)
            twin = dataclasses.replace(parameter, low=low, high=high, default=None, conditions=conditions)
            return [*parameters[: index + 1], twin, *parameters[index + 1 :]]
    return parameters
