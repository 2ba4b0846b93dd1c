"""The search space that fits recorded configurations, inferred from the values that were tried."""

import math

from keras_hparam.spaces import Condition, Parameter, SearchSpace

LOG_RATIO = 20.0  # positive values that span more than this factor lie on a logarithmic scale
_MOST_LEVELS = 16  # of an ordered choice


def parsed(text):
    """The bool, int, float or str that `text` stands for.

    Example:
        >>> parsed("0.10"), parsed("True"), parsed("gini")
        (0.1, True, 'gini')
    """
    if text in ("True", "False"):
        return text == "True"
    for cast in (int, float):
        try:
            number = cast(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text


def inferred_space(rows, parent=None, least_share=0.0):
    """The `SearchSpace` over all keys whose value varies among recorded configurations.

    Args:
        rows: sequence of dicts from names to values (str, int, float or bool).
        parent: name of a categorical key that every row has; a key that some of its values lack becomes conditional
            on those values that have it.
        least_share: keys that a smaller share of the rows has are left out.

    Returns:
        A `SearchSpace`: the parent first, then the other keys in the order of their first appearance.
    """
    columns = {parent: [row[parent] for row in rows]} if parent else {}
    for row in rows:
        for name, value in row.items():
            if name != parent:
                columns.setdefault(name, []).append(value)
    holders = {name: {row.get(parent) for row in rows if name in row} for name in columns}
    parents = tuple(sorted(holders[parent])) if parent else ()
    parameters = []
    for name, values in columns.items():
        if len(set(values)) < 2 or len(values) < least_share * len(rows):
            continue
        active = tuple(value for value in parents if value in holders[name])
        conditions = (Condition(parent, active),) if parent and len(active) < len(parents) else ()
        parameters.append(inferred_parameter(name, values, conditions))
    return SearchSpace(parameters)


def inferred_parameter(name, values, conditions=()):
    """The `Parameter` that fits at least two different recorded `values`.

    Numbers become a range, logarithmic where they are positive and span decades; numbers that reach 0 but else span
    decades become an ordered choice, as do numbers with "None", which stands for no limit; anything else becomes a
    choice or a boolean.
    """
    distinct = set(values)
    if distinct == {True, False} and all(isinstance(value, bool) for value in values):
        return Parameter(name, "boolean", conditions=conditions)
    if any(isinstance(value, bool | str) for value in values):
        texts = sorted(value for value in distinct if isinstance(value, str))
        numbers = sorted(value for value in distinct if not isinstance(value, str))
        return Parameter(name, "choice", values=(*numbers, *texts), ordered=texts == ["None"], conditions=conditions)
    low, high = min(distinct), max(distinct)
    kind = "int" if all(isinstance(value, int) for value in values) else "float"
    if low > 0:
        scale = "log" if high / low > LOG_RATIO else "linear"
        return Parameter(name, kind, low=low, high=high, scale=scale, conditions=conditions)
    positive = [value for value in distinct if value > 0]
    if len(distinct) <= _MOST_LEVELS and positive and max(positive) / min(positive) > LOG_RATIO:
        return Parameter(name, "choice", values=tuple(sorted(distinct)), ordered=True, conditions=conditions)
    return Parameter(name, kind, low=low, high=high, conditions=conditions)
