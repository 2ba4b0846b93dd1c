"""Hyperparameters whose values are not chosen yet: what a weight-sharing search builds its supernet with."""

import keras_tuner as kt

from keras_hparam import errors


class RelaxedHyperParameters(kt.HyperParameters):
    """`kt.HyperParameters` that collects bases and gives no values away.

    A model that is built with it holds all candidates at once. A value that Python code would look at cannot be
    relaxed, so every method that returns one raises; `Fixed` has only one value and is allowed.

    Attributes:
        bases: dict from name to what `declare` was given, in the order of their declaration.

    Raises:
        InvalidArgumentError: for a value that is asked for, naming it.

    Example:
        >>> hp = RelaxedHyperParameters()
        >>> hp.Choice("units", [32, 64])
        InvalidArgumentError: Expected hyperparameters that can be relaxed … Received: hp.Choice('units') …
    """

    def __init__(self):
        super().__init__()
        self.bases = {}

    def declare(self, name, basis):
        """Adds a basis under the name, with the name scopes around it, which is returned."""
        full = self._get_name(name)
        if full in self.bases:
            raise errors.InvalidArgumentError(f"Expected `name` to be one that is not taken yet. Received: {full!r}.")
        self.bases[full] = basis
        return full

    def Choice(self, name, *_, **__):
        self._refuse("Choice", name)

    def Int(self, name, *_, **__):
        self._refuse("Int", name)

    def Float(self, name, *_, **__):
        self._refuse("Float", name)

    def Boolean(self, name, *_, **__):
        self._refuse("Boolean", name)

    def get(self, name):
        if self._get_name(name) in self.bases:
            self._refuse("get", name)
        return super().get(name)

    def conditional_scope(self, parent_name, parent_values):
        self._refuse("conditional_scope", parent_name)

    def _refuse(self, method, name):
        raise errors.InvalidArgumentError(
            "Expected hyperparameters that can be relaxed: `autohas.choice`, `width`, `dropout` and the arguments of "
            f"`autohas.compile`. Received: hp.{method}({name!r}), whose value Python code would look at."
        )


def is_relaxed(hp):
    """Whether a model is built as a supernet.

    Raises:
        InvalidArgumentError: if `hp` is no `kt.HyperParameters`.
    """
    if not isinstance(hp, kt.HyperParameters):
        raise errors.InvalidArgumentError(f"Expected `hp` to be `kt.HyperParameters`. Received: {hp!r}.")
    return isinstance(hp, RelaxedHyperParameters)


def with_values(values):
    """`kt.HyperParameters` that give these values where a parameter of that name is declared later.

    Args:
        values: dict from name to value.
    """
    hp = kt.HyperParameters()
    hp.values = dict(values)
    return hp
