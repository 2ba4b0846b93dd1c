"""Reading, sampling and scoring with an OptFormer: compiled functions, each traced once for every shape to come.

`read` fills the key/value cache in one pass over metadata and trials. `sample` draws values from it, one parameter
after the other in one compiled loop, all candidates at once, only tokens that are legal. `score` gives the objective's
distribution of any number of candidates against the same cache.

Axes: N candidates, D parameters, P content positions, K conditions, W model width.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_hparam.networks.transformer import NEGATIVE
from keras_hparam.networks.values import bin_centres
from keras_hparam.ops import acquisitions, sampling
from keras_hparam.optformer.embeddings import CATEGORICAL
from keras_hparam.optformer.heads import merge_logits
from keras_hparam.optformer.model import Context


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The conditions among a layout's parameters, as arrays.

    Attributes:
        children: int [K], the place of the parameter that is conditional.
        parents: int [K], the place of one on which it depends.
        allowed: bool [K, num_bins], the parent's network tokens under which the condition holds.
        groups: int [K]: rows of one group are alternatives (parents of one name), of which one suffices.
        needed: int [D], groups that must hold for each parameter.
    """

    children: np.ndarray
    parents: np.ndarray
    allowed: np.ndarray
    groups: np.ndarray
    needed: np.ndarray


def conditions_of(space, layout):
    """`Conditions` of a space in a `Layout`; a parent that the model does not see counts by its only value, if any."""
    places = {int(column): place for place, column in enumerate(layout.columns)}
    num_bins = layout.legal.shape[1]
    rows, needed = [], np.zeros(len(layout.columns), np.int32)
    for child, column in enumerate(layout.columns):
        for group, condition in enumerate(space.parameters[column].conditions):
            seen = [i for i, p in enumerate(space.parameters) if p.name == condition.name and i in places]
            if not seen:
                continue
            needed[child] += 1
            for parent in seen:
                parameter, place = space.parameters[parent], places[parent]
                legal = parameter.legal_tokens(num_bins)
                holds = [t for t in legal if parameter.from_token(int(t), num_bins) in condition.values]
                allowed = np.zeros(num_bins, bool)
                tokens = np.asarray(holds, int)
                if layout.kinds[place] == CATEGORICAL:
                    tokens = (tokens + layout.shifts[place]) % layout.num_categories
                allowed[tokens] = True
                rows.append((child, place, allowed, child * 64 + group))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), np.zeros((0, num_bins), bool), ()]
    return Conditions(
        np.asarray(columns[0], np.int32), np.asarray(columns[1], np.int32), np.asarray(columns[2], bool),
        np.unique(np.asarray(columns[3], np.int32), return_inverse=True)[1].astype(np.int32), needed,
    )  # fmt: skip


def _signatures(config):
    """Specs of what `read` takes, of what it gives, every length free, so that each function is traced once."""

    def spec(*shape, dtype=tf.int32):
        return tf.TensorSpec([1, *shape], dtype)

    head = (None, config.num_heads, config.width // config.num_heads)
    block = (spec(*head, dtype=tf.float32), spec(*head, dtype=tf.float32))
    parameters = {"slots": spec(None), "kinds": spec(None)}
    inputs = {f"metadata_{part}": spec(None) for part in ("ids", "positions", "slots", "categories")}
    inputs |= {**parameters, "tokens": spec(None, None), "objectives": spec(None)}
    outputs = {**parameters, "state": spec(config.width, dtype=tf.float32), "cache": [block] * config.num_layers}
    outputs |= {"valid": spec(None, dtype=tf.bool)}
    outputs |= {"descriptions": spec(None, config.description_width, dtype=tf.float32)}
    if config.architecture == "encoder_decoder":
        outputs |= {"encoded": spec(None, config.width, dtype=tf.float32), "encoded_mask": spec(None, dtype=tf.bool)}
    return inputs, outputs


class Decoder:
    """The compiled functions of one model.

    Args:
        model: `OptFormer`.
    """

    def __init__(self, model):
        self.model = model
        inputs, outputs = _signatures(model.config)
        tokens = tf.TensorSpec([1, None, None], tf.int32)
        legal, number = tf.TensorSpec([None, model.config.num_bins], tf.bool), tf.TensorSpec([], tf.int32)
        indices = tf.TensorSpec([None], tf.int32)
        conditions = {"children": indices, "parents": indices, "allowed": legal, "groups": indices, "needed": indices}
        seed, real = tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.float32)
        options = [number, seed, real, real, tf.TensorSpec([], tf.bool)]
        self._read = tf.function(self._read_impl, input_signature=[inputs])
        self._score = tf.function(self._score_impl, input_signature=[outputs, tokens])
        self._improve = tf.function(self._improve_impl, input_signature=[outputs, tokens, real, real])
        self._sample = tf.function(self._sample_impl, input_signature=[outputs, legal, conditions, *options])

    def read(self, inputs):
        """The study's content, cached.

        Args:
            inputs: arrays of `packing.pack` without the batch axis.

        Returns:
            dict of tensors: "state" [1, W] after the last trial, "descriptions", "valid", "cache", …
        """
        return self._read({name: tf.constant(array[None]) for name, array in inputs.items()})

    def _read_impl(self, batch):
        context = self.model.read(batch)
        read = {
            "state": context.states[:, -1], "cache": context.cache, "valid": context.valid,
            "descriptions": context.descriptions, "slots": batch["slots"], "kinds": batch["kinds"],
        }  # fmt: skip
        if context.encoded is not None:
            read |= {"encoded": context.encoded, "encoded_mask": context.encoded_mask}
        return read

    def score(self, study, tokens):
        """Probabilities [N, num_bins + 1] of the objective's bins and of failure.

        Args:
            study: what `read` returned.
            tokens: int [N, D], network tokens.
        """
        return self._score(study, tf.constant(tokens[None], tf.int32)).numpy()[0]

    def improve(self, study, tokens, best, largest_gain):
        """Expected improvement [N] of candidates: `score` and `acquisitions.expected_improvement` in one pass.

        Args:
            study: what `read` returned.
            tokens: int [N, D], network tokens.
            best, largest_gain: floats, in units of the normalised objective.
        """
        tokens = tf.constant(tokens[None], tf.int32)
        return self._improve(study, tokens, tf.constant(best), tf.constant(largest_gain)).numpy()

    def _improve_impl(self, study, tokens, best, largest_gain):
        probabilities = self._score_impl(study, tokens)[0, :, :-1]
        centres = tf.constant(bin_centres(self.model.config.num_bins))
        return acquisitions.expected_improvement(probabilities, centres, best, largest_gain)

    def _score_impl(self, study, tokens):
        context = Context(
            None, study["cache"], study["valid"], None, study["descriptions"], None, study.get("encoded"),
            study.get("encoded_mask"),
        )  # fmt: skip
        batch = {"tokens": None, "slots": study["slots"], "kinds": study["kinds"]}
        mask = study["valid"][:, None, :]
        return tf.nn.softmax(self.model.predict_objectives(context, batch, tokens, mask), axis=-1)

    def sample(self, study, layout, conditions, num_samples, seed, temperature=1.0, top_p=1.0, greedy=False):
        """Network tokens [N, D] drawn from the model, legal by construction.

        Args:
            study: what `read` returned.
            layout: `packing.Layout` that packed the study.
            conditions: `Conditions` of the layout.
            num_samples: N.
            seed: two ints.
            temperature: > 0.
            top_p: nucleus, in (0, 1].
            greedy: whether to take the most probable token each time.
        """
        arrays = {field.name: tf.constant(getattr(conditions, field.name)) for field in dataclasses.fields(conditions)}
        options = (tf.constant(temperature, tf.float32), tf.constant(top_p, tf.float32), tf.constant(greedy))
        drawn = self._sample(
            study, tf.constant(layout.legal), arrays, tf.constant(num_samples), tf.constant(seed, tf.int32), *options
        )
        return drawn.numpy()

    def _active(self, tokens, conditions, place):
        """bool [N]: whether the parameter at `place` is active given the tokens [N, D] before it."""
        mine = tf.where(conditions["children"] == place)[:, 0]
        parents = tf.gather(tokens, tf.gather(conditions["parents"], mine), axis=1)  # [N, mine]
        rows = tf.broadcast_to(tf.range(tf.shape(mine)[0])[None, :], tf.shape(parents))
        allowed = tf.gather(conditions["allowed"], mine)  # [mine, num_bins]
        picked = tf.gather_nd(allowed, tf.stack([rows, tf.maximum(parents, 0)], axis=-1))
        holds = tf.cast(picked & (parents >= 0), tf.int32)
        groups = tf.gather(conditions["groups"], mine)
        count = tf.reduce_max(tf.concat([conditions["groups"], [-1]], axis=0)) + 1
        met = tf.math.unsorted_segment_max(tf.transpose(holds), groups, count)  # [groups, N]
        met = tf.reduce_sum(tf.maximum(met, 0), axis=0)
        return met == conditions["needed"][place]

    def _sample_impl(self, study, legal, conditions, num_samples, seed, temperature, top_p, greedy):
        model = self.model
        num_parameters = tf.shape(legal)[0]
        state = tf.broadcast_to(study["state"], [num_samples, model.config.width])

        def body(place, tokens, earlier):
            slot, kind = study["slots"][:, place], study["kinds"][:, place]
            description = study["descriptions"][:, place]
            numeric, categorical = model.proposal_head(state, earlier, slot, description)
            logits = merge_logits(numeric, categorical, kind == CATEGORICAL)
            best = tf.argmax(tf.where(legal[place], logits, NEGATIVE), axis=-1, output_type=tf.int32)
            logits = sampling.restrict(logits, legal[place][None], temperature, top_p)
            drawn = tf.random.stateless_categorical(logits, 1, seed + place, dtype=tf.int32)[:, 0]
            token = tf.where(self._active(tokens, conditions, place), tf.where(greedy, best, drawn), -1)
            value = model.value_embedding(token[None, :, None], slot[:, None], kind[:, None], description[:, None])
            chosen = tf.range(num_parameters)[None, :] == place
            return place + 1, tf.where(chosen, token[:, None], tokens), earlier + value[0, :, 0]

        tokens = tf.fill([num_samples, num_parameters], -1)
        start = (tf.constant(0), tokens, tf.zeros([num_samples, model.config.width], state.dtype))
        shapes = (tf.TensorShape([]), tf.TensorShape([None, None]), tf.TensorShape([None, model.config.width]))
        return tf.while_loop(lambda place, *_: place < num_parameters, body, start, shape_invariants=shapes)[1]
