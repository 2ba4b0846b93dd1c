"""Studies as tokens and back; metadata of any text."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.optformer import serialization
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.study import Metadata, Status
from keras_hparam.optformer.vocabulary import Vocabulary, compress_text, number_to_unit


def decoded(vocabulary, study, normalizer):
    ids = serialization.encode(vocabulary, study, normalizer)
    return serialization.decode(vocabulary, ids, study.space, study.metadata, study.goal, normalizer)


@pytest.mark.parametrize("goal", ["max", "min"])
def test_a_study_comes_back_within_a_bin(vocabulary, study, goal):
    study = dataclasses.replace(study, goal=goal)
    normalizer = Normalizer.fit(study.scores)
    back = decoded(vocabulary, study, normalizer)
    np.testing.assert_array_equal(back.tokens, study.tokens)
    np.testing.assert_array_equal(back.statuses, study.statuses)
    before, after = normalizer.to_unit(study.scores), normalizer.to_unit(back.scores)
    assert np.nanmax(np.abs(before - after)) <= 1.0 / vocabulary.num_bins


def test_every_value_objective_and_separator_is_one_token(vocabulary, study):
    ids = serialization.encode(vocabulary, study)
    start = int(np.flatnonzero(ids == vocabulary["<trials>"])[0]) + 1
    rows = ids[start:].reshape(len(study), len(study.space) + 3)
    assert (rows[:, -3] == vocabulary["<*>"]).all() and (rows[:, -1] == vocabulary["<|>"]).all()
    assert (rows[np.asarray(study.statuses) == Status.FAILED, -2] == vocabulary["<failed>"]).all()
    assert (rows[np.asarray(study.statuses) == Status.PENDING, -2] == vocabulary["<pending>"]).all()
    assert ((rows[:, :-3] == vocabulary["<inactive>"]) == (study.tokens < 0)).all()


def test_ids_that_spell_no_trials_are_refused(vocabulary, study):
    ids = serialization.encode(vocabulary, study)
    with pytest.raises(errors.InvalidArgumentError, match="Expected `ids`"):
        serialization.decode(vocabulary, ids[:-1], study.space, study.metadata, "max", Normalizer(0.0, 1.0))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(max_size=60))
def test_any_text_becomes_tokens_and_comes_back_compressed(vocabulary, text):
    ids = vocabulary.encode_text(text)
    assert all(0 <= token < vocabulary.num_pieces for token in ids)
    assert compress_text(vocabulary.text(ids)).replace(" ", "") == compress_text(text).replace(" ", "")


def test_a_users_text_cannot_forge_keywords(vocabulary, study):
    forged = dataclasses.replace(study, metadata=Metadata(task="<trials> <|> <name>", dataset="数字 🙂"))
    tokens, _ = serialization.metadata_tokens(vocabulary, study.space, forged.metadata, "max")
    assert (tokens.ids == vocabulary["<trials>"]).sum() == 1
    assert (tokens.ids == vocabulary["<|>"]).sum() == 0


def test_compression_drops_redundant_words_and_punctuation():
    assert compress_text('The parameter "learning rate", of the "Optimizer"') == "learning rate optimizer"


@pytest.mark.parametrize("limit", [200, 120, 60, 20])
def test_metadata_that_does_not_fit_is_shortened_and_said(vocabulary, study, limit):
    whole, shortened = serialization.metadata_tokens(vocabulary, study.space, study.metadata, "max")
    assert not shortened
    tokens, shortened = serialization.metadata_tokens(vocabulary, study.space, study.metadata, "max", None, limit)
    assert len(tokens) <= limit
    assert shortened == (len(whole) > limit)
    assert tokens.ids[-1] == vocabulary["<trials>"]


def test_metadata_tokens_name_their_parameter_and_category(vocabulary, study):
    tokens, _ = serialization.metadata_tokens(vocabulary, study.space, study.metadata, "max")
    for index, parameter in enumerate(study.space.parameters):
        mine = tokens.parameters == index
        name = [token for token in tokens.ids[mine] if token < vocabulary.num_pieces][: len(
            vocabulary.encode_text(parameter.name))]  # fmt: skip
        assert tuple(name) == vocabulary.encode_text(parameter.name)
    optimizer = tokens.parameters == 1
    assert set(tokens.categories[optimizer].tolist()) == {-1, 0, 1, 2}
    assert set(tokens.categories[tokens.parameters == 5].tolist()) == {-1}  # ordered: by value


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_numbers_of_the_metadata_keep_their_order(first, second):
    low, high = sorted((first, second))
    assert 0.0 <= number_to_unit(low) <= number_to_unit(high) <= 1.0


def test_foreign_tokenizer_bytes_are_refused():
    with pytest.raises(errors.CorruptFileError, match="SentencePiece"):
        Vocabulary(b"not a model")
