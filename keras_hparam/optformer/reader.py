"""A study as the model sees it: candidates sampled, searched and predicted against one cached reading.

Axes: N candidates, D parameters of the space.
"""

import numpy as np

from keras_hparam.optformer import packing
from keras_hparam.optformer.conditions import conditions_of


class StudyReader:
    """One study, read by the model once: samples and predicts candidates in the tokens of its space.

    Args:
        decoder: `Decoder` of the model.
        vocabulary: the model's `Vocabulary`.
        study: `Study` that fits the model's context.
        rng: `numpy.random.Generator` that draws slots and samples.
        normalizer: `Normalizer` of the objective; by default that of the study's trials.
        with_history: whether the trials, too, are predicted, each from those before it.

    Attributes:
        num_bins: int, bins of the objective and of numbers.
        shortened: whether some of the metadata was left out to fit the context.
        log_probabilities: float [T], of the trials' outcomes, each given the trials before it; those of uniform bins
            without `with_history`. That of a pending trial is the one of a failure.
    """

    def __init__(self, decoder, vocabulary, study, rng, normalizer=None, with_history=False):
        config = decoder.model.config
        self.study, self.num_bins = study, config.num_bins
        self._decoder, self._rng = decoder, rng
        self._layout = packing.lay_out(study.space, config, rng)
        inputs, self.shortened = packing.pack(vocabulary, study, self._layout, config, normalizer)
        self._read, self.log_probabilities = None, np.full(len(study), -np.log(self.num_bins + 1.0))
        if len(self._layout.columns) and with_history:
            self._read, self.log_probabilities = decoder.read_and_predict(inputs)
        elif len(self._layout.columns):
            self._read = decoder.read(inputs)

    def sample(self, count, temperature=1.0, top_p=1.0, greedy=False):
        """Tokens [count, D]; parameters that the model does not see are uniform."""
        tokens = self._uniform(count)
        if self._read is None:
            return self.study.space.mask_inactive(tokens, self.num_bins)
        seed = self._rng.integers(2**31 - 1, size=2)
        conditions = conditions_of(self.study.space, self._layout)
        drawn = self._decoder.sample(self._read, self._layout, conditions, count, seed, temperature, top_p, greedy)
        return self._with_seen(tokens, drawn)

    def beam(self, width):
        """The most probable values: (tokens [n, D], best first; their log-probabilities [n]), n at most `width`.

        Parameters that the model does not see are uniform, and not part of the probability.
        """
        if self._read is None:
            return self.study.space.mask_inactive(self._uniform(1), self.num_bins), np.zeros(1)
        conditions = conditions_of(self.study.space, self._layout)
        found, log_probabilities = self._decoder.beam(self._read, self._layout, conditions, width)
        return self._with_seen(self._uniform(len(found)), found), log_probabilities

    def predict(self, tokens):
        """Probabilities [N, num_bins + 1] of the objective's bins and failure."""
        if self._read is None:
            return np.full((len(tokens), self.num_bins + 1), 1.0 / (self.num_bins + 1), np.float32)
        return self._decoder.score(self._read, self._layout.to_network(tokens))

    def _uniform(self, count):
        columns = [self._rng.choice(p.legal_tokens(self.num_bins), size=count) for p in self.study.space.parameters]
        return np.array(columns, np.int32).T.reshape(count, -1)

    def _with_seen(self, tokens, drawn):
        """Tokens [N, D] with the model's network tokens [N, seen] where it has decided."""
        space, columns = self.study.space, self._layout.columns
        counts = np.asarray([space.parameters[column].num_values or 0 for column in columns])
        drawn = self._layout.from_network(drawn, counts)
        tokens[:, columns] = np.where(drawn < 0, tokens[:, columns], drawn)
        return space.mask_inactive(tokens, self.num_bins)
