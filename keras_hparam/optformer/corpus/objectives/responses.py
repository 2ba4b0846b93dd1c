"""Responses like those of real hyperparameters, whose optimum depends on what the parameter's name means.

Axes: N configurations, D parameters.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws, roles
from keras_hparam.optformer.corpus.objectives import role_shapes

DIVERGENCE_SHARE = 0.3  # of the responses with a learning rate give no number at all above its cliff
_NO_CLIFF = 1e9


def valley(distance, left, right):
    """Excess over the best at a distance, in widths, from the optimum: d^2 / (1 + |d|), each side with its factor."""
    size = np.abs(distance)
    return np.where(distance < 0.0, left, right) * size * size / (1.0 + size)


def random_valley(rng, role, values):
    """A `Valley` around one place in `values`, the values by token, as usual for the role or arbitrary where None."""
    usual = role_shapes.VALLEYS.get(role)
    if usual is None:
        importance = 0.0 if role == "seed" else 1.0
        low, high = float(values.min()), float(values.max())
        optimum, width = rng.uniform(low, high), ((high - low) or 1.0) * draws.log_between(rng, 0.15, 1.0)
        left, right = rng.uniform(0.1, 1.5, 2)
        return role_shapes.Valley("linear", optimum, 0.0, width, left, right, importance)
    axis = role_shapes.coordinates(values, usual.coordinate)
    optimum = float(np.clip(rng.normal(usual.optimum, usual.spread), axis.min(), axis.max()))
    jitter = np.exp(rng.normal(0.0, 0.35, 3))
    return role_shapes.Valley(
        usual.coordinate,
        optimum,
        0.0,
        usual.width * jitter[0],
        usual.left * jitter[1],
        usual.right * jitter[2],
        usual.importance,
    )


def is_numeric_choice(parameter):
    """Whether a parameter is a choice among numbers."""
    return parameter.kind == "choice" and not any(isinstance(value, (str, bool)) for value in parameter.values)


class Response:
    """Minus the excess over the best: a sum of valleys that shift each other, categories' offsets and a cliff.

    Too high a learning rate diverges: its excess jumps, or there is no value at all. Optimizer, batch size, momentum
    and others move the learning rate's optimum, as `role_shapes.COUPLINGS` says.

    Args:
        rng: `np.random.Generator`.
        space: `SearchSpace` of D parameters.
        num_bins: the number of tokens of a numeric parameter.
    """

    def __init__(self, rng, space, num_bins=1000):
        count = len(space.parameters)
        widest = max([num_bins, *(p.num_values for p in space.parameters if p.is_categorical)])
        self._columns = np.arange(count)
        self._coordinates = np.zeros((count, widest + 1))  # centred at the optimum; the last column is token -1
        self._offsets = np.zeros((count, widest + 1))
        self._left, self._right, self._weights = np.zeros((3, count))
        self._widths = np.ones(count)
        self._cliffs, self._jump = np.full(count, _NO_CLIFF), draws.log_between(rng, 2.0, 20.0)
        self._roles = [roles.role_of(parameter.name) for parameter in space.parameters]
        for column, (parameter, role) in enumerate(zip(space.parameters, self._roles, strict=True)):
            weight = float(np.exp(rng.normal(0.0, 0.7)))
            if draws.chance(rng, 0.04 if role == "learning_rate" else 0.2):
                weight = 0.0
            if not parameter.is_categorical and parameter.num_values != 1:
                values = role_shapes.natural_values(parameter, num_bins)
                self._set_valley(rng, column, values, role, weight)
            elif role in role_shapes.VALLEYS and is_numeric_choice(parameter):
                self._set_valley(rng, column, np.asarray(parameter.values, float), role, weight)
            elif parameter.is_categorical:
                self._set_category(rng, column, parameter, role, weight)
        self._couplings = self._random_couplings(rng)
        self._diverges = draws.chance(rng, DIVERGENCE_SHARE)

    def _set_category(self, rng, column, parameter, role, weight):
        values = (False, True) if parameter.kind == "boolean" else parameter.values
        for token, value in enumerate(values):
            usual = role_shapes.CATEGORY_EXCESS.get(value, 0.0) if isinstance(value, str) else 0.0
            if isinstance(value, bool):
                usual = role_shapes.BOOLEAN_EXCESS.get(role, (0.0, 0.0))[value]
            self._offsets[column, token] = weight * (usual + abs(rng.normal(0.0, 0.4)))
            if role == "optimizer" and isinstance(value, str):
                self._coordinates[column, token] = role_shapes.OPTIMIZER_SHIFT.get(value, 0.0) + rng.normal(0.0, 0.15)

    def _set_valley(self, rng, column, values, role, weight):
        shape = random_valley(rng, role, values)
        centred = role_shapes.coordinates(values, shape.coordinate) - shape.optimum
        self._coordinates[column, : len(centred)] = centred
        self._left[column], self._right[column], self._widths[column] = shape.left, shape.right, shape.width
        self._weights[column] = weight * shape.importance
        if role == "learning_rate" and weight:
            self._cliffs[column] = rng.uniform(0.3, 1.5)

    def _random_couplings(self, rng):
        couplings = np.eye(len(self._roles))
        for row, other in enumerate(self._roles):
            for column, role in enumerate(self._roles):
                slopes = role_shapes.COUPLINGS.get((role, other))
                if slopes is not None and not draws.chance(rng, 0.2):
                    couplings[row, column] = rng.uniform(*slopes)
        return couplings

    def __call__(self, tokens):
        """Values [N], at most 0 and NaN where training diverges, of tokens [N, D] with -1 where inactive."""
        active = tokens >= 0
        distance = self._coordinates[self._columns, tokens] @ self._couplings  # [N, D]
        excess = active * self._weights * valley(distance / self._widths, self._left, self._right)
        total = np.sum(excess + self._offsets[self._columns, tokens], axis=1)
        beyond = active & (distance > self._cliffs)
        if self._diverges:
            return np.where(beyond.any(axis=1), np.nan, -total)
        ramp = np.where(beyond, 1.0 + distance - self._cliffs, 0.0)
        return -total - self._jump * np.sum(ramp, axis=1)
