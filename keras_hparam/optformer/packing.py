"""Studies as the arrays that the `OptFormer` reads: tokens in columns of parameters, each with a slot.

Axes: M metadata tokens, T trials, D parameters that the model sees, N candidates.
"""

import dataclasses

import numpy as np

from keras_hparam.optformer import serialization
from keras_hparam.optformer.embeddings import CATEGORICAL, NUMERIC


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which parameters of a space the model sees, in which order, in which slots.

    Attributes:
        columns: int [D], indices of the space's parameters; a parameter comes after those it depends on.
        slots: int [D], distinct.
        kinds: int [D], `NUMERIC` or `CATEGORICAL`.
        shifts: int [D]: category index c enters the network as (c + shift) modulo its number of categories.
        num_categories: that number.
        legal: bool [D, num_bins]: network tokens that stand for a value.
    """

    columns: np.ndarray
    slots: np.ndarray
    kinds: np.ndarray
    shifts: np.ndarray
    num_categories: int
    legal: np.ndarray

    def to_network(self, tokens):
        """Network tokens [N, D] of the space's tokens [N, all parameters]."""
        tokens = np.asarray(tokens)[:, self.columns]
        shifted = (tokens + self.shifts) % self.num_categories
        return np.where((tokens >= 0) & (self.kinds == CATEGORICAL), shifted, tokens).astype(np.int32)

    def from_network(self, network_tokens, num_values):
        """The space's tokens [N, D] in the order of `columns`; `num_values` [D] are the parameters' category counts."""
        network_tokens = np.asarray(network_tokens)
        index = (network_tokens - self.shifts) % self.num_categories
        index = np.minimum(index, np.maximum(num_values, 1) - 1)
        return np.where((network_tokens >= 0) & (self.kinds == CATEGORICAL), index, network_tokens).astype(np.int32)


def _depths(space):
    """How many conditions deep each parameter lies."""
    depths = []
    for parameter in space.parameters:
        parents = {condition.name for condition in parameter.conditions}
        above = [d for d, other in zip(depths, space.parameters, strict=False) if other.name in parents]
        depths.append(1 + max(above, default=0) if parents else 0)
    return np.asarray(depths, int)


def seen_parameters(space, num_slots):
    """Indices of the parameters that the model sees: those with more than one value, the first `num_slots` of them."""
    varying = [i for i, p in enumerate(space.parameters) if p.num_values is None or p.num_values > 1]
    return np.asarray(varying[:num_slots], int)


def lay_out(space, config, rng):
    """A random `Layout` of a space.

    Args:
        space: `SearchSpace`.
        config: `OptFormerConfig`.
        rng: `numpy.random.Generator` that draws order, slots and shifts.
    """
    columns = rng.permutation(seen_parameters(space, config.num_slots))
    columns = columns[np.argsort(_depths(space)[columns], kind="stable")] if len(columns) else columns
    parameters = [space.parameters[column] for column in columns]
    kinds = np.asarray([CATEGORICAL if p.is_categorical else NUMERIC for p in parameters], np.int32)
    legal = np.zeros((len(parameters), config.num_bins), bool)
    shifts = rng.integers(config.num_categories, size=len(parameters)).astype(np.int32)
    for row, parameter in enumerate(parameters):
        tokens = parameter.legal_tokens(config.num_bins)
        legal[row, (tokens + shifts[row]) % config.num_categories if kinds[row] == CATEGORICAL else tokens] = True
    slots = rng.permutation(config.num_slots)[: len(parameters)].astype(np.int32)
    return Layout(columns, slots, kinds, shifts, config.num_categories, legal)


def _places(owners):
    """Each token's place among the consecutive tokens of its owner."""
    starts = np.flatnonzero(np.diff(owners, prepend=owners[0] - 1))
    return np.arange(len(owners)) - np.repeat(starts, np.diff(np.append(starts, len(owners))))


def pack_metadata(vocabulary, study, layout, config):
    """(metadata arrays [M] by name, whether anything was left out) of a study in a layout."""
    tokens, shortened = serialization.metadata_tokens(
        vocabulary, study.space, study.metadata, study.goal, layout.columns, config.metadata_length
    )
    slot_of = np.full(len(study.space.parameters) + 1, -1, np.int32)  # the last one: no parameter
    slot_of[layout.columns] = layout.slots
    shift_of = np.zeros(len(study.space.parameters) + 1, np.int32)
    shift_of[layout.columns] = layout.shifts
    shifted = (tokens.categories + shift_of[tokens.parameters]) % config.num_categories
    arrays = {
        "metadata_ids": tokens.ids,
        "metadata_positions": np.minimum(_places(tokens.parameters), config.metadata_length - 1).astype(np.int32),
        "metadata_slots": slot_of[tokens.parameters],
        "metadata_categories": np.where(tokens.categories < 0, -1, shifted).astype(np.int32),
    }
    return arrays, shortened


def keep_trials(study, max_trials):
    """Rows of the trials that enter the model, in order: all, or the better half of the room and then the newest."""
    if len(study) <= max_trials:
        return np.arange(len(study))
    ranked = np.argsort(-np.nan_to_num(study.scores, nan=-np.inf), kind="stable")
    best = ranked[: max_trials // 2]
    newest = [row for row in range(len(study) - 1, -1, -1) if row not in set(best.tolist())]
    return np.sort(np.concatenate([best, newest[: max_trials - len(best)]]).astype(int))


def pack(vocabulary, study, layout, config, normalizer=None):
    """(inputs of the `OptFormer` for one study, without the batch axis; whether metadata was shortened).

    Args:
        vocabulary: `Vocabulary`.
        study: `Study` with at most `config.max_trials` trials.
        layout: `Layout` of its space.
        config: `OptFormerConfig`.
        normalizer: `Normalizer`; by default that of the study's trials.
    """
    arrays, shortened = pack_metadata(vocabulary, study, layout, config)
    arrays["slots"], arrays["kinds"] = layout.slots, layout.kinds
    arrays["tokens"] = layout.to_network(study.tokens)
    arrays["objectives"] = serialization.objective_bins(study, config.num_bins, normalizer)
    return arrays, shortened


PADDING_VALUES = {"kinds": 0, "legal": False, "objective_weights": 0.0, "row_weights": 0.0, "rows": 0, "targets": 0}


def stack(examples, metadata_multiple=1):
    """A batch of examples (dicts of arrays), each array padded to the longest of its kind.

    Args:
        examples: list of dicts with the same keys and ranks.
        metadata_multiple: the padded number of metadata tokens is a multiple of it.
    """
    batch = {}
    for name in examples[0]:
        shape = np.max([example[name].shape for example in examples], axis=0)
        if name.startswith("metadata_"):
            shape[0] = -(-shape[0] // metadata_multiple) * metadata_multiple
        first = examples[0][name]
        batch[name] = np.full((len(examples), *shape), PADDING_VALUES.get(name, -1), first.dtype)
        for row, example in enumerate(examples):
            batch[name][(row, *map(slice, example[name].shape))] = example[name]
    return batch
