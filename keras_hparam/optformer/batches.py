"""Training batches from generated studies: deterministic in (seed, step), so that training resumes exactly.

Every row of a batch is a function of (seed, step, row), so that each of several workers makes its own rows alone.

The objective is normalised by a random prefix of the study, as it will be when that prefix is all that was observed;
predictions inside the prefix know something of the future through the scale and weigh less. The first trials weigh
more: what a model knows of a task before it has seen much is the reason to have one, and they are few in a long study.

Axes: B studies, T trials, D parameters, G rows of (trial, parameter) whose value is predicted.
"""

import dataclasses
import functools

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer import packing, serialization
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.study import Status

INSIDE_PREFIX_WEIGHT = 0.3
EARLY_WEIGHT, EARLY_TRIALS = 4.0, 6.0  # weight added to the first trial, and in how many it falls to a third
MOST_STUDIES = 4096  # studies at most in one batch
LENGTHS = {16: 0.1, 32: 0.2, 64: 0.3, 100: 0.3, 200: 0.1}  # trials at most in a batch, and the share of such batches
PARAMETERS = {6: 0.35, 10: 0.35, 24: 0.3}  # parameters at most in a batch, so that few are padding, and shares
ADVANTAGE_SCALE = 0.15  # of the normalised objective: half of the distance from the median to the best
VALUE_OBJECTIVES = ("likelihood", "advantage_weighted")
WEIGHTS = ("objective_weights", "row_weights", "unseen")  # arrays by which examples count in means


@dataclasses.dataclass(frozen=True)
class BatchSettings:
    """How batches are made.

    Args:
        trials_per_batch: studies times trials at most, in every batch.
        rows_per_trial: predicted values for each trial of the batch.
        repeats: examples made of each study, with slots, prefix and masks of their own.
        pending_rate: share of studies in which some objectives are masked, as if trials ran in parallel.
        max_parameters: parameters at most in a study.
        value_objective: how values are learned. "likelihood": all trials alike, so that proposals imitate the
            policies. "advantage_weighted": offline reinforcement learning, see `advantage_weights`.

    Raises:
        InvalidArgumentError: for an unknown value objective.
    """

    trials_per_batch: int = 1024
    rows_per_trial: float = 1.0
    repeats: int = 1
    pending_rate: float = 0.2
    max_parameters: int = 16
    value_objective: str = "likelihood"

    def __post_init__(self):
        if self.value_objective not in VALUE_OBJECTIVES:
            raise errors.InvalidArgumentError(
                f"Expected `value_objective` to be one of {VALUE_OBJECTIVES}. Received: {self.value_objective!r}."
            )


def advantage_weights(unit_scores, scale=ADVANTAGE_SCALE, largest=8.0):
    """Weights [T] of a study's trials: exp(advantage / scale), at most `largest` times the smallest, with mean 1.

    The advantage of a trial is its normalised objective minus the mean of its study's; a failed trial (NaN) has that
    of the worst. Weighting the likelihood of actions so approximates a policy that is better than the one recorded and
    stays close to it.

    Args:
        unit_scores: float [T], objectives in the unit interval, larger is better, NaN where a trial failed.
        scale: > 0; large for imitation, small for greed.
        largest: > 1.

    Source: Peng et al. 2019, Advantage-weighted regression, arXiv 1910.00177, equation 8 and section 3.2 (clipping).
    """
    scores = np.asarray(unit_scores, float)
    finite = scores[np.isfinite(scores)]
    scores = np.where(np.isfinite(scores), scores, finite.min() if len(finite) else 0.0)
    exponent = (scores - scores.mean()) / scale
    half = 0.5 * np.log(largest)
    weights = np.exp(np.clip(exponent, -half, half))
    return weights / weights.mean()


def _prefix_normalizer(study, rng):
    """(the normalizer of a random observed prefix, jittered; the prefix' length)."""
    length = 1 + int((len(study) - 1) * rng.beta(0.7, 1.0))
    fitted = Normalizer.fit(study.scores[:length])
    scale = fitted.scale * np.exp(0.15 * rng.standard_normal())
    return Normalizer(fitted.best + 0.03 * scale * rng.standard_normal(), scale), length


def _with_pending(study, rng):
    """The study with the objectives of some trials masked: alone, or in runs as parallel workers leave them."""
    mask = rng.random(len(study)) < rng.uniform(0.02, 0.3)
    if rng.random() < 0.5 and len(study) > 2:
        start = rng.integers(1, len(study))
        mask[start : start + rng.integers(1, 9)] = True
    statuses = np.where(mask, Status.PENDING, study.statuses)
    return dataclasses.replace(study, statuses=statuses)


def make_example(vocabulary, config, study, rng, settings, num_rows):
    """Inputs and targets of one study: see `losses.study_losses`; the study has at most `config.max_trials` trials."""
    layout = packing.lay_out(study.space, config, rng)
    normalizer, prefix = _prefix_normalizer(study, rng)
    shown = _with_pending(study, rng) if rng.random() < settings.pending_rate else study
    example, _ = packing.pack(vocabulary, shown, layout, config, normalizer)
    example["objective_targets"] = serialization.objective_bins(study, config.num_bins, normalizer)
    inside = np.arange(len(study)) < prefix
    example["unseen"] = (~inside).astype(np.int32)
    early = 1.0 + EARLY_WEIGHT * np.exp(-np.arange(len(study)) / EARLY_TRIALS)
    example["objective_weights"] = (early * np.where(inside, INSIDE_PREFIX_WEIGHT, 1.0)).astype(np.float32)
    example["legal"] = layout.legal
    candidates = np.argwhere(example["tokens"] >= 0)
    if len(candidates):
        rows = candidates[rng.integers(len(candidates), size=num_rows)]
        targets, weight = example["tokens"][rows[:, 0], rows[:, 1]], 1.0
        if settings.value_objective == "advantage_weighted":
            weight = advantage_weights(normalizer.to_unit(study.scores))[rows[:, 0]]
    else:
        rows, targets, weight = np.zeros((num_rows, 2), int), np.zeros(num_rows, int), 0.0
    example["rows"], example["targets"] = rows.astype(np.int32), targets.astype(np.int32)
    example["row_weights"] = np.broadcast_to(np.float32(weight), num_rows)
    return example


def make_batch(vocabulary, config, generate, seed, step, settings, shard=0, num_shards=1):
    """The batch of a step, or one of the shards of equal size that it is divided into.

    Where the studies of the batch cannot be divided, the last shards end with studies that weigh nothing. The padding
    of a shard is that of its own rows.

    Args:
        vocabulary: `Vocabulary`.
        config: `OptFormerConfig`.
        generate: callable (seed, index, max_trials, max_parameters) -> `Study`.
        seed, step: ints that determine the batch.
        settings: `BatchSettings`.
        shard, num_shards: ints.
    """
    rng = np.random.default_rng([seed, 1, step])
    length = int(rng.choice(list(LENGTHS), p=list(LENGTHS.values())))
    widest = min(settings.max_parameters, int(rng.choice(list(PARAMETERS), p=list(PARAMETERS.values()))))
    number = max(1, settings.trials_per_batch // length)
    share = -(-number // num_shards)
    num_rows = max(1, int(length * settings.rows_per_trial))
    studies = functools.lru_cache(maxsize=1)(
        lambda number: generate(seed, step * MOST_STUDIES + number, max_trials=length, max_parameters=widest)
    )

    def example(row):
        rng = np.random.default_rng([seed, 2, step, row])
        return make_example(vocabulary, config, studies(row // settings.repeats), rng, settings, num_rows)

    rows = range(shard * share, (shard + 1) * share)
    examples = [example(row) if row < number else _weightless(example(0)) for row in rows]
    return packing.stack(examples, metadata_multiple=8)


def _weightless(example):
    """An example that counts in no mean."""
    return example | {name: np.zeros_like(example[name]) for name in WEIGHTS}
