"""Compiled reading, sampling and scoring against the model called directly, and legality by construction."""

import numpy as np
import pytest

from keras_hparam.optformer import packing
from keras_hparam.optformer.decoding import Decoder, conditions_of


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


def test_nothing_is_traced_again_as_the_study_grows(model, vocabulary, config, study):
    decoder = Decoder(model)
    for length in (0, 1, 2, 5, 12):
        part = study.take(np.arange(length))
        layout = packing.lay_out(study.space, config, np.random.default_rng(length))
        context = decoder.read(packing.pack(vocabulary, part, layout, config)[0])
        decoder.sample(context, layout, conditions_of(study.space, layout), 3 + length, (0, length))
        decoder.score(context, layout.to_network(study.tokens[: length + 1]))
        decoder.improve(context, layout.to_network(study.tokens[: length + 1]), 0.75, 0.05)
    functions = (decoder._read, decoder._sample, decoder._score, decoder._improve)
    assert [function.experimental_get_tracing_count() for function in functions] == [1, 1, 1, 1]
