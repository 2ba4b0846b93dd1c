"""From tokens to the coordinates on which synthetic objectives live.

Axes: N configurations, D parameters, F features. A numeric parameter is one feature, its unit value; a categorical one
is a few, its category's random place in the unit cube; an inactive parameter lies at the centre whatever its value
would have been, and a parameter with one value has no feature at all.
"""

import numpy as np

CENTRE = 0.5


def relevance(rng, num_features):
    """Weights [F] in [0, 1] with a heavy tail, at least one of them 1; those that are 0 do not matter."""
    weights = np.exp(-rng.exponential(rng.uniform(0.1, 1.5), num_features))
    weights[rng.random(num_features) < rng.choice((0.0, 0.0, 0.2, 0.5))] = 0.0
    weights[rng.integers(num_features)] = 1.0
    return weights


class Features:
    """Maps tokens to features in the unit cube.

    Args:
        rng: `np.random.Generator` for the places of categories.
        space: `SearchSpace` of D parameters.
        num_bins: the number of tokens of a numeric parameter.
        embedding_size: features per categorical parameter; a boolean has one.

    Example:
        >>> features = Features(rng, space)
        >>> features(space.random_tokens(rng, 5)).shape == (5, features.size)
        True
    """

    def __init__(self, rng, space, num_bins=1000, embedding_size=1):
        self.num_bins = num_bins
        self._numeric, self._categorical, self._tables = [], [], []
        for column, parameter in enumerate(space.parameters):
            if parameter.num_values == 1:
                continue
            if not parameter.is_categorical:
                self._numeric.append(column)
                continue
            size = 1 if parameter.num_values == 2 else embedding_size
            places = rng.random((parameter.num_values + 1, size))
            if parameter.num_values == 2:
                places[:2, 0] = rng.permutation([rng.uniform(0.0, 0.4), rng.uniform(0.6, 1.0)])
            places[-1] = CENTRE  # where token -1, inactive, looks
            self._categorical.append(column)
            self._tables.append(places)
        self.size = max(1, len(self._numeric) + sum(table.shape[1] for table in self._tables))

    def __call__(self, tokens):
        """Features float64 [N, F] of tokens [N, D], where -1 is inactive."""
        numeric = tokens[:, self._numeric]
        parts = [np.where(numeric >= 0, (numeric + 0.5) * (1.0 / self.num_bins), CENTRE)]
        for column, table in zip(self._categorical, self._tables, strict=True):
            parts.append(table[tokens[:, column]])
        features = np.concatenate(parts, axis=1)
        return features if features.shape[1] else np.full((len(tokens), 1), CENTRE)
