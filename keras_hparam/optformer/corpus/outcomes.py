"""From an objective's latent values to what a user would record: metrics, scales, plateaus, noise and failures.

Axes: N configurations. A latent value is larger where a configuration is better, and NaN where it fails.
"""

import numpy as np

from keras_hparam.optformer.corpus import draws

NOISE_SHARES = {"none": 0.45, "small": 0.35, "medium": 0.15, "large": 0.05}  # of the studies
_NOISE_RANGES = {"none": (0.0, 0.0), "small": (0.003, 0.05), "medium": (0.05, 0.3), "large": (0.3, 1.0)}
_HETEROSCEDASTIC_SHARE = 0.2  # of the noisy studies
_PLATEAU_SHARE = 0.2
_CEILING_SHARE = {"response": 0.8}  # of the studies come near a best possible value; other families:
_OTHER_CEILING_SHARE = 0.3

WARPS = {  # monotone functions of standardised values; each with its weight
    "identity": (lambda z, a: z, 8),
    "exp": (lambda z, a: np.expm1(a * np.minimum(z, 6.0)), 2),
    "log": (lambda z, a: -np.expm1(-a * np.maximum(z, -6.0)), 2),
    "power": (lambda z, a: np.sign(z) * np.abs(z) ** a, 2),
    "sigmoid": (lambda z, a: sigmoid(2.0 * a * z), 2),
}


def sigmoid(z):
    """1 / (1 + exp(-z)), elementwise and without overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def softplus(z):
    """log(1 + exp(z)), elementwise and without overflow."""
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def spread_of(values):
    """The standard deviation of finite values, or 1 where there is none."""
    spread = float(np.std(values)) if len(values) else 0.0
    return spread if spread > 1e-12 else 1.0


class Outcome:
    """Turns latent values into recorded objectives; the noiseless part is monotone.

    Args:
        rng: `np.random.Generator`.
        latent: [N] latent values of random configurations, which fix location and scale.
        metric: kind of metric, a key of `names.METRICS`.
        family: key of `objectives.FAMILIES`.

    Attributes:
        noise: standard deviation of the noise, relative to that of the noiseless values of random configurations.
    """

    def __init__(self, rng, latent, metric, family):
        finite = latent[np.isfinite(latent)]
        self._location = float(np.median(finite)) if len(finite) else 0.0
        self._scale = spread_of(np.clip(finite, *np.quantile(finite, (0.05, 1.0)))) if len(finite) else 1.0
        self._warp = WARPS[draws.pick(rng, tuple(WARPS), tuple(weight for _, weight in WARPS.values()))][0]
        self._warp_strength = draws.log_between(rng, 0.3, 2.0)
        standard = (finite - self._location) / self._scale
        self._floor = -np.inf
        if draws.chance(rng, _PLATEAU_SHARE) and len(finite):
            self._floor = float(np.quantile(standard, draws.between(rng, 0.05, 0.6)))
        self._ceiling = None
        if draws.chance(rng, _CEILING_SHARE.get(family, _OTHER_CEILING_SHARE)) and len(finite):
            best = float(standard.max())
            self._ceiling = max(0.0, best) if family == "response" else best + rng.exponential(0.3)
            self._sharpness = draws.log_between(rng, 0.3, 2.0)
        self._set_metric(rng, metric)
        self._set_noise(rng, finite)

    def _set_metric(self, rng, metric):
        self._metric = metric
        self._best = 1.0 - draws.log_between(rng, 0.001, 0.5)
        self._worst = self._best * draws.pick(rng, (0.0, 0.1, 0.5, draws.between(rng, 0.0, 0.95)), (1, 2, 2, 5))
        self._resolution = draws.whole_between(rng, 50, 5000) if draws.chance(rng, 0.3) else None
        self._gain, self._bias = draws.log_between(rng, 0.4, 2.5), rng.normal(0.5, 1.0)
        self._unit = draws.log_between(rng, *draws.pick(rng, ((1e-5, 1e5), (0.1, 10.0)), (3, 2)))
        near = draws.pick(rng, (0.0, 1.0, 30.0), (4, 4, 1)) * self._unit
        self._offset = near * rng.normal()
        self._loss_floor = draws.pick(rng, (0.0, draws.log_between(rng, 0.01, 1.0)), (1, 2))

    def _set_noise(self, rng, finite):
        self.noise = draws.between(rng, *_NOISE_RANGES[draws.pick_from(rng, NOISE_SHARES)])
        self._tilt = rng.normal(0.0, 0.7) if draws.chance(rng, _HETEROSCEDASTIC_SHARE) else 0.0
        self._noise_inside = draws.chance(rng, 0.5)  # before the metric, which then bounds it, or after
        quality = self._quality(finite)
        self._noise_scale = self.noise * spread_of(quality if self._noise_inside else self._measure(quality))

    def _quality(self, latent):
        """Standardised, floored and warped values [N], larger is better."""
        z = np.maximum((latent - self._location) / self._scale, self._floor)
        if self._ceiling is None:
            return self._warp(z, self._warp_strength)
        return np.exp(-self._sharpness * softplus(4.0 * (self._ceiling - z)) / 4.0)

    def _measure(self, quality):
        """Objectives [N] of qualities [N], before noise; in the metric's own direction."""
        if self._metric.startswith("real"):
            sign = 1.0 if self._metric == "real_max" else -1.0
            return self._offset + sign * self._unit * quality
        if self._metric == "loss":
            if self._ceiling is not None:
                decay = -np.log(np.maximum(quality, 1e-4)) / self._sharpness
                return self._unit * (self._loss_floor + np.minimum(decay, 50.0))
            return self._unit * (self._loss_floor + np.exp(-self._gain * np.clip(quality, -6.0, 6.0)))
        share = quality if self._ceiling is not None else sigmoid(self._gain * (quality + self._bias))
        value = self._worst + (self._best - self._worst) * share
        return {"unit": value, "percent": 100.0 * value, "error": 1.0 - value}[self._metric]

    def noiseless(self, latent):
        """Objectives [N] without noise of latent values [N]; NaN stays NaN."""
        return self._measure(self._quality(latent))

    def observe(self, rng, latent):
        """Objectives [N] as recorded: with noise, within the metric's range, at its resolution; NaN stays NaN."""
        quality = self._quality(latent)
        if not self.noise:
            return self._rounded(self._measure(quality))
        tilt = np.exp(self._tilt * np.clip((latent - self._location) / self._scale, -2.0, 2.0))
        noise = self._noise_scale * tilt * rng.standard_normal(len(latent))
        if self._noise_inside:
            noisy = quality + noise
            return self._rounded(self._measure(noisy if self._ceiling is None else np.clip(noisy, 1e-4, 1.0)))
        return self._rounded(self._measure(quality) + noise)

    def _rounded(self, values):
        if self._metric.startswith("real"):
            return values
        if self._metric == "loss":
            return np.maximum(values, 1e-3 * self._unit * self._loss_floor)
        top = 100.0 if self._metric == "percent" else 1.0
        values = np.clip(values, 0.0, top)
        if self._resolution is None:
            return values
        return np.round(values * self._resolution / top) * (top / self._resolution)
