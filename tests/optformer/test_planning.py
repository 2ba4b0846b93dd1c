"""Proposals: legal, untried, deterministic, within the context; ranking does what the acquisition says."""

import dataclasses
import logging

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.networks.values import bin_centres
from keras_hparam.optformer.normalization import BEST
from keras_hparam.optformer.planning import Proposer
from keras_hparam.optformer.reader import StudyReader
from keras_hparam.optformer.settings import ACQUISITIONS, DECODINGS, PlanningSettings
from keras_hparam.optformer.study import Metadata, Status, Study
from keras_hparam.spaces import Parameter, SearchSpace

FEW = {"num_candidates": 44, "refined_candidates": 8, "gaussian_process": False}


@pytest.fixture(scope="module")
def proposer(model, vocabulary):
    return Proposer(model, vocabulary, PlanningSettings(**FEW))


def with_options(proposer, **options):
    other = Proposer(proposer.model, proposer.vocabulary, PlanningSettings(**{**FEW, **options}))
    other.decoder = proposer.decoder  # compiled already
    return other


def running(study):
    """The study with its last four trials still running."""
    return dataclasses.replace(study, statuses=np.append(study.statuses[:-4], [Status.PENDING] * 4))


OPTIONS = [{"decoding": name} for name in DECODINGS] + [{"acquisition": name} for name in ACQUISITIONS]
OPTIONS += [{"pending": "placeholder"}, {"prior": ["local", "border"]}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("length", [0, 1, 12])
def test_proposals_are_legal_untried_and_follow_the_seed(proposer, study, options, length):
    chosen, space, part = with_options(proposer, **options), study.space, running(study).take(np.arange(length))
    tried = {row.tobytes() for row in part.tokens}
    first, again = (chosen.propose(part, np.random.default_rng(3), tried) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.int32 and first.tobytes() not in tried
    np.testing.assert_array_equal(space.to_tokens(space.from_tokens(first)), first)


def recorded(monkeypatch):
    """The candidates and predictions of every call of `StudyReader.predict` from now on."""
    seen, predict = [], StudyReader.predict

    def spy(reader, tokens):
        seen.append((tokens, predict(reader, tokens)))
        return seen[-1][1]

    monkeypatch.setattr(StudyReader, "predict", spy)
    return seen


def test_the_first_trial_is_the_inner_candidate_of_the_largest_mean(proposer, study, monkeypatch):
    seen = recorded(monkeypatch)
    chosen = proposer.propose(study.take(np.arange(0)), np.random.default_rng(0))
    ((tokens, probabilities),) = seen  # no second round
    np.testing.assert_array_equal(chosen, tokens[np.argmax(probabilities[:, :-1] @ bin_centres(1000))])
    for column, parameter in enumerate(study.space.parameters):
        legal = parameter.legal_tokens(1000)
        if not parameter.is_categorical and len(legal) >= 4:
            assert not np.isin(tokens[:, column], legal[[0, -1]]).any()


def test_the_candidate_of_largest_expected_improvement_is_chosen(proposer, study, monkeypatch):
    seen = recorded(monkeypatch)
    tokens = proposer.propose(study.take(study.statuses != Status.PENDING), np.random.default_rng(0))
    assert len(seen) == 2 and len(seen[0][0]) > 40 and 0 < len(seen[1][0]) <= 8
    candidates, probabilities = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    improvement = probabilities[:, :-1] @ np.clip(bin_centres(1000) - BEST, 0, proposer.settings.largest_gain)
    np.testing.assert_array_equal(candidates[np.argmax(improvement)], tokens)


def test_a_users_acquisition_chooses(proposer, study, monkeypatch):
    seen, given = recorded(monkeypatch), []

    def worst(probabilities, values, best):
        given.append((values, best))
        return -probabilities @ values

    chosen = with_options(proposer, acquisition=worst)
    tokens = chosen.propose(study.take(study.statuses != Status.PENDING), np.random.default_rng(0))
    candidates, probabilities = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    np.testing.assert_array_equal(candidates[np.argmin(probabilities[:, :-1] @ bin_centres(1000))], tokens)
    assert [best for _, best in given] == [BEST, BEST]
    np.testing.assert_allclose(given[0][0], bin_centres(1000))


def test_pending_trials_are_predicted_from_the_others_and_then_count(proposer, study, monkeypatch):
    waiting = running(study)
    seen = recorded(monkeypatch)
    proposer.propose(waiting, np.random.default_rng(0))
    np.testing.assert_array_equal(seen[0][0], waiting.tokens[-4:])
    reader, best = proposer._read(waiting, np.random.default_rng(0))
    assert Status.PENDING not in reader.study.statuses and best >= BEST
    del seen[:]
    reader, best = with_options(proposer, pending="placeholder")._read(waiting, np.random.default_rng(0))
    assert reader.study.statuses.tolist() == waiting.statuses.tolist() and best == BEST and not seen


def test_a_small_space_is_enumerated_and_proposed_to_the_last_value(proposer, monkeypatch):
    space = SearchSpace((Parameter("a", "int", 1, 3), Parameter("b", "boolean")))
    study = Study(space, Metadata(), "min", np.zeros((0, 2), np.int32), np.zeros(0), np.zeros(0, int))
    seen = recorded(monkeypatch)
    tried, rng = set(), np.random.default_rng(0)
    for _ in range(space.size):
        tried.add(proposer.propose(study, rng, tried).tobytes())
    assert len(tried) == space.size == 6
    assert [len(tokens) for tokens, _ in seen] == [6, 5, 4, 3, 2, 1]
    assert proposer.propose(study, rng, tried) is None
    larger = with_options(proposer, enumerate_up_to=5, prior=lambda *_: [{"a": 2, "b": True}], refined_candidates=0)
    np.testing.assert_array_equal(larger.propose(study, rng), space.to_tokens({"a": 2, "b": True}))
    other = larger.propose(study, rng, {space.to_tokens({"a": 2, "b": True}).tobytes()})
    assert other is not None, "random candidates where the prior has nothing new"


def test_long_studies_and_large_spaces_are_cut_and_said_once(proposer, caplog):
    chosen, config = with_options(proposer), proposer.model.config
    space = SearchSpace(tuple(Parameter(f"x{i}", "float", 0.0, 1.0) for i in range(config.num_slots + 3)))
    rng = np.random.default_rng(0)
    count = config.max_trials + 5
    study = Study(space, Metadata(), "max", space.random_tokens(rng, count), rng.random(count), np.zeros(count, int))
    with caplog.at_level(logging.WARNING):
        rows = [chosen.propose(study, rng) for _ in range(3)]
    assert all(space.from_tokens(row) for row in rows)
    messages = [record.getMessage() for record in caplog.records]
    assert sum("parameters that the model sees" in message for message in messages) == 1
    assert sum("trials that the model reads" in message for message in messages) == 1


def test_metadata_beyond_the_context_is_shortened_and_said_once(proposer, study, caplog):
    chosen = with_options(proposer)
    wordy = dataclasses.replace(study, metadata=Metadata(task="digits convnet " * 300))
    with caplog.at_level(logging.WARNING):
        for seed in range(2):
            assert chosen.propose(wordy, np.random.default_rng(seed)) is not None
    assert sum("context" in record.getMessage() for record in caplog.records) == 1


def test_predictions_are_distributions_over_bins_and_failure(proposer, study):
    probabilities = proposer.predict(study, study.tokens[:4])
    assert probabilities.shape == (4, proposer.num_bins + 1)
    np.testing.assert_allclose(probabilities.sum(-1), 1.0, atol=1e-4)


@pytest.mark.parametrize("decoding", ["sample_and_rank", "beam", "greedy"])
def test_a_space_with_nothing_to_choose_has_one_proposal(proposer, decoding):
    space = SearchSpace((Parameter("f", "fixed", values=(2,)),))
    study = Study(space, Metadata(), "max", np.zeros((0, 1), np.int32), np.zeros(0), np.zeros(0, int))
    chosen = with_options(proposer, decoding=decoding)
    row = chosen.propose(study, np.random.default_rng(0))
    assert space.from_tokens(row) == {"f": 2}
    assert chosen.propose(study, np.random.default_rng(0), {row.tobytes()}) is None


def test_beams_come_before_samples(proposer, study):
    chosen = with_options(proposer, decoding="beam", beam_width=3)
    reader, _ = chosen._read(study, np.random.default_rng(5))
    beams, log_probabilities = reader.beam(3)
    assert beams.shape == (3, len(study.space)) and (np.diff(log_probabilities) <= 0).all()
    np.testing.assert_array_equal(chosen.propose(study, np.random.default_rng(5)), beams[0])
    tried = {row.tobytes() for row in beams[:2]}
    np.testing.assert_array_equal(chosen.propose(study, np.random.default_rng(5), tried), beams[2])


def test_nothing_is_traced_again_as_a_study_grows(proposer, study):
    chosen = with_options(proposer)
    for length in range(3, 12, 2):
        chosen.propose(running(study).take(np.arange(length)), np.random.default_rng(length))
    functions = [value for value in vars(chosen.decoder).values() if hasattr(value, "experimental_get_tracing_count")]
    counts = [function.experimental_get_tracing_count() for function in functions]
    assert sum(counts) >= 3 and max(counts) == 1


def test_bad_options_are_named_before_anything_is_loaded():
    with pytest.raises(errors.InvalidArgumentError, match="`temperature`"):
        Proposer.load("no-such-weights", temperature=0.0)
