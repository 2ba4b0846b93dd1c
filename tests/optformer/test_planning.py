"""Proposals: legal, untried, deterministic, within the context; ranking does what the acquisition says."""

import dataclasses
import logging

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.networks.values import bin_centres
from keras_hparam.optformer.normalization import BEST
from keras_hparam.optformer.planning import DECODINGS, PlanningSettings, Proposer
from keras_hparam.optformer.study import Metadata, Study
from keras_hparam.spaces import Parameter, SearchSpace

SIZES = {"model": 8, "random": 16, "local": 16, "border": 4, "refined": 8}
FEW = {f"{name}_candidates": size for name, size in SIZES.items()}


@pytest.fixture(scope="module")
def proposer(model, vocabulary):
    return Proposer(model, vocabulary, PlanningSettings(**FEW))


def with_decoding(proposer, decoding, **options):
    other = Proposer(proposer.model, proposer.vocabulary, PlanningSettings(decoding=decoding, **FEW, **options))
    other.decoder = proposer.decoder  # compiled already
    return other


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("length", [0, 1, 12])
def test_proposals_are_legal_untried_and_follow_the_seed(proposer, study, decoding, length):
    chosen, space, part = with_decoding(proposer, decoding), study.space, study.take(np.arange(length))
    tried = {row.tobytes() for row in part.tokens}
    first, again = (chosen.propose(part, np.random.default_rng(3), tried) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.int32 and first.tobytes() not in tried
    np.testing.assert_array_equal(space.to_tokens(space.from_tokens(first)), first)


def test_the_candidate_of_largest_expected_improvement_is_chosen(proposer, study, monkeypatch):
    from keras_hparam.optformer.reader import StudyReader

    seen = []
    acquisition = StudyReader.acquisition

    def spy(reader, tokens, largest_gain):
        scores = acquisition(reader, tokens, largest_gain)
        seen.append((tokens, scores, reader.predict(tokens)))
        return scores

    monkeypatch.setattr(StudyReader, "acquisition", spy)
    tokens = proposer.propose(study, np.random.default_rng(0))
    candidates = np.concatenate([row for row, _, _ in seen])
    probabilities = np.concatenate([row for _, _, row in seen])
    gain = np.clip(bin_centres(proposer.num_bins) - BEST, 0, proposer.settings.largest_gain)
    improvement = probabilities[:, :-1] @ gain
    np.testing.assert_allclose(np.concatenate([scores for _, scores, _ in seen]), improvement, atol=1e-6)
    np.testing.assert_array_equal(candidates[np.argmax(improvement)], tokens)


def test_a_finite_space_is_proposed_to_the_last_value(proposer):
    space = SearchSpace((Parameter("a", "int", 1, 3), Parameter("b", "boolean")))
    study = Study(space, Metadata(), "min", np.zeros((0, 2), np.int32), np.zeros(0), np.zeros(0, int))
    tried, rng = set(), np.random.default_rng(0)
    for _ in range(space.size):
        tried.add(proposer.propose(study, rng, tried).tobytes())
    assert len(tried) == space.size == 6
    assert proposer.propose(study, rng, tried) is None


def test_long_studies_and_large_spaces_are_cut_and_said_once(model, vocabulary, caplog):
    proposer = Proposer(model, vocabulary, PlanningSettings(**FEW))
    space = SearchSpace(tuple(Parameter(f"x{i}", "float", 0.0, 1.0) for i in range(model.config.num_slots + 3)))
    rng = np.random.default_rng(0)
    count = model.config.max_trials + 5
    study = Study(space, Metadata(), "max", space.random_tokens(rng, count), rng.random(count), np.zeros(count, int))
    with caplog.at_level(logging.WARNING):
        rows = [proposer.propose(study, rng) for _ in range(3)]
    assert all(space.from_tokens(row) for row in rows)
    messages = [record.getMessage() for record in caplog.records]
    assert sum("parameters that the model sees" in message for message in messages) == 1
    assert sum("trials that the model reads" in message for message in messages) == 1


def test_metadata_beyond_the_context_is_shortened_and_said_once(model, vocabulary, study, caplog):
    proposer = Proposer(model, vocabulary, PlanningSettings(**FEW))
    wordy = dataclasses.replace(study, metadata=Metadata(task="digits convnet " * 300))
    with caplog.at_level(logging.WARNING):
        for seed in range(2):
            assert proposer.propose(wordy, np.random.default_rng(seed)) is not None
    assert sum("context" in record.getMessage() for record in caplog.records) == 1


def test_border_candidates_move_numbers_to_the_ends_of_their_range(proposer, space):
    rng = np.random.default_rng(0)
    rows = space.random_tokens(rng, 50)
    moved = proposer._at_borders(space, rng, rows)
    changed = moved != rows
    assert changed.any(1).mean() > 0.9 and (changed.sum(1) <= 3).all()
    for column, parameter in enumerate(space.parameters):
        legal = parameter.legal_tokens(proposer.num_bins)
        assert not (changed[:, column].any() and parameter.is_categorical)
        assert np.isin(moved[changed[:, column], column], legal[[0, -1]]).all()


def test_predictions_are_distributions_over_bins_and_failure(proposer, study):
    probabilities = proposer.predict(study, study.tokens[:4])
    assert probabilities.shape == (4, proposer.num_bins + 1)
    np.testing.assert_allclose(probabilities.sum(-1), 1.0, atol=1e-4)


def test_a_space_with_nothing_to_choose_has_one_proposal(proposer):
    space = SearchSpace((Parameter("f", "fixed", values=(2,)),))
    study = Study(space, Metadata(), "max", np.zeros((0, 1), np.int32), np.zeros(0), np.zeros(0, int))
    row = proposer.propose(study, np.random.default_rng(0))
    assert space.from_tokens(row) == {"f": 2}
    assert proposer.propose(study, np.random.default_rng(0), {row.tobytes()}) is None


@pytest.mark.parametrize("options, message", [
    ({"decoding": "bream"}, "decoding"), ({"temperature": 0.0}, "temperature"), ({"top_p": 1.5}, "top_p"),
    ({"num_elites": 0}, "num_elites"),
    ({"largest_gain": 0.0}, "largest_gain"),
])  # fmt: skip
def test_bad_options_are_named_before_anything_is_loaded(options, message):
    with pytest.raises(errors.InvalidArgumentError, match=f"`{message}`"):
        Proposer.load("no-such-weights", **options)
