"""Checks of what enters a search space: a parameter's fields, its values, rows of tokens."""

import math
import numbers

import numpy as np

from keras_hparam import errors
from keras_hparam.spaces import scales

KINDS = ("float", "int", "choice", "boolean", "fixed")


def is_number(value):
    """Whether `value` is a real number; booleans are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_integer(value):
    """Whether `value` is a finite number without a fraction; booleans are not."""
    return is_number(value) and math.isfinite(value) and value == int(value)


def fail(name, expected, received):
    """Raises InvalidArgumentError about the parameter called `name`."""
    raise errors.InvalidArgumentError(f"Expected parameter {name!r} to {expected}. Received: {received}.")


def normalized_fields(parameter):
    """Checks a `Parameter` and returns those fields, as a dict, that have a canonical form other than the given one.

    Raises:
        InvalidArgumentError: naming the parameter, what was expected and what was received.
    """
    name = parameter.name
    if not isinstance(name, str) or not name:
        raise errors.InvalidArgumentError(f"Expected `name` to be a non-empty string. Received: {name!r}.")
    if parameter.kind not in KINDS:
        fail(name, f"have a `kind` in {KINDS}", f"kind={parameter.kind!r}")
    fields = _numeric_fields(parameter) if parameter.kind in ("float", "int") else _listed_fields(parameter)
    return {"conditions": tuple(parameter.conditions), "ordered": bool(parameter.ordered), **fields}


def _numeric_fields(parameter):
    name, kind, scale = parameter.name, parameter.kind, parameter.scale
    cast, is_valid = (int, is_integer) if kind == "int" else (float, is_number)
    if scale not in scales.SCALES:
        fail(name, f"have a `scale` in {scales.SCALES}", f"scale={scale!r}")
    if len(parameter.values):
        fail(name, f"have no `values`, being of kind {kind!r}", f"values={parameter.values!r}")
    for field in ("low", "high", "step", "default"):
        value = getattr(parameter, field)
        if value is None and field in ("step", "default"):
            continue
        if not is_valid(value) or not math.isfinite(value):
            fail(name, f"have a finite {kind} `{field}`", f"{field}={value!r}")
    low, high = cast(parameter.low), cast(parameter.high)
    if not low <= high or not math.isfinite(high - low):
        fail(name, "have low <= high with a finite distance", f"low={low!r}, high={high!r}")
    if scale != "linear" and low <= 0:
        fail(name, f"have low > 0 on scale {scale!r}", f"low={low!r}")
    smallest = 0 if scale == "linear" else 1
    step = parameter.step if parameter.step is None else cast(parameter.step)
    if step is not None and step <= smallest:
        fail(name, f"have step > {smallest} on scale {scale!r}", f"step={step!r}")
    if step is None and kind == "int" and scale == "linear":
        step = 1
    default = low if parameter.default is None else cast(parameter.default)
    if not low <= default <= high:
        fail(name, f"have a default in [{low}, {high}]", f"default={default!r}")
    return {"low": low, "high": high, "step": step, "default": default, "values": ()}


def _listed_fields(parameter):
    name, kind = parameter.name, parameter.kind
    for field in ("low", "high", "step"):
        if getattr(parameter, field) is not None:
            fail(name, f"have no `{field}`, being of kind {kind!r}", f"{field}={getattr(parameter, field)!r}")
    if parameter.scale != "linear":
        fail(name, f"have no `scale`, being of kind {kind!r}", f"scale={parameter.scale!r}")
    if isinstance(parameter.values, str):
        fail(name, "have a sequence of `values`", f"values={parameter.values!r}")
    values = tuple(parameter.values) if kind != "boolean" else (False, True)
    if not values or (kind == "fixed" and len(values) != 1):
        fail(name, "have exactly one of `values`" if kind == "fixed" else "have `values`", f"values={values!r}")
    for value in values:
        if not isinstance(value, str | int | float) or value != value:
            fail(name, "have `values` of type str, int, float or bool", f"{value!r}")
    if len(set(values)) != len(values):
        fail(name, "have `values` that differ from one another", f"values={values!r}")
    default = values[0] if parameter.default is None else parameter.default
    if default not in values:
        fail(name, f"have a default in {values!r}", f"default={default!r}")
    return {"values": values, "default": values[values.index(default)]}


def is_in_range(parameter, value):
    """Whether `value` is listed, or a number of the right type within the bounds (a float: but for rounding)."""
    if parameter.values:
        try:
            return value in parameter.indices
        except TypeError:  # unhashable
            return False
    if parameter.kind == "int":
        return bool(is_integer(value) and parameter.low <= value <= parameter.high)
    slack = 1e-12 * max(abs(parameter.low), abs(parameter.high))  # KerasTuner's grids overshoot a bound by less
    return bool(is_number(value) and parameter.low - slack <= value <= parameter.high + slack)


def range_text(parameter):
    """A parameter's range in words, for messages."""
    if parameter.values:
        return f"one of {parameter.values!r}"
    step = "" if parameter.step is None else f", step {parameter.step!r}"
    return f"{parameter.kind} in [{parameter.low!r}, {parameter.high!r}]{step}"


def checked_rows(tokens, num_parameters, num_bins):
    """`tokens` as an int array [N, D] within [-1, num_bins), or InvalidArgumentError."""
    rows = np.asarray(tokens)
    if rows.ndim != 2 or rows.shape[1] != num_parameters or not np.issubdtype(rows.dtype, np.integer):
        raise errors.InvalidArgumentError(
            f"Expected `tokens` to be an int array [N, {num_parameters}]. Received: {rows.dtype} {rows.shape}."
        )
    if rows.size and (rows.min() < -1 or rows.max() >= num_bins):
        raise errors.InvalidArgumentError(
            f"Expected `tokens` in [-1, {num_bins}). Received: values in [{rows.min()}, {rows.max()}]."
        )
    return rows


def checked_scales(scale, rate, num_rows):
    """`scale` as a float array [N], given a rate in [0, 1], or InvalidArgumentError."""
    scales = np.asarray(scale, float)
    if scales.shape not in ((), (num_rows,)) or not np.all(scales >= 0.0) or not 0.0 <= rate <= 1.0:
        raise errors.InvalidArgumentError(
            f"Expected `scale` >= 0, a float or an array [{num_rows}], and `rate` in [0, 1]. "
            f"Received: scale={scale!r}, rate={rate!r}."
        )
    return np.broadcast_to(scales, num_rows)
