"""Objective values to the unit interval and back, relative to the trials observed so far.

The best and the median of the observed scores fix the scale: the best lies at `BEST`, the median at `BEST - SLOPE`,
what is better than the best continues the line up to 1 (there it is clipped), and what is worse than the median is
compressed by a logarithm, so that one diverged trial does not squeeze the others together. Scores are larger-is-better.
"""

import dataclasses

import numpy as np

BEST = 0.75
SLOPE = 0.3


def compress(distance):
    """Unit value of a distance from the best, in multiples of the distance from the best to the median.

    Linear up to the median, then a smooth, ever decreasing tail: u = m / (1 + (SLOPE / m) log r), m = BEST - SLOPE.
    """
    distance = np.asarray(distance, float)
    middle = BEST - SLOPE
    tail = middle / (1.0 + SLOPE / middle * np.log(np.maximum(distance, 1.0)))
    return np.minimum(np.where(distance <= 1.0, BEST - SLOPE * distance, tail), 1.0)


def expand(unit):
    """The inverse of `compress` on (0, 1)."""
    unit = np.asarray(unit, float)
    middle = BEST - SLOPE
    exponent = np.minimum((middle / np.maximum(np.minimum(unit, middle), 1e-3) - 1.0) * middle / SLOPE, 600.0)
    return np.where(unit >= middle, (BEST - unit) / SLOPE, np.exp(exponent))


@dataclasses.dataclass(frozen=True)
class Normalizer:
    """Scores to the unit interval and back.

    Args:
        best: the score that lies at `BEST`.
        scale: the distance from the best to the median, > 0.
    """

    best: float
    scale: float

    @classmethod
    def fit(cls, scores):
        """The normalizer of observed scores [n]; NaN is ignored. Without two different scores the scale is a guess.

        The guess is half of the magnitude of the best score, or 1 where that is 0.
        """
        scores = np.asarray(scores, float)
        scores = scores[np.isfinite(scores)]
        if not len(scores):
            return cls(0.0, 1.0)
        best = float(np.max(scores))
        scale = best - float(np.median(scores))
        if not scale > 1e-12 * max(abs(best), 1e-300):
            others = scores[scores < best]  # more than half of the trials tie at the best
            scale = best - float(np.max(others)) if len(others) else 0.5 * abs(best)
        return cls(best, scale if scale > 0.0 and np.isfinite(scale) else 1.0)

    def to_unit(self, scores):
        """Unit values [...] of scores [...]; NaN stays NaN."""
        with np.errstate(over="ignore", invalid="ignore"):
            return compress((self.best - np.asarray(scores, float)) / self.scale)

    def from_unit(self, unit):
        """Scores [...] of unit values [...]; exact where `to_unit` did not clip."""
        return self.best - self.scale * expand(unit)

    def to_bins(self, scores, num_bins):
        """Bins [...] in 0..num_bins - 1 of finite scores; -1 where a score is NaN."""
        unit = self.to_unit(scores)
        bins = np.clip(np.floor(np.nan_to_num(unit) * num_bins), 0, num_bins - 1).astype(np.int32)
        return np.where(np.isnan(unit), np.int32(-1), bins)
