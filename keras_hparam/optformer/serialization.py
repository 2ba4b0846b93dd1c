"""Studies as token sequences and back: the metadata, then every trial.

    metadata <trials>  value … value <*> objective <|>  value … value <*> objective <|> …

One token for every value and every objective; `<inactive>` stands for a parameter that a trial does not have,
`<pending>` for the masked-out objective of a trial that still runs, `<failed>` for that of a failed one.

Axes: M metadata tokens, T trials, D parameters.
"""

import dataclasses
import math

import numpy as np

from keras_hparam import errors
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.study import Status, Study

NO_PARAMETER = -1
NO_CATEGORY = -1


@dataclasses.dataclass(frozen=True)
class MetadataTokens:
    """The metadata as tokens: ids [M], the parameter each describes (or -1) and the category it spells (or -1)."""

    ids: np.ndarray
    parameters: np.ndarray
    categories: np.ndarray

    def __len__(self):
        return len(self.ids)


def _value_tokens(vocabulary, value):
    if value is None:
        return [vocabulary["<none>"]]
    if isinstance(value, bool):
        return [vocabulary["<true>" if value else "<false>"]]
    if isinstance(value, (int, float)) and math.isfinite(value):
        return [vocabulary.number(value)]
    return list(vocabulary.encode_text(str(value)))


def _parameter_tokens(vocabulary, parameter, detail):
    """(ids, categories) of one parameter; `detail` 3: all, 2: without values, 1: without the range, 0: a short name."""
    name = list(vocabulary.encode_text(parameter.name))
    kind = "<ordered>" if parameter.kind == "choice" and parameter.ordered else f"<{parameter.kind}>"
    ids = [vocabulary["<name>"], *(name if detail else name[:3]), vocabulary[kind]]
    if detail >= 1 and parameter.kind in ("float", "int"):
        ids.append(vocabulary[f"<{parameter.scale}>"])
    if detail >= 2 and parameter.kind in ("float", "int"):
        ids += [vocabulary["<low>"], vocabulary.number(parameter.low)]
        ids += [vocabulary["<high>"], vocabulary.number(parameter.high)]
        if parameter.step is not None:
            ids += [vocabulary["<step>"], vocabulary.number(parameter.step)]
    if detail >= 2:
        for condition in parameter.conditions:
            ids += [vocabulary["<if>"], *vocabulary.encode_text(condition.name)[:3]]
    categories = [NO_CATEGORY] * len(ids)
    if parameter.kind == "choice":
        ids.append(vocabulary["<values>"])
        categories.append(NO_CATEGORY)
        for index, value in enumerate(parameter.values if detail >= 3 else ()):
            spelled = [vocabulary["<value>"], *_value_tokens(vocabulary, value)]
            ids += spelled
            categories += [NO_CATEGORY if parameter.ordered else index] * len(spelled)
    return ids, categories


def metadata_tokens(vocabulary, space, metadata, goal, parameters=None, max_length=None):
    """The metadata of a study as tokens, shortened step by step where it does not fit.

    Value lists go first, then ranges and conditions, then the ends of long names, then the tail of each free text.

    Args:
        vocabulary: `Vocabulary`.
        space: `SearchSpace`.
        metadata: `Metadata`.
        goal: "max" or "min".
        parameters: indices of the parameters to describe, in that order; all by default.
        max_length: tokens at most, or None.

    Returns:
        (`MetadataTokens`, whether anything was left out).
    """
    indices = range(len(space.parameters)) if parameters is None else parameters
    goal_id = vocabulary["<maximize>" if goal == "max" else "<minimize>"]
    for detail, text_limit in ((3, None), (2, 32), (1, 16), (0, 8), (0, 2)):
        ids, owners, categories = [], [], []
        for field in ("task", "model", "dataset", "metric"):
            text = vocabulary.encode_text(getattr(metadata, field))[:text_limit]
            ids += [vocabulary[f"<{field}>"], *text] if text else []
        ids.append(goal_id)
        owners, categories = [NO_PARAMETER] * len(ids), [NO_CATEGORY] * len(ids)
        for index in indices:
            described, spelled = _parameter_tokens(vocabulary, space.parameters[index], detail)
            ids += described
            owners += [index] * len(described)
            categories += spelled
        if max_length is None or len(ids) < max_length:
            break
    keep = slice(None, None if max_length is None else max_length - 1)
    end = [[vocabulary["<trials>"]], [NO_PARAMETER], [NO_CATEGORY]]
    columns = zip((ids, owners, categories), end, strict=True)
    return MetadataTokens(*(np.asarray([*column[keep], *tail], np.int32) for column, tail in columns)), detail < 3


def texts(space, metadata):
    """The free texts of a study that the tokenizer has to spell: fields, names, string values."""
    found = [getattr(metadata, field.name) for field in dataclasses.fields(metadata)]
    for parameter in space.parameters:
        found += [parameter.name, *(value for value in parameter.values if isinstance(value, str))]
    return [text for text in found if text]


def objective_bins(study, num_bins, normalizer=None):
    """Objectives as bins [T], `num_bins` for failed and `num_bins + 1` for pending trials.

    Args:
        study: `Study`.
        num_bins: bins of the unit interval.
        normalizer: `Normalizer`; by default the one of the study's own trials.
    """
    scores = study.scores
    bins = (normalizer or Normalizer.fit(scores)).to_bins(scores, num_bins)
    pending = np.asarray(study.statuses) == Status.PENDING
    return np.where(pending, num_bins + 1, np.where(bins < 0, num_bins, bins)).astype(np.int32)


def encode(vocabulary, study, normalizer=None):
    """The whole study as one sequence of ids, int32 [M + T (D + 3)].

    Args:
        vocabulary: `Vocabulary`.
        study: `Study`.
        normalizer: as in `objective_bins`.
    """
    head, _ = metadata_tokens(vocabulary, study.space, study.metadata, study.goal)
    first = [
        vocabulary.first_category if parameter.is_categorical else vocabulary.first_bin
        for parameter in study.space.parameters
    ]
    values = np.where(study.tokens < 0, vocabulary["<inactive>"], study.tokens + np.asarray(first, int)[None, :])
    bins = objective_bins(study, vocabulary.num_bins, normalizer)
    special = {vocabulary.num_bins: vocabulary["<failed>"], vocabulary.num_bins + 1: vocabulary["<pending>"]}
    objectives = np.asarray([special.get(int(b), vocabulary.first_bin + int(b)) for b in bins], int)
    columns = [values, np.full((len(study), 1), vocabulary["<*>"]), objectives.reshape(-1, 1)]
    trials = np.concatenate([*columns, np.full((len(study), 1), vocabulary["<|>"])], axis=1)
    return np.concatenate([head.ids, trials.reshape(-1)]).astype(np.int32)


def decode(vocabulary, ids, space, metadata, goal, normalizer):
    """The study that `encode` turned into ids; objectives come back within one bin.

    Raises:
        InvalidArgumentError: if the ids do not spell trials of this space.
    """
    ids = np.asarray(ids)
    ends = np.flatnonzero(ids == vocabulary["<trials>"])
    width = len(space.parameters) + 3
    if len(ends) != 1 or (len(ids) - ends[0] - 1) % width:
        raise errors.InvalidArgumentError(
            f"Expected `ids` with one <trials> token, then {width} tokens a trial. Received: {len(ids)} ids, "
            f"{len(ends)} of them <trials>."
        )
    rows = ids[ends[0] + 1 :].reshape(-1, width)
    if not (np.all(rows[:, -3] == vocabulary["<*>"]) and np.all(rows[:, -1] == vocabulary["<|>"])):
        raise errors.InvalidArgumentError("Expected <*> and <|> around every objective in `ids`. Received: others.")
    first = np.where([p.is_categorical for p in space.parameters], vocabulary.first_category, vocabulary.first_bin)
    tokens = np.where(rows[:, :-3] == vocabulary["<inactive>"], -1, rows[:, :-3] - first[None, :])
    objective = rows[:, -2]
    statuses = np.where(objective == vocabulary["<failed>"], Status.FAILED, Status.COMPLETED)
    statuses = np.where(objective == vocabulary["<pending>"], Status.PENDING, statuses)
    unit = (objective - vocabulary.first_bin + 0.5) / vocabulary.num_bins
    scores = normalizer.from_unit(np.where(statuses == Status.COMPLETED, unit, 0.5))
    objectives = np.where(statuses == Status.COMPLETED, scores if goal == "max" else -scores, np.nan)
    return Study(space, metadata, goal, tokens.astype(np.int32), objectives, statuses)
