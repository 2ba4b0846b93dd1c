"""A Gaussian process over the trials of one search, fitted to their unit values.

Axes: T trials, N candidates, D parameters of the space, F of them that vary, B bins of the unit interval.
"""

import numpy as np
from scipy.optimize import minimize

from keras_hparam import errors
from keras_hparam.ops import gaussian_processes as gp
from keras_hparam.ops import normal_intervals, power_transforms
from keras_hparam.spaces import validation

# Unit values of random trials, as `normalization.Normalizer` makes them; they count as one trial.
MEAN, DEVIATION, WEIGHT = 0.48, 0.135, 1.0
# Means, deviations and bounds of the normal priors of the logarithms; a numeric length scale grows with sqrt(F). They
# predict held-out values of the synthetic problems of `corpus` best; the optimum is flat.
LENGTH_SCALE = (np.log(0.3), 1.0, -5.0, 7.0)
CATEGORY_LENGTH_SCALE = (1.2, 1.2, -5.0, 7.0)
SIGNAL = (0.2, 0.5, -5.0, 5.0)
NOISE = (-4.0, 2.0, np.log(1e-6), 2.0)
POWER = (1.0, 0.7, -1.0, 3.0)  # of the warp, not a logarithm
COLD_ITERATIONS, WARM_ITERATIONS = 50, 8


class GaussianProcessSurrogate:
    """Predicts the objective of candidates from the trials so far.

    Unit values are standardised, warped by a Yeo-Johnson transform, and modelled by a Gaussian process with a Matern
    5/2 kernel over numeric parameters and an exponential Hamming kernel over categories, each with a length scale of
    its own. Hyperparameters, the power of the transform among them, maximise the posterior density; their priors are
    log-normal, that of a numeric length scale in proportion to sqrt(F).

    Make it with `fit`. It is deterministic.

    Attributes:
        hyperparameters: float [F + 3], read-only: logarithms of F length scales, of the signal and of the noise
            variance, and the power of the warp.

    Example:

    ```python
    surrogate = GaussianProcessSurrogate.fit(space, tokens, Normalizer.fit(scores).to_unit(scores))
    probabilities = surrogate.predict(space.random_tokens(rng, 400), num_bins=1000)  # [400, 1000]
    ```

    Source: Snelson, Rasmussen & Ghahramani 2004, "Warped Gaussian processes"; Hvarfner et al. 2024, arXiv 2402.02229
    (length scales in proportion to sqrt(F)).
    """

    @classmethod
    def fit(cls, space, tokens, targets, previous=None, token_bins=1000):
        """A surrogate of the trials.

        Args:
            space: `SearchSpace` of D parameters.
            tokens: int [T, D], -1 where inactive; T may be 0.
            targets: float [T] in [0, 1], such as `Normalizer.to_unit` of the scores; trials without one are left out.
            previous: `hyperparameters` of an earlier fit to the same space, from which a few steps are made; None for
                a complete fit from the means of the priors.
            token_bins: the number of tokens of a numeric parameter.

        Raises:
            InvalidArgumentError: if shapes disagree, tokens are out of range, targets are not in [0, 1], or `previous`
                is not finite.
        """
        return cls(space, tokens, targets, previous, token_bins)

    def __init__(self, space, tokens, targets, previous, token_bins):
        self._space, self._token_bins = space, token_bins
        varying = [(d, p.is_categorical) for d, p in enumerate(space.parameters) if p.num_values != 1]
        self._columns = np.array([d for d, _ in varying], int)
        self._is_categorical = np.array([categorical for _, categorical in varying], bool)
        self._points = self._coordinates(tokens)  # [T, F]
        self._targets = _checked_targets(targets, len(self._points))
        num_trials = WEIGHT + len(self._targets)
        self._mean = (WEIGHT * MEAN + self._targets.sum()) / num_trials
        square = WEIGHT * DEVIATION**2 + ((self._targets - self._mean) ** 2).sum()
        self._deviation = np.sqrt(square / num_trials)
        distance = gp.distances(self._points, self._points, self._is_categorical)
        self.hyperparameters = self._optimize(distance, previous)
        self.hyperparameters.setflags(write=False)
        self._kernel = self.hyperparameters[:-1]
        self._observed = self.to_latent(self._targets)
        self._factor, self._alpha = gp.factorize(self._observed, distance, self._is_categorical, self._kernel)

    def to_latent(self, unit):
        """The scale [...] on which the process is Gaussian, of unit values [...]; strictly increasing."""
        standard = (np.asarray(unit, float) - self._mean) / self._deviation
        return power_transforms.yeo_johnson(standard, self.hyperparameters[-1])

    def to_unit(self, latent):
        """Unit values [...] of latent ones [...], the inverse of `to_latent`; NaN or infinite outside of its range."""
        return self._mean + self._deviation * power_transforms.inverse_yeo_johnson(latent, self.hyperparameters[-1])

    def gaussian(self, tokens):
        """(mean [N], deviation [N]) of the objective of candidates, without noise, on the scale of `to_latent`.

        Args:
            tokens: int [N, D], -1 where inactive.
        """
        distance = gp.distances(self._points, self._coordinates(tokens), self._is_categorical)
        mean, variance = gp.posterior(self._factor, self._alpha, distance, self._is_categorical, self._kernel)
        return mean, np.sqrt(variance)

    def predict(self, tokens, num_bins=1000, noisy=True):
        """Probabilities [N, num_bins] of the equal bins of the unit interval; the end bins hold what lies outside.

        Args:
            tokens: int [N, D], -1 where inactive.
            num_bins: B >= 1.
            noisy: whether of an observation, or of the objective without noise.

        Raises:
            InvalidArgumentError: for tokens or a number of bins out of range.
        """
        mean, deviation = self.gaussian(tokens)
        deviation = np.sqrt(deviation**2 + np.exp(self._kernel[-1]) * noisy)
        edges = (self._edges(num_bins) - mean[:, None]) / np.maximum(deviation, 1e-9)[:, None]
        return normal_intervals.interval_masses(edges)

    def log_densities(self, num_bins=1000, leave_one_out=False):
        """Log-probabilities [T] of the trials' own bins, each predicted from the trials before it.

        Hyperparameters, and the standardisation, are those of all trials, so that early trials are predicted a little
        better than they could have been.

        Args:
            num_bins: B >= 1.
            leave_one_out: whether from all other trials instead.

        Raises:
            InvalidArgumentError: for a number of bins out of range.
        """
        if leave_one_out:
            mean, variance = gp.leave_one_out_moments(self._factor, self._alpha, self._observed)
        else:
            mean, variance = gp.sequential_moments(self._factor, self._observed)
        edges, bins = self._edges(num_bins), np.minimum((self._targets * num_bins).astype(int), num_bins - 1)
        lower, upper = ((edges[bins + side] - mean) / np.sqrt(variance) for side in (0, 1))
        return normal_intervals.log_interval_mass(lower, upper)

    def _edges(self, num_bins):
        """Latent values [B + 1] of the bins' edges, the first and the last infinite."""
        if num_bins < 1:
            raise errors.InvalidArgumentError(f"Expected `num_bins` >= 1. Received: {num_bins}.")
        return np.concatenate([[-np.inf], self.to_latent(np.arange(1, num_bins) / num_bins), [np.inf]])

    def _coordinates(self, tokens):
        """[N, F] of tokens [N, D], as `gaussian_processes` reads them."""
        rows = validation.checked_rows(tokens, len(self._space), self._token_bins)[:, self._columns]
        return np.where(self._is_categorical | (rows < 0), rows, (rows + 0.5) / self._token_bins)

    def _optimize(self, distance, previous):
        """The hyperparameters [F + 3] of the largest posterior density that L-BFGS-B finds."""
        mean, deviation, low, high = self._priors()
        start = mean if previous is None else np.asarray(previous, float)
        if start.shape != mean.shape or not np.isfinite(start).all():
            message = f"Expected `previous` of shape {mean.shape} and finite. Received: {previous!r}."
            raise errors.InvalidArgumentError(message)
        standard = (self._targets - self._mean) / self._deviation

        def loss(hyperparameters):
            *_, power = hyperparameters
            y = power_transforms.yeo_johnson(standard, power)
            slope, by_power = power_transforms.log_slope(standard, power)
            value, gradient, by_y = gp.log_marginal_likelihood(y, distance, self._is_categorical, hyperparameters[:-1])
            by_power = by_power.sum() + by_y @ power_transforms.power_derivative(standard, power)
            prior, prior_gradient = gp.log_prior(hyperparameters, mean, deviation)
            return -(value + slope.sum() + prior), -(np.append(gradient, by_power) + prior_gradient)

        iterations = COLD_ITERATIONS if previous is None else WARM_ITERATIONS
        bounds, options = np.stack([low, high], axis=1), {"maxiter": iterations}
        start = np.clip(start, low, high)
        return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x

    def _priors(self):
        """(means, deviations, lower and upper bounds), each [F + 3]."""
        scales = np.where(self._is_categorical[:, None], CATEGORY_LENGTH_SCALE, LENGTH_SCALE)  # [F, 4]
        scales[~self._is_categorical, 0] += 0.5 * np.log(max(len(scales), 1))
        return np.concatenate([scales, [SIGNAL, NOISE, POWER]]).T


def _checked_targets(targets, num_trials):
    targets = np.asarray(targets, float)
    if targets.shape != (num_trials,):
        raise errors.InvalidArgumentError(f"Expected `targets` of shape ({num_trials},). Received: {targets.shape}.")
    if not ((targets >= 0) & (targets <= 1)).all():
        raise errors.InvalidArgumentError(f"Expected `targets` in [0, 1]. Received: {targets}.")
    return targets
