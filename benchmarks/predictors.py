"""What predicts the objective of configurations from trials: ours, and Gaussian processes given the same trials.

A predictor is a callable (study, tokens [N, D]) -> probabilities [N, NUM_BINS] of the bins of the objective as
`Normalizer.fit(study.scores)` normalises it, given that the trial does not fail; the end bins hold what lies outside.
"""

import warnings

import numpy as np
from scipy.special import ndtr

from keras_hparam.optformer.normalization import Normalizer

NUM_BINS = 1000


class OptFormerPredictor:
    """The model with the weights of a shipped name or a folder."""

    def __init__(self, weights):
        from keras_hparam.optformer.planning import Proposer

        self._proposer = Proposer.load(weights)

    def __call__(self, study, tokens):
        probabilities = np.asarray(self._proposer.predict(study, tokens), float)[:, :-1]
        return probabilities / probabilities.sum(axis=1, keepdims=True)


def surrogate(study, tokens):
    """`GaussianProcessSurrogate`."""
    from keras_hparam.optformer.surrogate import GaussianProcessSurrogate

    unit = Normalizer.fit(study.scores).to_unit(study.scores)
    known = np.isfinite(unit)
    return GaussianProcessSurrogate.fit(study.space, study.tokens[known], unit[known]).predict(tokens, NUM_BINS)


def scikit_learn(study, tokens):
    """scikit-learn's Gaussian process: Matern 5/2 with a length scale for each feature, and white noise.

    Features are numbers in the unit interval, one-hot categories and whether a parameter is active; the targets are the
    normalised objectives. Fewer than two observed trials predict a uniform distribution.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    unit = Normalizer.fit(study.scores).to_unit(study.scores)
    known = np.isfinite(unit)
    if known.sum() < 2:
        return np.full((len(tokens), NUM_BINS), 1.0 / NUM_BINS)
    every = features(study.space, np.concatenate([study.tokens[known], tokens]))
    every = every[:, np.ptp(every, axis=0) > 0] if np.ptp(every, axis=0).any() else every[:, :1]
    scales = Matern(np.full(every.shape[1], 0.5), (0.02, 50.0), nu=2.5)
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * scales + WhiteKernel(1e-2, (1e-6, 2.0))
    process = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # length scales of irrelevant parameters reach their bounds
        process.fit(every[: known.sum()], unit[known])
        mean, deviation = process.predict(every[known.sum() :], return_std=True)  # of an observation, noise included
    return gaussian_masses(mean, deviation)


def features(space, tokens):
    """Features [N, F] of tokens [N, D]: a number's place, or its category one-hot; 0.5 or zeros where inactive."""
    columns = []
    for d, parameter in enumerate(space.parameters):
        row, active = tokens[:, d], tokens[:, d] >= 0
        if parameter.is_categorical:
            columns += [row == index for index in range(parameter.num_values)]
        else:
            columns += [np.where(active, (row + 0.5) / NUM_BINS, 0.5), active]
    return np.stack(columns, axis=1).astype(float)


def gaussian_masses(mean, deviation, num_bins=NUM_BINS):
    """Probabilities [N, num_bins] of the equal bins of the unit interval under Gaussians; end bins hold the tails."""
    edges = np.concatenate([[-np.inf], np.arange(1, num_bins) / num_bins, [np.inf]])
    return np.diff(ndtr((edges - mean[:, None]) / np.maximum(deviation, 1e-9)[:, None]), axis=1)
