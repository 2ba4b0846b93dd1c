"""Which parameters are active: conditions on values, and their tables over tokens.

A parameter is active when all its conditions hold; a condition holds when its parent, by name, is active and has one
of the condition's values. Of parameters that share a name the first active one counts, as in KerasTuner, where they
share one value.

Axes: N configurations, D parameters in the order of the space, parents before their children.
"""

import numpy as np

from keras_hparam import errors


def check_order(parameters):
    """Checks that parents exist and precede their children and that no parameter is declared twice.

    Raises:
        InvalidArgumentError: naming the parameter.
    """
    seen = set()
    positions = {}
    for index, parameter in enumerate(parameters):
        positions.setdefault(parameter.name, []).append(index)
    for index, parameter in enumerate(parameters):
        for condition in parameter.conditions:
            if condition.name not in positions or max(positions[condition.name]) >= index:
                raise errors.InvalidArgumentError(
                    f"Expected the parent {condition.name!r} of parameter {parameter.name!r} to come before it in "
                    f"the space. Received: {[p.name for p in parameters]}."
                )
        if (parameter.name, parameter.conditions) in seen:
            raise errors.InvalidArgumentError(
                f"Expected parameters that share the name {parameter.name!r} to differ in their conditions. "
                f"Received: {parameter.conditions} twice."
            )
        seen.add((parameter.name, parameter.conditions))


def values_taken(parameter, values):
    """Those of `values` that equal one of the parameter's (also 1.0 or True a 1), of the parameter's own type."""
    if parameter.kind in ("float", "int"):
        cast = int if parameter.kind == "int" else float
        numbers = [value + 0 if isinstance(value, bool) else value for value in values]
        return [cast(value) for value in numbers if parameter.contains(value)]
    return [value for value in values if parameter.contains(value)]


def condition_values(parameters, index):
    """The values of the parameter at `index` that conditions name and that it can take."""
    name = parameters[index].name
    named = [value for p in parameters for c in p.conditions if c.name == name for value in c.values]
    return values_taken(parameters[index], named)


def named_by_index(parameters):
    """Per parameter {index of a value: the value as conditions write it}, where it differs by rounding."""
    named = []
    for d, p in enumerate(parameters):
        values = () if p.num_values is None else reversed(condition_values(parameters, d))  # the first one wins
        named.append({p.to_index(v): v for v in values if p.from_index(p.to_index(v)) != v})
    return named


def are_met(conditions, chosen):
    """Whether all `conditions` hold given `chosen`, the active values so far by name."""
    return all(c.name in chosen and chosen[c.name] in c.values for c in conditions)


def walk(parameters, value_of):
    """Yields (index, value) of the active parameters in order; `value_of(index)` is asked for these only."""
    chosen = {}
    for index, parameter in enumerate(parameters):
        if parameter.name not in chosen and are_met(parameter.conditions, chosen):
            chosen[parameter.name] = value_of(index)
            yield index, chosen[parameter.name]


class TokenTables:
    """What decoding and activity look up for one number of bins.

    Args:
        parameters: D parameters.
        num_bins: tokens lie in [0, num_bins).
    """

    def __init__(self, parameters, num_bins):
        self._parameters = parameters
        self._num_bins = num_bins
        self._named = [self._named_by_token(d) for d in range(len(parameters))]
        self._rules = [self._rule(d) for d in range(len(parameters))]

    def decode(self, index, token):
        """The value of a legal token of the parameter at `index`: as conditions write it if one names its bin."""
        named = self._named[index]
        return named[token] if token in named else self._parameters[index].from_token(token, self._num_bins)

    def activity(self, tokens):
        """Which parameters are active, bool [N, D], given `tokens` [N, D]."""
        active = np.ones(tokens.shape, bool)  # [N, D]
        for index, (tables, namesakes) in enumerate(self._rules):
            for alternatives in tables:
                met = np.zeros(len(tokens), bool)  # [N]
                for parent, table in alternatives:
                    met |= active[:, parent] & table[tokens[:, parent]]
                active[:, index] &= met
            for namesake in namesakes:
                active[:, index] &= ~active[:, namesake]
        return active

    def _named_by_token(self, index):
        parameter, bins = self._parameters[index], self._num_bins
        values = reversed(condition_values(self._parameters, index))  # the first one wins
        tokens = {parameter.to_token(value, bins): value for value in values}
        return {token: value for token, value in tokens.items() if parameter.from_token(token, bins) != value}

    def _rule(self, index):
        """Per condition [(parent's index, table of its tokens)], and the indices of earlier namesakes."""
        names = [p.name for p in self._parameters[:index]]
        tables = [
            [(e, self._met(e, condition)) for e, name in enumerate(names) if name == condition.name]
            for condition in self._parameters[index].conditions
        ]
        return tables, [e for e, name in enumerate(names) if name == self._parameters[index].name]

    def _met(self, parent, condition):
        """Which tokens of `parent` meet the condition, bool [num_bins + 1]; the token -1 finds the last, False."""
        table = np.zeros(self._num_bins + 1, bool)
        for value in values_taken(self._parameters[parent], condition.values):
            token = self._parameters[parent].to_token(value, self._num_bins)
            table[token] = self.decode(parent, token) in condition.values
        return table
