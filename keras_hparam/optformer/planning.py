"""The next trial from a model: plain sampling, or candidates ranked by their predicted expected improvement.

US20230401451A1, Figure 4; Chen et al. 2022, arXiv 2205.13320, section 4.3.

Axes: N candidates, D parameters of the space.
"""

import dataclasses
import logging

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer import packing
from keras_hparam.optformer.decoding import Decoder
from keras_hparam.optformer.reader import StudyReader

DECODINGS = ("sample_and_rank", "sample", "greedy", "nucleus")


@dataclasses.dataclass(frozen=True)
class PlanningSettings:
    """How proposals are made.

    Args:
        decoding: "sample_and_rank" (candidates ranked by expected improvement), "sample" (from the model, at
            `temperature`), "nucleus" (the same within `top_p`) or "greedy".
        model_candidates, random_candidates, local_candidates, border_candidates: candidates drawn from the model,
            uniformly, around the best trials, and from the best trials with some numbers at an end of their range.
        refined_candidates: candidates of a second round, around the best of the first.
        num_elites: trials (and first-round candidates) around which candidates are drawn.
        largest_gain: bound on the improvement that counts, > 0, in units of the normalised objective, in which the
            distance from the best trial to the median is 0.3; 1 for the plain expected improvement.
        temperature: > 0.
        top_p: in (0, 1].

    Raises:
        InvalidArgumentError: for values out of range.
    """

    decoding: str = "sample_and_rank"
    model_candidates: int = 48
    random_candidates: int = 128
    local_candidates: int = 192
    border_candidates: int = 32
    refined_candidates: int = 96
    num_elites: int = 5
    largest_gain: float = 0.05
    temperature: float = 1.0
    top_p: float = 0.9

    def __post_init__(self):
        if self.decoding not in DECODINGS:
            raise errors.InvalidArgumentError(
                f"Expected `decoding` to be one of {DECODINGS}. Received: {self.decoding!r}."
            )
        for name in ("temperature", "largest_gain"):
            if not getattr(self, name) > 0:
                raise errors.InvalidArgumentError(f"Expected `{name}` > 0. Received: {getattr(self, name)}.")
        if not 0 < self.top_p <= 1:
            raise errors.InvalidArgumentError(f"Expected `top_p` in (0, 1]. Received: {self.top_p}.")
        for name in ("model_candidates", "random_candidates", "local_candidates", "num_elites"):
            if not getattr(self, name) >= 1:
                raise errors.InvalidArgumentError(f"Expected `{name}` >= 1. Received: {getattr(self, name)}.")


class Proposer:
    """Proposes the next trial of a study.

    Args:
        model: `OptFormer`.
        vocabulary: its `Vocabulary`.
        settings: `PlanningSettings`.

    Example:

    ```python
    proposer = Proposer.load("optformer-small")
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
    def load(cls, weights="optformer-small", **options):
        """A proposer with shipped weights (a name) or those of a directory; `options` as in `PlanningSettings`.

        Raises:
            InvalidArgumentError: for an unknown name or option.
            CorruptFileError: for a truncated or foreign file.
        """
        from keras_hparam.optformer import weights as weights_io

        settings = PlanningSettings(**options)
        return cls(*weights_io.load(weights), settings)

    def say_once(self, message):
        """Logs a warning the first time it is given."""
        if message not in self._said:
            self._said.add(message)
            logging.getLogger(__name__).warning(message)

    def _fit(self, study):
        """The study with as many trials as the model takes."""
        config, space = self.model.config, study.space
        if len(packing.seen_parameters(space, len(space.parameters))) > config.num_slots:
            self.say_once(
                f"The space has more than the {config.num_slots} parameters that the model sees: the first "
                f"{config.num_slots} are chosen by the model, the others near the best trials or at random."
            )
        if len(study) > config.max_trials:
            self.say_once(
                f"The study has more than the {config.max_trials} trials that the model reads: it keeps the best and "
                "the newest."
            )
        return study.take(packing.keep_trials(study, config.max_trials))

    def _read(self, study, rng):
        reader = StudyReader(self.decoder, self.vocabulary, self._fit(study), rng)
        if reader.shortened:
            self.say_once("The study's metadata exceeds the model's context: value lists or ranges are left out.")
        return reader

    def predict(self, study, tokens, seed=0):
        """Predicted distribution of the objective of candidates.

        Args:
            study: `Study`.
            tokens: int [N, D], `space.to_tokens` of the candidates.
            seed: of the slots that the parameters get.

        Returns:
            float [N, num_bins + 1]: probabilities of the bins of the objective as `Normalizer.fit(study.scores)`
            normalises it, and of failure.
        """
        return self._read(study, np.random.default_rng(seed)).predict(np.asarray(tokens))

    def propose(self, study, rng, exclude=frozenset()):
        """Tokens [D] of the next trial, or None if no untried candidate was found.

        Args:
            study: `Study`; it is not changed.
            rng: `numpy.random.Generator`, which is advanced.
            exclude: set of `tokens.tobytes()` (int32) that must not be proposed.
        """
        reader = self._read(study, rng)
        settings = self.settings
        if settings.decoding == "sample_and_rank":
            tokens, scores = self._ranked(reader, rng, exclude)
            tokens = tokens[np.argsort(-scores, kind="stable")]
        else:
            top_p = settings.top_p if settings.decoding == "nucleus" else 1.0
            greedy = reader.sample(1, greedy=True) if settings.decoding == "greedy" else np.empty((0, 0), np.int32)
            sampled = reader.sample(settings.model_candidates, settings.temperature, top_p)
            tokens = np.concatenate([greedy, sampled]) if len(greedy) else sampled
        return next((row for row in tokens if row.tobytes() not in exclude), None)

    def _ranked(self, reader, rng, exclude):
        """(untried candidates of two rounds [N, D], their acquisition [N])."""
        settings, space = self.settings, reader.study.space
        pool = [reader.sample(settings.model_candidates, settings.temperature)]
        pool.append(space.random_tokens(rng, settings.random_candidates, self.num_bins))
        pool.append(self._around_best(reader.study, rng))
        tokens = _untried(np.concatenate(pool), exclude)
        if not len(tokens):
            return tokens, np.empty(0)
        scores = reader.acquisition(tokens, settings.largest_gain)
        if not settings.refined_candidates:
            return tokens, scores
        elites = tokens[np.argsort(-scores, kind="stable")[: settings.num_elites]]
        refined = _untried(self._mutated(space, rng, elites, settings.refined_candidates, (0.005, 0.1)), exclude)
        if not len(refined):
            return tokens, scores
        refined_scores = reader.acquisition(refined, settings.largest_gain)
        return np.concatenate([tokens, refined]), np.concatenate([scores, refined_scores])

    def _mutated(self, space, rng, parents, count, scales):
        """`count` mutations of random parents with step sizes log-uniform between two scales."""
        scale = np.exp(rng.uniform(*np.log(scales), size=count))
        return space.mutate_tokens(rng, parents[rng.integers(len(parents), size=count)], scale, self.num_bins)

    def _around_best(self, study, rng):
        """Mutations of the best trials, and those trials with one to three numbers at an end of their range."""
        scores = np.nan_to_num(study.scores, nan=-np.inf)
        best = np.argsort(-scores, kind="stable")[: self.settings.num_elites]
        best = study.tokens[best[np.isfinite(scores[best])]]
        if not len(best):
            return np.empty((0, len(study.space.parameters)), np.int32)
        local = self._mutated(study.space, rng, best, self.settings.local_candidates, (0.01, 0.3))
        chosen = best[rng.integers(len(best), size=self.settings.border_candidates)]
        return np.concatenate([local, self._at_borders(study.space, rng, chosen)])

    def _at_borders(self, space, rng, rows):
        ends = [parameter.legal_tokens(self.num_bins)[[0, -1]] for parameter in space.parameters]
        numeric = np.asarray([not parameter.is_categorical for parameter in space.parameters])
        keys = np.where((rows >= 0) & numeric, rng.random(rows.shape), np.inf)
        rank = np.argsort(np.argsort(keys, axis=1), axis=1)
        moved = (rank < rng.integers(1, 4, size=(len(rows), 1))) & np.isfinite(keys)
        end = np.asarray(ends).T[rng.integers(2, size=rows.shape), np.arange(rows.shape[1])]
        return space.mask_inactive(np.where(moved, end, rows), self.num_bins)


def _untried(tokens, exclude):
    """The distinct rows [n, D] of tokens that are not excluded, in order."""
    rows = {row.tobytes(): index for index, row in reversed(list(enumerate(tokens)))}
    return tokens[sorted(index for key, index in rows.items() if key not in exclude)]
