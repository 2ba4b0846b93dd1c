"""Reading, decoding and scoring with an OptFormer: compiled functions, each traced once for every shape to come.

`read` fills the key/value cache in one pass over metadata and trials. `sample` draws values from it, `beam` searches
the most probable ones, `log_probability` says how probable given ones are: one parameter after the other in one
compiled loop, all candidates at once, only tokens that are legal. `score` gives the objective's distribution of any
number of candidates against the same cache.

Axes: N candidates, D parameters, P content positions, W model width.
"""

import dataclasses
import functools
import numbers

import numpy as np
import tensorflow as tf

from keras_hparam import errors
from keras_hparam.optformer import autoregression
from keras_hparam.optformer.model import Context


def _signatures(model):
    """Specs of what `read` takes and gives and of the constraints on proposals; every length is free."""
    config, real = model.config, model.compute_dtype

    def spec(*shape, dtype=tf.int32):
        return tf.TensorSpec([1, *shape], dtype)

    head = spec(None, config.num_heads, config.width // config.num_heads, dtype=real)
    parameters = {"slots": spec(None), "kinds": spec(None)}
    inputs = {f"metadata_{part}": spec(None) for part in ("ids", "positions", "slots", "categories")}
    inputs |= {**parameters, "tokens": spec(None, None), "objectives": spec(None)}
    outputs = {**parameters, "state": spec(config.width, dtype=real), "cache": [(head, head)] * config.num_layers}
    outputs |= {"valid": spec(None, dtype=tf.bool), "descriptions": spec(None, config.description_width, dtype=real)}
    if config.architecture == "encoder_decoder":
        outputs |= {"encoded": spec(None, config.width, dtype=real), "encoded_mask": spec(None, dtype=tf.bool)}
    legal, flags = tf.TensorSpec([None, config.num_bins], tf.bool), tf.TensorSpec([None, None], tf.bool)
    conditions = {"parents": tf.TensorSpec([None], tf.int32), "allowed": legal}
    conditions |= {"clauses": flags, "needed": flags, "namesakes": flags}
    return inputs, outputs, [legal, conditions]


class Decoder:
    """The compiled functions of one model.

    Args:
        model: `OptFormer`, of the policy "float32" or "mixed_bfloat16"; probabilities are float32 either way.

    Example:

    ```python
    decoder = Decoder(model)
    inputs, _ = packing.pack(vocabulary, study, layout, model.config)
    read = decoder.read(inputs)
    tokens, log_probabilities = decoder.beam(read, layout, conditions_of(study.space, layout), width=8)
    ```
    """

    def __init__(self, model):
        self.model = model
        inputs, outputs, constraints = _signatures(model)
        number, real, flag = (tf.TensorSpec([], dtype) for dtype in (tf.int32, tf.float32, tf.bool))
        tokens, rows = tf.TensorSpec([1, None, None], tf.int32), tf.TensorSpec([None, None], tf.int32)
        options = [number, tf.TensorSpec([2], tf.int32), real, real, flag]
        self._read = tf.function(self._read_impl, input_signature=[inputs], autograph=False)
        self._read_and_predict = tf.function(self._read_and_predict_impl, input_signature=[inputs], autograph=False)
        self._score = tf.function(self._score_impl, input_signature=[outputs, tokens], autograph=False)

        def unrolled(function, *specs):
            signature = [outputs, *constraints, *specs]
            return tf.function(functools.partial(function, model), input_signature=signature, autograph=False)

        self._sample = unrolled(autoregression.sample, *options)
        self._beam = unrolled(autoregression.beam_search, number)
        self._log_probability = unrolled(autoregression.log_probability, rows)

    def read(self, inputs):
        """The study's content, cached.

        Args:
            inputs: arrays of `packing.pack` without the batch axis.

        Returns:
            dict of tensors: "state" [1, W] after the last trial, "descriptions", "valid", "cache", …
        """
        return self._read({name: tf.constant(array[None]) for name, array in inputs.items()})

    def read_and_predict(self, inputs):
        """What `read` returns, and log-probabilities [T] of every trial's outcome, given the trials before it.

        Args:
            inputs: as of `read`; a pending trial counts as failed.
        """
        read, found = self._read_and_predict({name: tf.constant(array[None]) for name, array in inputs.items()})
        return read, found.numpy()[0]

    def _read_and_predict_impl(self, batch):
        context = self.model.read(batch)
        mask = self.model.history_mask(context)
        logits = self.model.predict_objectives(context, batch, batch["tokens"], mask)
        outcomes = tf.clip_by_value(batch["objectives"], 0, self.model.config.num_bins)
        found = tf.gather(tf.nn.log_softmax(logits, axis=-1), outcomes, axis=2, batch_dims=2)
        return self._summary(context, batch), found

    def _read_impl(self, batch):
        return self._summary(self.model.read(batch), batch)

    @staticmethod
    def _summary(context, batch):
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

    def _score_impl(self, study, tokens):
        context = Context(
            None, study["cache"], study["valid"], None, study["descriptions"], None, study.get("encoded"),
            study.get("encoded_mask"),
        )  # fmt: skip
        batch = {"tokens": None, "slots": study["slots"], "kinds": study["kinds"]}
        mask = study["valid"][:, None, :]
        return tf.nn.softmax(self.model.predict_objectives(context, batch, tokens, mask), axis=-1)

    def sample(self, study, layout, conditions, num_samples, seed, temperature=1.0, top_p=1.0, greedy=False):
        """Network tokens, int [N, D], drawn from the model, legal by construction.

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
        options = (tf.constant(temperature, tf.float32), tf.constant(top_p, tf.float32), tf.constant(greedy))
        seed = tf.constant(seed, tf.int32)
        drawn = self._sample(study, *_constraints(layout, conditions), tf.constant(num_samples), seed, *options)
        return drawn.numpy()

    def beam(self, study, layout, conditions, width):
        """Probable rows by beam search: (network tokens, int [n, D], best first; log-probabilities, float [n]).

        The rows are distinct and legal; n is `width`, or the number of legal rows where that is smaller: then they are
        all of them, exactly ranked. A width of 1 is greedy decoding.

        Args:
            study, layout, conditions: as in `sample`.
            width: int >= 1, rows kept after each parameter.

        Raises:
            InvalidArgumentError: for a width that is no positive int.
        """
        if isinstance(width, bool) or not isinstance(width, numbers.Integral) or width < 1:
            raise errors.InvalidArgumentError(f"Expected `width` to be an int >= 1. Received: {width!r}.")
        tokens, scores = self._beam(study, *_constraints(layout, conditions), tf.constant(int(width)))
        found = np.isfinite(scores.numpy())
        return tokens.numpy()[found], scores.numpy()[found]

    def log_probability(self, study, layout, conditions, tokens):
        """Log-probabilities, float [N], of rows under the distribution that `sample` draws from at temperature 1.

        Args:
            study, layout, conditions: as in `sample`.
            tokens: int [N, D], network tokens; the probability of a row with an illegal one, or with one that is -1
                where it should not be or the other way round, is 0 and its logarithm −∞.

        Raises:
            InvalidArgumentError: for rows of another length or with tokens that are none of the network's.
        """
        tokens, (num_parameters, num_bins) = np.asarray(tokens), layout.legal.shape
        if tokens.ndim != 2 or tokens.shape[1] != num_parameters:
            raise errors.InvalidArgumentError(
                f"Expected `tokens` of shape (N, {num_parameters}). Received: shape {tokens.shape}."
            )
        if tokens.size and not (-1 <= tokens.min() and tokens.max() < num_bins):
            raise errors.InvalidArgumentError(
                f"Expected `tokens` in [-1, {num_bins}). Received: from {tokens.min()} to {tokens.max()}."
            )
        constraints = _constraints(layout, conditions)
        return self._log_probability(study, *constraints, tf.constant(tokens, tf.int32)).numpy()


def _constraints(layout, conditions):
    arrays = {field.name: tf.constant(getattr(conditions, field.name)) for field in dataclasses.fields(conditions)}
    return tf.constant(layout.legal), arrays
