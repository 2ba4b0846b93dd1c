"""What a study is apart from its numbers, as text: the search space, the metadata and the goal in JSON and back."""

import dataclasses
import json

from keras_hparam.optformer.study import Metadata
from keras_hparam.spaces import Condition, Parameter, SearchSpace

_DEFAULTS = {
    field.name: field.default
    for field in dataclasses.fields(Parameter)
    if field.default is not dataclasses.MISSING and field.name not in ("default", "conditions")
}


def to_text(study):
    """The JSON text, ASCII, of a study's space, metadata and goal.

    Example:
        >>> to_text(study)
        '{"goal": "min", "metadata": ["", "mlp", "digits", "loss"], "parameters": [{"name": "lr", ...}]}'
    """
    record = {
        "goal": study.goal,
        "metadata": list(dataclasses.astuple(study.metadata)),
        "parameters": [_parameter_record(parameter) for parameter in study.space.parameters],
    }
    return json.dumps(record)


def from_text(text):
    """(`SearchSpace`, `Metadata`, goal) of what `to_text` wrote.

    Raises:
        ValueError, KeyError, TypeError: if it wrote no such text.
    """
    record = json.loads(text)
    space = SearchSpace(tuple(_parameter(fields) for fields in record["parameters"]))
    metadata = Metadata(*record["metadata"])
    if not all(isinstance(value, str) for value in (record["goal"], *record["metadata"])):
        raise TypeError(f"goal {record['goal']!r} and metadata {record['metadata']!r} are not all text")
    return space, metadata, record["goal"]


def _parameter_record(parameter):
    """The fields that differ from what they are where nothing is said."""
    fields = {"name": parameter.name, "kind": parameter.kind, "default": parameter.default}
    for name, default in _DEFAULTS.items():
        value = getattr(parameter, name)
        if value != default:
            fields[name] = list(value) if isinstance(value, tuple) else value
    if parameter.conditions:
        fields["conditions"] = [[condition.name, list(condition.values)] for condition in parameter.conditions]
    return fields


def _parameter(fields):
    conditions = tuple(Condition(name, values) for name, values in fields.get("conditions", ()))
    return Parameter(**{**fields, "values": tuple(fields.get("values", ())), "conditions": conditions})
