"""One trial's values, one parameter after the other, from the proposal head: drawn, searched, or given.

`unroll` is the loop over parameters, for all rows at once; what becomes of a parameter's distribution is a function.
Every distribution is over the legal tokens of a parameter, or all on the token −1 where the parameter is inactive. The
token −1 comes first in it: a token's *index* is the token plus 1.

Axes: N rows, D parameters, V tokens (bins) of the network, W model width.
"""

import math

import tensorflow as tf

from keras_hparam.ops import sampling
from keras_hparam.optformer.conditions import is_active
from keras_hparam.optformer.embeddings import CATEGORICAL
from keras_hparam.optformer.heads import merge_logits


def unroll(model, study, legal, conditions, scores, choose):
    """(tokens int [N, D], -1 where inactive; scores float [N]).

    Args:
        model: `OptFormer`.
        study: what `Decoder.read` returned.
        legal: bool [D, V].
        conditions: dict of the fields of `Conditions`, as tensors.
        scores: float [N], where the scores start.
        choose: function of the place of a parameter, its log-probabilities [N, 1 + V] and the scores [N] that returns,
            for each row, the row that it continues, the index of its token, and its score.
    """
    num_rows, num_parameters, width = tf.shape(scores)[0], tf.shape(legal)[0], model.config.width
    state = tf.broadcast_to(study["state"], [num_rows, width])

    def body(place, tokens, earlier, scores):
        slot, kind, description = (study[name][:, place] for name in ("slots", "kinds", "descriptions"))
        numeric, categorical = model.proposal_head(state, earlier, slot, description)
        logits = merge_logits(numeric, categorical, kind == CATEGORICAL)
        active = is_active(conditions, tokens, place)[:, None]  # [N, 1]
        inactive = tf.where(active, -math.inf, 0.0)
        others = tf.where(active, sampling.legal_log_softmax(logits, legal[place]), -math.inf)  # [N, V]
        parents, index, scores = choose(place, tf.concat([inactive, others], axis=-1), scores)
        token = index - 1
        value = model.value_embedding(token[None, :, None], slot[:, None], kind[:, None], description[:, None])
        tokens = tf.where(tf.range(num_parameters) == place, token[:, None], tf.gather(tokens, parents))
        return place + 1, tokens, tf.gather(earlier, parents) + value[0, :, 0], scores

    start = (tf.constant(0), tf.fill([num_rows, num_parameters], -1), tf.zeros([num_rows, width], state.dtype), scores)
    shapes = tuple(map(tf.TensorShape, ([], [None, None], [None, width], [None])))
    _, tokens, _, scores = tf.while_loop(
        lambda place, *_: place < num_parameters, body, start, shape_invariants=shapes
    )
    return tokens, scores


def sample(model, study, legal, conditions, num_samples, seed, temperature, top_p, greedy):
    """Tokens [num_samples, D] drawn at a temperature within a nucleus, or the most probable of each parameter."""

    def choose(place, log_probabilities, scores):
        restricted = sampling.restrict(log_probabilities, temperature, top_p)
        drawn = tf.random.stateless_categorical(restricted, 1, seed + place, dtype=tf.int32)[:, 0]
        best = tf.argmax(log_probabilities, axis=-1, output_type=tf.int32)
        return tf.range(num_samples), tf.where(greedy, best, drawn), scores

    return unroll(model, study, legal, conditions, tf.zeros([num_samples]), choose)[0]


def beam_search(model, study, legal, conditions, width):
    """(distinct rows [width, D], best first; their log-probabilities [width], −∞ in places left over)."""

    def choose(place, log_probabilities, scores):
        scores, parents, index = sampling.beam_step(scores, log_probabilities, width)
        return parents, index, scores

    scores = tf.where(tf.range(width) == 0, 0.0, -math.inf)  # one empty row to begin with
    return unroll(model, study, legal, conditions, scores, choose)


def log_probability(model, study, legal, conditions, tokens):
    """Log-probabilities [N] of rows [N, D]; −∞ for one that `sample` cannot give."""
    num_rows = tf.shape(tokens)[0]

    def choose(place, log_probabilities, scores):
        index = tokens[:, place] + 1
        return tf.range(num_rows), index, scores + tf.gather(log_probabilities, index, batch_dims=1)

    return unroll(model, study, legal, conditions, tf.zeros([num_rows]), choose)[1]
