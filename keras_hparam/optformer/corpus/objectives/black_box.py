"""Functions in the manner of the BBOB test suite, shifted, rotated and ill-conditioned at random.

After the definitions of Hansen, Finck, Ros and Auger (2009), "Real-parameter black-box optimization benchmarking 2009:
noiseless functions definitions", INRIA RR-6829, and for Griewank's function Griewank (1981). The pure functions are to
be minimised, with the value 0 at their optimum z = 0 unless they say otherwise. Functions of that suite which are not
in `FUNCTIONS` (discus, bent cigar, sharp ridge, different powers, Weierstrass, Schaffer, Katsuura, Lunacek) are kept
out of the corpus so that they can serve in tests of what was learned from it.

Axes: N points, F features, P peaks.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws


def conditioning(num_features, condition):
    """Weights [F] from 1 to `condition`, evenly spaced in their logarithm."""
    return condition ** np.linspace(0.0, 1.0, num_features) if num_features > 1 else np.ones(1)


def sphere(z):
    """The sum of squares [N] of z [N, F]."""
    return np.sum(z * z, axis=-1)


def ellipsoid(z, condition=1e6):
    """The sum of squares [N] of z [N, F], weighted from 1 to `condition`."""
    return (z * z) @ conditioning(z.shape[-1], condition)


def rastrigin(z):
    """A sphere with a regular grid of local optima, one at every whole z [N, F]: [N]."""
    return 10.0 * (z.shape[-1] - np.sum(np.cos(2.0 * np.pi * z), axis=-1)) + sphere(z)


def rosenbrock(z):
    """A curved narrow valley that leads to z = 0, for z [N, F]; a parabola where F is 1: [N]."""
    w = z + 1.0
    valley = 100.0 * np.sum((w[:, :-1] ** 2 - w[:, 1:]) ** 2, axis=-1)
    return valley + np.sum(z[:, : max(1, z.shape[-1] - 1)] ** 2, axis=-1)


def ackley(z):
    """A funnel with many small local optima, nearly flat far from z = 0, for z [N, F]: [N]."""
    root = np.sqrt(np.mean(z * z, axis=-1))
    return 20.0 + np.e - 20.0 * np.exp(-0.2 * root) - np.exp(np.mean(np.cos(2.0 * np.pi * z), axis=-1))


def schwefel(z):
    """Schwefel's function of 100 z + 420.9687, whose many optima differ little and lie far apart."""
    w = 100.0 * z + 420.9687
    inside = np.clip(w, -500.0, 500.0)
    value = 418.9829 - np.mean(inside * np.sin(np.sqrt(np.abs(inside))), axis=-1)
    return value + 0.0005 * np.mean((w - inside) ** 2, axis=-1)


def griewank(z):
    """A shallow bowl with a product of cosines on it, less rugged with growing F, for z [N, F]: [N]."""
    roots = np.sqrt(np.arange(1, z.shape[-1] + 1))
    return 1.0 + 10.0 * sphere(z) / 4000.0 - np.prod(np.cos(3.0 * z / roots), axis=-1)


def step_ellipsoid(z, condition=1e2):
    """Plateaus: the ellipsoid of coordinates that are rounded, coarsely far from the optimum and finely near it."""
    coarse, fine = np.floor(0.5 + z), np.floor(0.5 + 10.0 * z) / 10.0
    return ellipsoid(np.where(np.abs(z) > 0.5, coarse, fine), condition)


def attractive_sector(z):
    """Much steeper on one side of the optimum, in every coordinate, than on the other."""
    return np.sum(np.where(z > 0.0, 100.0 * z, z) ** 2, axis=-1) ** 0.9


def linear_slope(z):
    """Linear, without an optimum inside: may be negative."""
    return z @ conditioning(z.shape[-1], 10.0)


FUNCTIONS = {
    "sphere": sphere,
    "ellipsoid": ellipsoid,
    "rastrigin": rastrigin,
    "rosenbrock": rosenbrock,
    "ackley": ackley,
    "schwefel": schwefel,
    "griewank": griewank,
    "step_ellipsoid": step_ellipsoid,
    "attractive_sector": attractive_sector,
    "linear_slope": linear_slope,
    "gallagher": None,  # random peaks of its own, see `Gallagher`
}


class Gallagher:
    """The best of P random Gaussian peaks of different height and shape; one of them is the highest.

    Args:
        rng: `np.random.Generator`.
        num_features: F.
    """

    def __init__(self, rng, num_features):
        peaks = draws.pick(rng, (5, 21, 101))
        centres = rng.uniform(-4.5, 4.5, (peaks, num_features))
        condition = draws.log_between(rng, 1.0, 1e3)
        conditions = rng.permuted(np.tile(conditioning(num_features, condition), (peaks, 1)), axis=1)
        self._shapes = conditions / np.sqrt(conditions.max(axis=1, keepdims=True))  # [P, F]
        self._centres = self._shapes * centres
        self._offsets = np.sum(self._shapes * centres**2, axis=1)
        self._heights = np.concatenate([[10.0], np.linspace(1.1, 9.1, peaks - 1)])
        self._widths = 2.0 * num_features * draws.log_between(rng, 0.3, 3.0)

    def __call__(self, z):
        """Values [N] to be minimised, at least 0, at points z [N, F] in [-5, 5]."""
        distances = (z * z) @ self._shapes.T - 2.0 * z @ self._centres.T + self._offsets  # [N, P]
        return (10.0 - np.max(self._heights * np.exp(-distances / self._widths), axis=1)) ** 2


class BlackBox:
    """One of `FUNCTIONS` on the unit cube with its optimum, rotation, conditioning and curvature drawn at random.

    Args:
        rng: `np.random.Generator`.
        num_features: F.
        name: key of `FUNCTIONS`; at random where it is None.
    """

    def __init__(self, rng, num_features, name=None):
        name = name or draws.pick(rng, tuple(FUNCTIONS))
        self.optimum = rng.uniform(-4.0, 4.0, num_features)
        matrix = np.diag(rng.choice((-1.0, 1.0), num_features))
        if num_features > 1 and draws.chance(rng, 0.5):
            matrix, _ = np.linalg.qr(rng.standard_normal((num_features, num_features)))
        if draws.chance(rng, 0.4):
            matrix = matrix * np.sqrt(conditioning(num_features, draws.log_between(rng, 2.0, 100.0)))
        if draws.chance(rng, 0.2):
            matrix[rng.random(num_features) < 0.4] = 0.0  # these do not matter
        self._matrix = matrix
        self._function = Gallagher(rng, num_features) if name == "gallagher" else FUNCTIONS[name]
        self._shift = 0.0 if name == "gallagher" else self.optimum
        self._power = 1.0 if name == "linear_slope" else draws.log_between(rng, 0.15, 1.0)

    def __call__(self, x):
        """Values [N], larger is better, at points x [N, F] of the unit cube."""
        values = self._function((10.0 * x - 5.0 - self._shift) @ self._matrix)
        return -values if self._power == 1.0 else -(np.maximum(values, 0.0) ** self._power)
