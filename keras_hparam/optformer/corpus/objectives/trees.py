"""Random regression trees and forests: piecewise constant objectives with plateaus and cliffs.

Axes: N points, T trees, K nodes of one level of a tree, F features. Trees are complete and of equal depth, so that all
of them are walked together.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.features import relevance
from keras_hparam.optformer.corpus.objectives.gaussian_processes import GaussianProcess


def grow(rng, num_trees, depth, probabilities):
    """Random complete trees over the unit cube.

    Args:
        rng: `np.random.Generator`.
        num_trees: T.
        depth: the number of splits from the root to a leaf.
        probabilities: [F], how often a split falls on each feature.

    Returns:
        features and thresholds, one array [T, K] per level, and the boxes of the leaves as low and high [T, K, F].
    """
    low = np.zeros((num_trees, 1, len(probabilities)))
    high = np.ones_like(low)
    cumulative = np.cumsum(probabilities)
    features, thresholds = [], []
    for _ in range(depth):
        shape = low.shape[:2]
        feature = np.searchsorted(cumulative, rng.random(shape) * cumulative[-1])
        feature = np.minimum(feature, len(cumulative) - 1)
        trees, nodes = np.indices(shape)
        start, end = low[trees, nodes, feature], high[trees, nodes, feature]
        threshold = start + (end - start) * rng.beta(2.0, 2.0, shape)
        low, high = np.repeat(low, 2, axis=1), np.repeat(high, 2, axis=1)
        high[trees, 2 * nodes, feature] = threshold
        low[trees, 2 * nodes + 1, feature] = threshold
        features.append(feature)
        thresholds.append(threshold)
    return features, thresholds, low, high


def leaves(x, features, thresholds):
    """The leaf [N, T] of every point x [N, F] in every tree of `grow`."""
    points = np.arange(len(x))[:, None]
    trees = np.arange(len(features[0]))[None, :]
    node = np.zeros((len(x), trees.size), int)  # [N, T]
    for feature, threshold in zip(features, thresholds, strict=True):
        node = 2 * node + (x[points, feature[trees, node]] > threshold[trees, node])
    return node


class Forest:
    """The mean of random trees: one deep tree, a few, or a forest.

    A leaf's value is a smooth function at the leaf's centre, as in a forest that was fitted to one, or a sum of
    contributions of the splits above it that shrink with depth.

    Args:
        rng: `np.random.Generator`.
        num_features: F.
    """

    def __init__(self, rng, num_features):
        num_trees = draws.pick(rng, (1, 4, 12), (3, 3, 4))
        depth = draws.whole_between(rng, 2, 6 if num_trees < 12 else 5)
        weights = relevance(rng, num_features)
        self._features, self._thresholds, low, high = grow(rng, num_trees, depth, weights)
        if draws.chance(rng, 0.5):
            smooth = GaussianProcess(rng, num_features, num_frequencies=48)
            centres = (low + high).reshape(-1, num_features) / 2.0
            self._values = smooth(centres).reshape(num_trees, -1)
        else:
            self._values = np.zeros((num_trees, 2**depth))
            for level in range(1, depth + 1):
                parts = rng.standard_normal((num_trees, 2**level)) * 0.8**level
                self._values += np.repeat(parts, 2 ** (depth - level), axis=1)

    def __call__(self, x):
        """Values [N] at points x [N, F]."""
        node = leaves(x, self._features, self._thresholds)
        return self._values[np.arange(node.shape[1]), node].mean(axis=1)
