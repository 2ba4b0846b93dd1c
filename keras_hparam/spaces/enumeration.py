"""Counting and listing the configurations of a space, conditions respected.

Counting goes by classes of values: values of a parent that meet the same conditions lead to equally many
configurations, so that only parents branch, and parts of a space that no condition links multiply.
"""

import collections
import math

from keras_hparam.spaces import conditions


def count_configurations(parameters, canonical):
    """The number of distinct dicts of active values, an int, or math.inf.

    Args:
        parameters: the parameters of a space.
        canonical: function of a parameter's index and a value that returns the value in its canonical form.
    """
    classes = [_value_classes(parameters, index, canonical) for index in range(len(parameters))]
    return math.prod(_count(parameters, classes, group, {}) for group in _linked_groups(parameters))


def _linked_groups(parameters):
    """Lists of indices, ascending, of the parameters that conditions or a common name link."""
    groups = {}  # name -> the set of names linked with it, shared by all its members
    for parameter in parameters:
        names = {parameter.name, *(c.name for c in parameter.conditions)}
        merged = names.union(*(groups.get(name, ()) for name in names))
        groups.update(dict.fromkeys(merged, merged))
    distinct = {id(group): group for group in groups.values()}.values()
    return [[i for i, p in enumerate(parameters) if p.name in group] for group in distinct]


def _value_classes(parameters, index, canonical):
    """Pairs of a representative value and how many values of the parameter meet the same conditions as it does."""
    parameter = parameters[index]
    links = [c for child in parameters for c in child.conditions if c.name == parameter.name]
    size = math.inf if parameter.num_values is None else parameter.num_values
    named = dict.fromkeys(canonical(index, v) for v in conditions.condition_values(parameters, index))
    classes = collections.defaultdict(list)
    for value in named:
        classes[tuple(value in c.values for c in links)].append(value)
    counted = [(members[0], len(members)) for members in classes.values()]
    others = size - len(named)
    return counted + ([(object(), others)] if others else [])  # an object() is in no condition's values


def _count(parameters, classes, group, chosen):
    total = 1
    for position, index in enumerate(group):
        parameter = parameters[index]
        if parameter.name in chosen or not conditions.are_met(parameter.conditions, chosen):
            continue
        if len(classes[index]) > 1:
            rest = group[position + 1 :]
            return total * sum(
                size * _count(parameters, classes, rest, {**chosen, parameter.name: value})
                for value, size in classes[index]
            )
        value, size = classes[index][0]
        chosen = {**chosen, parameter.name: value}
        total *= size
    return total


def iterate(parameters, value_at, start=0, chosen=None):
    """Yields every dict of active values once, the last parameters varying fastest.

    Args:
        parameters: the parameters of a space, all finite where they can be active.
        value_at: function of a parameter's index and a value's index that returns the value.
        start, chosen: where the recursion stands.
    """
    chosen = chosen or {}
    for index in range(start, len(parameters)):
        parameter = parameters[index]
        if parameter.name not in chosen and conditions.are_met(parameter.conditions, chosen):
            for i in range(parameter.num_values):
                value = value_at(index, i)
                yield from iterate(parameters, value_at, index + 1, {**chosen, parameter.name: value})
            return
    yield chosen
