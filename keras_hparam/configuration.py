"""Configurations: frozen dataclasses of plain values that name a wrong field, and go to JSON and back."""

import dataclasses
import math

from keras_hparam import errors


class Configuration:
    """Base of a configuration; the subclass is a frozen dataclass, which checks its fields in `__post_init__`.

    Example:

    ```python
    @dataclasses.dataclass(frozen=True)
    class Sizes(Configuration):
        widths: tuple[int, ...] = (8,)

        def __post_init__(self):
            self.make_tuples()
            self.require("widths", all(is_integer(width, 1) for width in self.widths), "integers ≥ 1")
    ```
    """

    def require(self, name, condition, expected):
        """Raises an InvalidArgumentError that says what was expected of a field, unless the condition holds."""
        require(name, getattr(self, name), condition, expected)

    def make_tuples(self):
        """Lists become tuples in the fields whose default is a tuple; anything else there is an error."""
        for field in dataclasses.fields(self):
            if isinstance(field.default, tuple):
                self.require(field.name, isinstance(getattr(self, field.name), list | tuple), "a list or tuple")
                object.__setattr__(self, field.name, tuple(getattr(self, field.name)))

    def to_dict(self):
        """The configuration as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values):
        """The configuration of a dict that `to_dict` made; what is left out takes its default.

        Raises:
            InvalidArgumentError: for unknown names and values outside of their ranges.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names:
            raise errors.InvalidArgumentError(
                f"Expected `config` to be a dict of the fields {sorted(names)}. Received: {values!r}."
            )
        try:
            return cls(**values)
        except TypeError as error:  # values that cannot be compared, such as a list for a number
            raise errors.InvalidArgumentError(
                f"Expected `config` to hold numbers, text and lists of them, as `to_dict` gives. "
                f"Received: {values!r} ({error})."
            ) from error


def require(name, value, condition, expected):
    """Raises an InvalidArgumentError that says what was expected of an argument, unless the condition holds."""
    if not condition:
        raise errors.InvalidArgumentError(f"Expected `{name}` to be {expected}. Received: {value!r}.")


def is_number(value, above=-math.inf, below=math.inf):
    """Whether a value is a finite number, and lies between two others."""
    return isinstance(value, int | float) and not isinstance(value, bool) and above < value < below


def is_integer(value, least=-math.inf):
    """Whether a value is an int, at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def are_distinct(values, known=None):
    """Whether no value is there twice, and all are among the known ones."""
    return len(set(values)) == len(values) and (known is None or set(values) <= set(known))
