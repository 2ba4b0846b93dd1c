"""Samples from Gaussian processes by random Fourier features (Rahimi and Recht 2007, NeurIPS 20).

Axes: N points, F features, M random frequencies.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws
from keras_hparam.optformer.corpus.features import relevance

KERNELS = {"squared_exponential": 4, "matern52": 4, "matern32": 3, "exponential": 1.5, "rational_quadratic": 1.5}


def spectral_frequencies(rng, kernel, count, num_features):
    """Frequencies [M, F] whose law is the spectral density of a stationary kernel with unit lengthscales.

    A Matern kernel of order nu has a multivariate t density with 2 nu degrees of freedom (Rasmussen and Williams 2006,
    section 4.2): a Gaussian over the root of a Gamma variable, drawn once per frequency. The rational quadratic kernel
    exp(-r^2 g / 2) averaged over a Gamma variable g of mean 1 is drawn in the same way.
    """
    gaussian = rng.standard_normal((count, num_features))
    if kernel == "squared_exponential":
        return gaussian
    if kernel == "rational_quadratic":
        return gaussian * np.sqrt(rng.gamma(1.0, 1.0, (count, 1)))
    nu = {"matern52": 2.5, "matern32": 1.5, "exponential": 0.5}[kernel]
    return gaussian / np.sqrt(rng.gamma(nu, 1.0 / nu, (count, 1)))


def random_features(x, frequencies, phases, weights):
    """The function sum_m weights_m cos(frequencies_m . x + phases_m) at points x [N, F]: [N]."""
    angles = x @ frequencies.T  # [N, M]
    angles += phases
    return np.cos(angles, out=angles) @ weights


def kumaraswamy(x, a, b):
    """The monotone warp 1 - (1 - x^a)^b of [0, 1], with a and b > 0 (Kumaraswamy 1980): stretches one end."""
    return 1.0 - (1.0 - x**a) ** b


class GaussianProcess:
    """One sample path of a Gaussian process on the unit cube, of unit variance where M is large.

    Kernel, lengthscale per feature, relevance, additive or full structure and an input warp are drawn at random.

    Args:
        rng: `np.random.Generator`.
        num_features: F.
        num_frequencies: M.
    """

    def __init__(self, rng, num_features, num_frequencies=160):
        kernel = draws.pick_from(rng, KERNELS)
        base = draws.log_between(rng, 0.1, 1.2) * num_features**0.4
        lengthscales = base * np.exp(rng.normal(0.0, 0.4, num_features))
        frequencies = spectral_frequencies(rng, kernel, num_frequencies, num_features)
        frequencies *= relevance(rng, num_features) / lengthscales
        if draws.chance(rng, 0.35):  # additive: every frequency sees a few features only
            order = 1.0 if draws.chance(rng, 0.5) else 2.0
            seen = rng.random((num_frequencies, num_features)) < order / num_features
            seen[np.arange(num_frequencies), rng.integers(num_features, size=num_frequencies)] |= ~seen.any(axis=1)
            frequencies *= seen
        self._frequencies = frequencies.astype(np.float32)
        self._phases = rng.uniform(0.0, 2.0 * np.pi, num_frequencies).astype(np.float32)
        self._weights = (rng.standard_normal(num_frequencies) * np.sqrt(2.0 / num_frequencies)).astype(np.float32)
        self._trend = rng.normal(0.0, 1.0, num_features) * (1.5 if draws.chance(rng, 0.3) else 0.0)
        self._warp = None
        if draws.chance(rng, 0.3):
            self._warp = np.exp(rng.normal(0.0, 0.6, (2, num_features)))

    def __call__(self, x):
        """Values [N] at points x [N, F]."""
        if self._warp is not None:
            x = kumaraswamy(x, *self._warp)
        sample = random_features(x.astype(np.float32), self._frequencies, self._phases, self._weights)
        return sample + x @ self._trend
