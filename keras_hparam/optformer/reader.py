"""A study as the model sees it: candidates sampled, predicted and scored against one cached reading.

Axes: N candidates, D parameters of the space.
"""

import numpy as np

from keras_hparam.networks.values import bin_centres
from keras_hparam.optformer import packing
from keras_hparam.optformer.decoding import conditions_of
from keras_hparam.optformer.normalization import BEST


class StudyReader:
    """One study, read by the model once: samples and scores candidates in the tokens of its space.

    Args:
        decoder: `Decoder` of the model.
        vocabulary: the model's `Vocabulary`.
        study: `Study` that fits the model's context.
        rng: `numpy.random.Generator` that draws slots and samples.

    Attributes:
        shortened: whether some of the metadata was left out to fit the context.
    """

    def __init__(self, decoder, vocabulary, study, rng):
        self.decoder, self.study, self.rng = decoder, study, rng
        self.num_bins = decoder.model.config.num_bins
        self.layout = packing.lay_out(study.space, decoder.model.config, rng)
        inputs, self.shortened = packing.pack(vocabulary, study, self.layout, decoder.model.config)
        self.read = decoder.read(inputs) if len(self.layout.columns) else None

    def sample(self, count, temperature=1.0, top_p=1.0, greedy=False):
        """Tokens [count, D]; parameters that the model does not see are uniform."""
        space, num_bins = self.study.space, self.num_bins
        tokens = np.empty((count, len(space.parameters)), np.int32)
        for column, parameter in enumerate(space.parameters):
            tokens[:, column] = self.rng.choice(parameter.legal_tokens(num_bins), size=count)
        if self.read is not None:
            seed = self.rng.integers(2**31 - 1, size=2)
            conditions = conditions_of(space, self.layout)
            drawn = self.decoder.sample(
                self.read, self.layout, conditions, count, seed, temperature, top_p, greedy
            )
            counts = np.asarray([space.parameters[column].num_values or 0 for column in self.layout.columns])
            drawn = self.layout.from_network(drawn, counts)
            seen = tokens[:, self.layout.columns]
            tokens[:, self.layout.columns] = np.where(drawn < 0, seen, drawn)
        return space.mask_inactive(tokens, num_bins)

    def predict(self, tokens):
        """Probabilities [N, num_bins + 1] of the objective's bins and failure."""
        if self.read is None:
            uniform = np.full((len(tokens), self.num_bins + 1), 1.0 / (self.num_bins + 1), np.float32)
            return uniform
        return self.decoder.score(self.read, self.layout.to_network(tokens))

    def acquisition(self, tokens, largest_gain):
        """Expected improvement [N] over the best trial, or the expected objective before there is one.

        Args:
            tokens: int [N, D].
            largest_gain: see `acquisitions.expected_improvement`; in units of the normalised objective.
        """
        if self.read is not None and np.isfinite(self.study.scores).any():
            return self.decoder.improve(self.read, self.layout.to_network(tokens), BEST, largest_gain)
        return self.predict(tokens)[:, :-1] @ bin_centres(self.num_bins)
