"""Compiled reading, sampling and scoring against the model called directly, and legality by construction."""

import dataclasses

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer import packing
from keras_hparam.optformer.conditions import conditions_of
from keras_hparam.optformer.decoding import Decoder
from keras_hparam.optformer.model import OptFormer
from keras_hparam.spaces import Parameter, SearchSpace


@pytest.fixture(scope="module")
def decoder(model):
    return Decoder(model)


@pytest.fixture(scope="module")
def read(decoder, vocabulary, config, study):
    layout = packing.lay_out(study.space, config, np.random.default_rng(1))
    inputs, _ = packing.pack(vocabulary, study, layout, config)
    return layout, inputs, decoder.read(inputs)


def to_space(study, layout, drawn):
    counts = np.asarray([study.space.parameters[column].num_values or 0 for column in layout.columns])
    tokens = study.space.random_tokens(np.random.default_rng(0), len(drawn))
    tokens[:, layout.columns] = layout.from_network(drawn, counts)
    return tokens


def test_cached_scores_equal_those_of_the_uncached_model(decoder, model, config, study, read):
    layout, inputs, context = read
    candidates = layout.to_network(study.space.random_tokens(np.random.default_rng(2), 5))
    scored = decoder.score(context, candidates)
    assert scored.shape == (5, config.num_bins + 1)
    np.testing.assert_allclose(scored.sum(-1), 1.0, atol=1e-4)
    for row in range(5):
        longer = dict(inputs)
        longer["tokens"] = np.concatenate([inputs["tokens"], candidates[row : row + 1]])
        longer["objectives"] = np.append(inputs["objectives"], 0).astype(np.int32)
        logits = np.asarray(model(packing.stack([longer])))[0, -1]
        expected = np.exp(logits - logits.max())
        np.testing.assert_allclose(scored[row], expected / expected.sum(), atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"temperature": 2.0}, {"top_p": 0.5}, {"greedy": True}])
def test_samples_are_legal_and_conditions_hold(decoder, study, read, options):
    layout, _, context = read
    conditions = conditions_of(study.space, layout)
    drawn = decoder.sample(context, layout, conditions, 64, (1, 2), **options)
    for place in range(drawn.shape[1]):
        active = drawn[:, place] >= 0
        assert layout.legal[place, drawn[active, place]].all()
    tokens = to_space(study, layout, drawn)
    expected = study.space.activity(tokens)
    columns = layout.columns
    np.testing.assert_array_equal(drawn >= 0, expected[:, columns])
    if options.get("greedy"):
        assert (drawn == drawn[0]).all()


def test_sampling_follows_the_seed(decoder, study, read):
    layout, _, context = read
    conditions = conditions_of(study.space, layout)
    first, again, other = (decoder.sample(context, layout, conditions, 16, (s, 7)) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_first_parameter_is_drawn_with_the_models_probabilities(decoder, model, study, read):
    """Frequencies of the boolean-like first choice against the proposal head's own softmax."""
    layout, inputs, context = read
    place = 0
    rows = np.asarray([[[len(study) - 1, place]]], np.int32)
    shorter = {**inputs, "tokens": inputs["tokens"], "objectives": inputs["objectives"]}
    longer = dict(shorter)
    longer["tokens"] = np.concatenate([inputs["tokens"], inputs["tokens"][-1:]])
    longer["objectives"] = np.append(inputs["objectives"], 0).astype(np.int32)
    rows[0, 0, 0] = len(study)
    logits = np.asarray(model(dict(packing.stack([longer]), rows=rows))[1])[0, 0]
    logits = np.where(layout.legal[place], logits, -np.inf)
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    drawn = decoder.sample(context, layout, conditions_of(study.space, layout), 4000, (5, 6))[:, place]
    order = np.argsort(-probabilities)[:100]
    expected = probabilities[order].sum()
    share = np.isin(drawn, order).mean()
    assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000) + 1e-9


def test_beams_are_legal_distinct_and_ranked_by_their_log_probability(decoder, study, read):
    layout, _, context = read
    conditions = conditions_of(study.space, layout)
    tokens, scores = decoder.beam(context, layout, conditions, 20)
    assert tokens.shape == (20, len(layout.columns)) and len(np.unique(tokens, axis=0)) == 20
    assert (np.diff(scores) <= 0).all()
    np.testing.assert_array_equal(tokens >= 0, study.space.activity(to_space(study, layout, tokens))[:, layout.columns])
    np.testing.assert_allclose(decoder.log_probability(context, layout, conditions, tokens), scores, atol=1e-4)
    greedy = decoder.sample(context, layout, conditions, 1, (1, 2), greedy=True)
    np.testing.assert_array_equal(greedy, decoder.beam(context, layout, conditions, 1)[0])
    assert scores[0] >= decoder.log_probability(context, layout, conditions, greedy)[0]


@pytest.mark.parametrize("width", [0, -1, 2.5, True, None])
def test_a_width_that_is_no_positive_int_is_refused(decoder, study, read, width):
    layout, _, context = read
    with pytest.raises(errors.InvalidArgumentError, match="`width`.*Received"):
        decoder.beam(context, layout, conditions_of(study.space, layout), width)


@pytest.mark.parametrize(
    "tokens", [np.zeros(6, int), np.zeros((2, 5), int), np.full((2, 6), 1000), np.full((2, 6), -2)]
)
def test_rows_that_are_none_of_the_networks_are_refused(decoder, study, read, tokens):
    layout, _, context = read
    with pytest.raises(errors.InvalidArgumentError, match="`tokens`.*Received"):
        decoder.log_probability(context, layout, conditions_of(study.space, layout), tokens)


def test_nothing_may_be_asked_for(decoder, study, read):
    layout, _, context = read
    none = decoder.sample(context, layout, conditions_of(study.space, layout), 0, (1, 2))
    assert none.shape == (0, len(layout.columns))
    assert decoder.log_probability(context, layout, conditions_of(study.space, layout), none).shape == (0,)


def test_a_model_of_mixed_precision_is_served_in_it(decoder, model, vocabulary, config, study, read):
    layout, inputs, context = read
    conditions = conditions_of(study.space, layout)
    candidates = layout.to_network(study.space.random_tokens(np.random.default_rng(2), 20))
    mixed = OptFormer(config, dtype="mixed_bfloat16")
    mixed.set_weights(model.get_weights())
    mixed = Decoder(mixed)
    mixed_context = mixed.read(inputs)
    assert {mixed_context[name].dtype.name for name in ("state", "descriptions")} == {"bfloat16"}
    drawn = mixed.sample(mixed_context, layout, conditions, 30, (1, 2))
    np.testing.assert_array_equal(drawn >= 0, study.space.activity(to_space(study, layout, drawn))[:, layout.columns])
    scores, expected = mixed.score(mixed_context, candidates), decoder.score(context, candidates)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=0.2, atol=1e-4)
    found = mixed.log_probability(mixed_context, layout, conditions, candidates)
    expected = decoder.log_probability(context, layout, conditions, candidates)
    np.testing.assert_allclose(found, expected, atol=0.3)
    assert found.dtype == np.float32 and np.ptp(expected) > 3


def test_an_encoder_of_mixed_precision_is_served_in_it(config, vocabulary, study, read):
    layout, inputs, _ = read
    config = dataclasses.replace(config, architecture="encoder_decoder", num_layers=1, encoder_layers=1)
    decoder = Decoder(OptFormer(config, dtype="mixed_bfloat16"))
    context = decoder.read(inputs)
    assert context["encoded"].dtype.name == "bfloat16"
    tokens, scores = decoder.beam(context, layout, conditions_of(study.space, layout), 3)
    assert scores.dtype == np.float32 and (np.diff(scores) <= 0).all()
    np.testing.assert_allclose(decoder.score(context, tokens).sum(-1), 1.0, atol=1e-4)


def test_nothing_is_traced_again_as_the_study_grows(model, vocabulary, config, study):
    decoder = Decoder(model)
    spaces = [study.space, SearchSpace((Parameter("rate", "float", 0.0, 1.0),))]
    for length in (0, 1, 2, 5, 12):
        space = spaces[length % 2]
        part = study.take(np.arange(length))
        part = dataclasses.replace(part, space=space, tokens=part.tokens[:, : len(space)])
        layout = packing.lay_out(space, config, np.random.default_rng(length))
        conditions = conditions_of(space, layout)
        context = decoder.read(packing.pack(vocabulary, part, layout, config)[0])
        tokens = decoder.sample(context, layout, conditions, 3 + length, (0, length))
        decoder.beam(context, layout, conditions, 1 + length)
        decoder.log_probability(context, layout, conditions, tokens)
        decoder.score(context, tokens)
    functions = (decoder._read, decoder._score, decoder._sample, decoder._beam, decoder._log_probability)
    assert [function.experimental_get_tracing_count() for function in functions] == [1] * 5
