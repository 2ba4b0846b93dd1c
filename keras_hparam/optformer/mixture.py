"""The model's prediction and a Gaussian process', mixed by how well each has predicted the trials so far.

The model knows from its first trial on what objectives look like; a Gaussian process knows this objective better the
more trials there are. Both give probabilities of the same bins, so that the probabilities which each gave to every
trial's outcome, from the trials before it, say how much to trust it: Bayesian model averaging with a little switching.
The chance of a failure is always the model's.

Axes: N candidates, T trials, B bins of the objective.
"""

import numpy as np

from keras_hparam.ops import expert_advice
from keras_hparam.ops.normal_intervals import log_expected_improvement
from keras_hparam.optformer import candidates
from keras_hparam.optformer.surrogate import GaussianProcessSurrogate

FEWEST_TRIALS = 4  # completed ones, before which the model predicts alone
PRIOR = (0.8, 0.2)  # of the model and of the Gaussian process, whose hyperparameters have seen what it predicts
SWITCHING = 0.02


class MixedPrediction:
    """Predicts candidates of one study as `StudyReader` does, together with a Gaussian process.

    Args:
        reader: `StudyReader` of the study, made `with_history`.
        normalizer: `Normalizer` of its objective.
        is_guess: bool [T] or None, trials whose objective the model has guessed itself, as they still run: the Gaussian
            process takes them as given, but they say nothing about who predicts well.

    Attributes:
        share: float in [0, 1], the weight of the Gaussian process; 0 before `FEWEST_TRIALS` trials have completed.
    """

    def __init__(self, reader, normalizer, is_guess=None):
        self._reader, self._surrogate, self.share = reader, None, 0.0
        study = reader.study
        completed = np.isfinite(study.scores)
        if completed.sum() < FEWEST_TRIALS:
            return
        units = np.clip(normalizer.to_unit(study.scores[completed]), 0.0, 1.0)
        self._best = units.max()
        self._surrogate = GaussianProcessSurrogate.fit(study.space, study.tokens[completed], units)
        both = [reader.log_probabilities[completed], self._surrogate.log_densities(reader.num_bins)]
        counts = np.full(len(study), True) if is_guess is None else ~np.asarray(is_guess, bool)
        both = np.stack(both, axis=1)[counts[completed]]
        self.share = float(expert_advice.fixed_share(both, PRIOR, SWITCHING)[1])

    def promising(self, rng, parents, count):
        """Candidates [at most count, D] of the largest expected improvement to the Gaussian process, found by climbing.

        Args:
            rng: `numpy.random.Generator`.
            parents: tokens [n, D] of the best trials.
            count: candidates, at least 1.
        """
        space, num_bins = self._reader.study.space, self.num_bins
        if self._surrogate is None:
            return np.empty((0, len(space)), np.int32)
        best = self._surrogate.to_latent(self._best)

        def score(tokens):
            mean, deviation = self._surrogate.gaussian(tokens)
            return log_expected_improvement(mean, np.maximum(deviation, 1e-9), best)

        return candidates.climb(space, rng, score, parents, count, num_bins)

    @property
    def num_bins(self):
        """Bins of the objective and of numbers."""
        return self._reader.num_bins

    def sample(self, *args, **kwargs):
        """Tokens [count, D] drawn from the model: see `StudyReader.sample`."""
        return self._reader.sample(*args, **kwargs)

    def predict(self, tokens):
        """Probabilities [N, B + 1] of the objective's bins and of failure."""
        predicted = self._reader.predict(tokens)
        if self._surrogate is None:
            return predicted
        bins = self._surrogate.predict(tokens, self._reader.num_bins) * (1.0 - predicted[:, -1:])
        mixed = (1.0 - self.share) * predicted[:, :-1] + self.share * bins
        return np.concatenate([mixed, predicted[:, -1:]], axis=1)
