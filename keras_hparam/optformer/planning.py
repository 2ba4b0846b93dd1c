"""The next trial from a model: decoded, or candidates ranked by an acquisition of their predicted objective.

US20230401451A1, claims 10 to 21 and Figure 4; Chen et al. 2022, arXiv 2205.13320, section 4.3.

Axes: N candidates, D parameters of the space.
"""

import logging

import numpy as np

from keras_hparam.optformer import candidates, packing, pending, ranking
from keras_hparam.optformer.decoding import Decoder
from keras_hparam.optformer.mixture import MixedPrediction
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.reader import StudyReader
from keras_hparam.optformer.settings import PlanningSettings
from keras_hparam.optformer.study import Status

_DECODED = 48  # rows that are decoded from the model without ranking, so that one of them is new


class Proposer:
    """Proposes the next trial of a study.

    Args:
        model: `OptFormer`.
        vocabulary: its `Vocabulary`.
        settings: `PlanningSettings`.

    Example:

    ```python
    proposer = Proposer.load("optformer-small", acquisition="ucb", prior=["model", "local"])
    tokens = proposer.propose(study, np.random.default_rng(0))
    values = study.space.from_tokens(tokens)
    ```
    """

    def __init__(self, model, vocabulary, settings=None):
        self.model, self.vocabulary = model, vocabulary
        self.settings = settings or PlanningSettings()
        self.decoder = Decoder(model)
        self.num_bins = model.config.num_bins
        self._said = set()

    @classmethod
    def load(cls, weights="optformer-small", settings=None, **options):
        """A proposer with shipped weights (a name) or those of a directory.

        Args:
            weights: the name or the path.
            settings: `PlanningSettings`; by default made of the options.
            **options: fields of `PlanningSettings`.

        Raises:
            InvalidArgumentError: for an unknown name or an option out of range.
            CorruptFileError: for a truncated or foreign file.
        """
        from keras_hparam.optformer import weights as weights_io

        settings = settings or PlanningSettings(**options)
        return cls(*weights_io.load(weights), settings)

    def predict(self, study, tokens, seed=0):
        """Predicted distribution of the objective of candidates.

        Args:
            study: `Study`.
            tokens: int [N, D], `space.to_tokens` of the candidates.
            seed: of the slots that the parameters get.

        Returns:
            float [N, num_bins + 1]: probabilities of the bins of the objective, and of failure. The objective is
            normalised by `Normalizer.fit` of the scores of the trials that the model reads: all of the study, or those
            of `packing.keep_trials` where it has more than the model's `max_trials`.
        """
        rng = np.random.default_rng(seed)
        return self._reader(self._fit(study), rng, None).predict(np.asarray(tokens))

    def propose(self, study, rng, exclude=frozenset()):
        """Tokens [D] of the next trial, or None if no untried candidate was found.

        Args:
            study: `Study`; it is not changed.
            rng: `numpy.random.Generator`, which is advanced.
            exclude: set of `tokens.tobytes()` (int32) that must not be proposed.

        Raises:
            InvalidArgumentError: if a user's prior or acquisition returns what it should not.
        """
        reader, best = self._read(study, rng)
        if self.settings.decoding == "sample_and_rank":
            tokens = self._ranked(study, reader, best, rng, exclude)
        else:
            tokens = candidates.untried(self._decoded(reader), exclude)
        return tokens[0] if len(tokens) else None

    def _fit(self, study):
        """The study with as many trials as the model takes."""
        config, space = self.model.config, study.space
        if len(packing.seen_parameters(space, len(space.parameters))) > config.num_slots:
            self._say_once(
                f"The space has more than the {config.num_slots} parameters that the model sees: the first "
                f"{config.num_slots} are chosen by the model, the others near the best trials or at random."
            )
        if len(study) > config.max_trials:
            self._say_once(
                f"The study has more than the {config.max_trials} trials that the model reads: it keeps the best and "
                "the newest."
            )
        return study.take(packing.keep_trials(study, config.max_trials))

    def _say_once(self, message):
        if message not in self._said:
            self._said.add(message)
            logging.getLogger(__name__).warning(message)

    def _reader(self, study, rng, normalizer, with_history=False):
        reader = StudyReader(self.decoder, self.vocabulary, study, rng, normalizer, with_history)
        if reader.shortened:
            self._say_once("The study's metadata exceeds the model's context: value lists or ranges are left out.")
        return reader

    def _read(self, study, rng):
        """`StudyReader` of a study, its pending trials predicted if so set, and the best normalised objective."""
        study = self._fit(study)
        normalizer = Normalizer.fit(study.scores)
        observed = np.isfinite(study.scores).any()
        waiting = np.asarray(study.statuses) == Status.PENDING
        if self.settings.pending == "predict" and waiting.any():
            probabilities = self._reader(study.take(~waiting), rng, normalizer).predict(study.tokens[waiting])
            study = pending.filled(study, probabilities, normalizer)
        best = float(normalizer.to_unit(np.nanmax(study.scores))) if observed else None
        mixed = self.settings.gaussian_process and self.settings.decoding == "sample_and_rank"
        reader = self._reader(study, rng, normalizer, with_history=mixed)
        return (MixedPrediction(reader, normalizer, waiting) if mixed else reader), best

    def _decoded(self, reader):
        """Rows [N, D] from the model alone, the preferred one first; samples follow the most probable ones."""
        settings = self.settings
        top_p = settings.top_p if settings.decoding == "nucleus" else 1.0
        sampled = reader.sample(_DECODED, settings.temperature, top_p)
        if settings.decoding == "beam":
            return np.concatenate([reader.beam(settings.beam_width)[0], sampled])
        return np.concatenate([reader.sample(1, greedy=True), sampled]) if settings.decoding == "greedy" else sampled

    def _ranked(self, study, reader, best, rng, exclude):
        """Untried candidates [N, D], the one with the best acquisition first."""
        settings, space, num_bins = self.settings, study.space, self.num_bins
        is_small = space.size <= settings.enumerate_up_to
        drawn = candidates.enumerated(space, num_bins) if is_small else candidates.draw(settings, study, reader, rng)
        tokens = candidates.untried(drawn, exclude)
        if not len(tokens):
            tokens = candidates.untried(space.random_tokens(rng, settings.num_candidates, num_bins), exclude)
        if not len(tokens):
            return tokens
        scores = self._scores(reader, best, rng, tokens)
        if not is_small and settings.refined_candidates and len(study):
            parents = tokens[self._order(study, best, tokens, scores)[: settings.num_elites]]
            refined = candidates.refined(space, rng, parents, settings.refined_candidates, num_bins)
            refined = candidates.untried(refined, exclude)
            tokens = np.concatenate([tokens, refined])
            scores = np.concatenate([scores, self._scores(reader, best, rng, refined)])
        return tokens[self._order(study, best, tokens, scores)]

    def _scores(self, reader, best, rng, tokens):
        """The acquisition [N] of candidates: first what the model predicts for them, then what that is worth."""
        if not len(tokens):
            return np.empty(0)
        return ranking.score(self.settings, reader.predict(tokens), best, rng)

    def _order(self, study, best, tokens, scores):
        """Indices [N] of candidates, best first.

        Those next to a trial that runs count less where no prediction stands for it, or only one without a scale, as no
        trial has completed.
        """
        waiting = study.tokens[np.asarray(study.statuses) == Status.PENDING]
        if len(waiting) and (self.settings.pending == "placeholder" or best is None):
            scores = pending.discount(scores, pending.distances(study.space, tokens, waiting, self.num_bins))
        return np.argsort(-scores, kind="stable")
