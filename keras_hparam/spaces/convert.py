"""Translation from and to `keras_tuner.HyperParameters`, through their configs."""

import keras_tuner

from keras_hparam import errors
from keras_hparam.spaces.parameter import Condition, Parameter
from keras_hparam.spaces.space import SearchSpace

_LIMITS = {"low": "min_value", "high": "max_value", "step": "step", "scale": "sampling"}  # ours: KerasTuner's
_KINDS = {"Float": "float", "Int": "int", "Choice": "choice", "Boolean": "boolean", "Fixed": "fixed"}


def from_hyperparameters(hp):
    """The `SearchSpace` of a `keras_tuner.HyperParameters`, its current values aside.

    Parameters keep their order, except that parents which come after their children (KerasTuner's messages between
    chief and workers sort by type) are moved before them. A second declaration of a name under the same conditions is
    left out, as KerasTuner takes it for the same parameter.

    Raises:
        InvalidArgumentError: if `hp` is something else, a parameter's type or condition is not one of KerasTuner's
            own, values of a `Choice` repeat, a default lies outside its range, or a parent is missing.

    Example:
        >>> hp = keras_tuner.HyperParameters()
        >>> _ = hp.Int("units", 32, 128, step=32)
        >>> from_hyperparameters(hp).size
        4
    """
    if not isinstance(hp, keras_tuner.HyperParameters):
        raise errors.InvalidArgumentError(f"Expected `hp` to be keras_tuner.HyperParameters. Received: {hp!r}.")
    parameters = {}
    for entry in hp.space:
        parameter = _to_parameter(type(entry).__name__, entry.get_config(), entry.default)
        parameters.setdefault((parameter.name, parameter.conditions), parameter)
    return SearchSpace(tuple(_parents_first(list(parameters.values()))))


def to_hyperparameters(space):
    """A `keras_tuner.HyperParameters` with the parameters of `space` and, as its values, the active defaults.

    Raises:
        InvalidArgumentError: if KerasTuner has no such parameter: a "choice" or a condition among values of different
            types, or an ordered "choice" among strings.
    """
    hp = keras_tuner.HyperParameters()
    for parameter in space.parameters:
        try:
            one = keras_tuner.HyperParameters.from_config({"space": [_to_config(parameter)], "values": {}})
        except (TypeError, ValueError) as error:
            raise errors.InvalidArgumentError(
                f"Expected parameter {parameter.name!r} to be one that KerasTuner has. Received: {error}"
            ) from error
        hp.merge(one, overwrite=False)
    return hp


def _to_parameter(class_name, config, default):
    name = config["name"]
    if class_name not in _KINDS:
        raise errors.InvalidArgumentError(
            f"Expected parameter {name!r} to be one of {list(_KINDS)}. Received: {class_name}."
        )
    fields = {field: config[key] for field, key in _LIMITS.items() if key in config}
    fields["values"] = (config["value"],) if class_name == "Fixed" else tuple(config.get("values", ()))
    conditions = tuple(_to_condition(name, condition) for condition in config["conditions"])
    ordered = config.get("ordered", False)
    return Parameter(name, _KINDS[class_name], ordered=ordered, default=default, conditions=conditions, **fields)


def _to_condition(name, config):
    if config["class_name"] != "Parent":
        raise errors.InvalidArgumentError(
            f"Expected the conditions of parameter {name!r} to be on its parents' values. "
            f"Received: {config['class_name']}."
        )
    return Condition(config["config"]["name"], tuple(config["config"]["values"]))


def _parents_first(parameters):
    """The parameters, each as early as its place and its parents allow."""
    ordered = []
    waiting = list(parameters)
    while waiting:
        names = {p.name for p in waiting}
        ready = next((p for p in waiting if not any(c.name in names for c in p.conditions)), None)
        if ready is None:
            raise errors.InvalidArgumentError(
                f"Expected conditions without a cycle. Received: parameters {sorted(names)} that wait for each other."
            )
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def _to_config(parameter):
    """The parameter as KerasTuner writes it: its class and its config."""
    parents = [{"name": c.name, "values": list(c.values)} for c in parameter.conditions]
    conditions = [{"class_name": "Parent", "config": parent} for parent in parents]
    config = {"name": parameter.name, "conditions": conditions}
    if parameter.kind == "fixed":
        config["value"] = parameter.values[0]
    else:
        config["default"] = parameter.default
    if parameter.kind in ("float", "int"):
        config.update({key: getattr(parameter, field) for field, key in _LIMITS.items()})
    if parameter.kind == "choice":
        config.update(values=list(parameter.values), ordered=parameter.ordered)
    class_name = next(name for name, kind in _KINDS.items() if kind == parameter.kind)
    return {"class_name": class_name, "config": config}
