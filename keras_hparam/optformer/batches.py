"""Training batches from generated studies: deterministic in (seed, step), so that training resumes exactly.

The objective is normalised by a random prefix of the study, as it will be when that prefix is all that was observed;
predictions inside the prefix know something of the future through the scale and weigh less.

Axes: B studies, T trials, D parameters, G rows of (trial, parameter) whose value is predicted.
"""

import dataclasses

import numpy as np

from keras_hparam.optformer import packing, serialization
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.study import Status

INSIDE_PREFIX_WEIGHT = 0.3
MOST_STUDIES = 4096  # studies at most in one batch
LENGTHS = {16: 0.15, 32: 0.25, 64: 0.3, 100: 0.3}  # trials at most in a batch, and the share of such batches


@dataclasses.dataclass(frozen=True)
class BatchSettings:
    """How batches are made.

    Args:
        trials_per_batch: studies times trials at most, in every batch.
        rows_per_trial: predicted values for each trial of the batch.
        repeats: examples made of each study, with slots, prefix and masks of their own.
        pending_rate: share of studies in which some objectives are masked, as if trials ran in parallel.
        max_parameters: parameters at most in a study.
    """

    trials_per_batch: int = 1024
    rows_per_trial: float = 1.0
    repeats: int = 1
    pending_rate: float = 0.2
    max_parameters: int = 12


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
    example["objective_weights"] = np.where(inside, INSIDE_PREFIX_WEIGHT, 1.0).astype(np.float32)
    example["legal"] = layout.legal
    candidates = np.argwhere(example["tokens"] >= 0)
    if len(candidates):
        rows = candidates[rng.integers(len(candidates), size=num_rows)]
        targets, weight = example["tokens"][rows[:, 0], rows[:, 1]], 1.0
    else:
        rows, targets, weight = np.zeros((num_rows, 2), int), np.zeros(num_rows, int), 0.0
    example["rows"], example["targets"] = rows.astype(np.int32), targets.astype(np.int32)
    example["row_weights"] = np.full(num_rows, weight, np.float32)
    return example


def make_batch(vocabulary, config, generate, seed, step, settings, replicas=1):
    """The batch of a step.

    Args:
        vocabulary: `Vocabulary`.
        config: `OptFormerConfig`.
        generate: callable (seed, index, max_trials, max_parameters) -> `Study`.
        seed, step: ints that determine the batch.
        settings: `BatchSettings`.
        replicas: the number of studies is a multiple of it.
    """
    rng = np.random.default_rng([seed, 1, step])
    length = int(rng.choice(list(LENGTHS), p=list(LENGTHS.values())))
    size = max(1, settings.trials_per_batch // length)
    size = -(-size // replicas) * replicas
    num_rows = max(1, int(length * settings.rows_per_trial))
    examples = []
    for row in range(size):
        if row % settings.repeats == 0:
            index = step * MOST_STUDIES + row // settings.repeats
            study = generate(seed, index, max_trials=length, max_parameters=settings.max_parameters)
        examples.append(make_example(vocabulary, config, study, rng, settings, num_rows))
    return packing.stack(examples, metadata_multiple=8)
