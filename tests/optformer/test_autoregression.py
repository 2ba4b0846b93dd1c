"""Sampling, beam search and log-probabilities against all rows of a tiny space, listed one by one.

The reference never runs the loop: it asks the model, teacher-forced, for each row's tokens, shares the probability
among legal ones and multiplies. Rows come from the space itself.
"""

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import scipy.stats

from keras_hparam.optformer import packing
from keras_hparam.optformer.conditions import Conditions, conditions_of
from keras_hparam.optformer.config import OptFormerConfig
from keras_hparam.optformer.decoding import Decoder
from keras_hparam.optformer.model import OptFormer
from keras_hparam.optformer.study import Metadata, Study
from keras_hparam.optformer.vocabulary import Vocabulary
from keras_hparam.spaces import Condition, Parameter, SearchSpace

NUM_BINS = 12
SPACE = SearchSpace((
    Parameter("rate", "float", 0.0, 1.0),
    Parameter("kind", "choice", values=("a", "b", "c")),
    Parameter("depth", "int", 1, 3, conditions=(Condition("kind", ("a", "b")),)),
    Parameter("skip", "boolean", conditions=(Condition("depth", (2, 3)), Condition("kind", ("b",)))),
    Parameter("seed", "fixed", values=(3,)),
))  # fmt: skip
NUM_ROWS = NUM_BINS * (3 + 5 + 1)


@dataclasses.dataclass(frozen=True)
class Listed:
    """A decoder, a study that it read, and all rows [n, D] of network tokens with their log-probabilities [n]."""

    decoder: Decoder
    read: dict
    layout: packing.Layout
    conditions: Conditions
    rows: np.ndarray
    log_probabilities: np.ndarray

    def call(self, name, *args, **options):
        return getattr(self.decoder, name)(self.read, self.layout, self.conditions, *args, **options)

    def prefixes(self, length):
        """(the distinct beginnings [m, length] of the rows, their probabilities [m])."""
        beginnings, owners = np.unique(self.rows[:, :length], axis=0, return_inverse=True)
        return beginnings, np.bincount(owners.ravel(), np.exp(self.log_probabilities))

    def restricted(self, restrict):
        """Probabilities [n] of the rows if `restrict` changes each parameter's distribution."""
        total = np.ones(len(self.rows))
        for place in range(self.rows.shape[1]):
            after, mass = self.prefixes(place + 1)
            for beginning in np.unique(after[:, :-1], axis=0):
                siblings = np.flatnonzero((after[:, :-1] == beginning).all(-1))
                shares = restrict(mass[siblings] / mass[siblings].sum())
                for sibling, share in zip(siblings, shares, strict=True):
                    total[(self.rows[:, : place + 1] == after[sibling]).all(-1)] *= share
        return total


@pytest.fixture(scope="module")
def listed(vocabulary):
    vocabulary = Vocabulary(vocabulary.tokenizer, num_bins=NUM_BINS)
    config = OptFormerConfig(
        first_bin=vocabulary.first_bin, num_bins=NUM_BINS, num_slots=6, num_categories=5, width=16, num_layers=1,
        num_heads=2, value_width=8,
    )  # fmt: skip
    keras.utils.set_random_seed(3)
    model, rng = OptFormer(config), np.random.default_rng(4)
    study = Study(SPACE, Metadata("t", "m", "d", "val_accuracy"), "max", SPACE.random_tokens(rng, 3, NUM_BINS),
                  rng.random(3), np.zeros(3, int))  # fmt: skip
    layout = packing.lay_out(SPACE, config, rng)
    inputs, _ = packing.pack(vocabulary, study, layout, config)
    rows = np.array(list(itertools.product(*(p.legal_tokens(NUM_BINS) for p in SPACE.parameters))))
    rows = layout.to_network(np.unique(SPACE.mask_inactive(rows, NUM_BINS), axis=0))
    decoder = Decoder(model)
    scores = teacher_forced(model, inputs, layout, rows)
    return Listed(decoder, decoder.read(inputs), layout, conditions_of(SPACE, layout), rows, scores)


def teacher_forced(model, inputs, layout, rows):
    """Log-probabilities [n] of rows [n, D], each appended to the study as its next trial."""
    examples = [{
        **inputs,
        "tokens": np.concatenate([inputs["tokens"], row[None]]),
        "objectives": np.append(inputs["objectives"], 0).astype(np.int32),
        "rows": np.stack(np.broadcast_arrays(len(inputs["tokens"]), np.arange(len(row))), -1).astype(np.int32),
    } for row in rows]  # fmt: skip
    logits = np.asarray(model(packing.stack(examples))[1], float)  # [n, D, NUM_BINS]
    shares = np.where(layout.legal, np.exp(logits), 0.0)
    shares /= shares.sum(-1, keepdims=True)
    picked = np.take_along_axis(shares, np.maximum(rows, 0)[..., None], axis=-1)[..., 0]
    return np.log(np.where(rows >= 0, picked, 1.0)).sum(-1)


def assert_frequencies(listed, drawn, probabilities):
    """A chi-square test at 0.1%, rows that are expected fewer than five times taken together."""
    numbers = {row.tobytes(): number for number, row in enumerate(listed.rows.astype(np.int32))}
    counts = np.bincount([numbers[row.tobytes()] for row in drawn], minlength=len(numbers))
    assert counts[probabilities == 0].sum() == 0
    expected = probabilities * len(drawn)
    common = expected >= 5
    observed = np.append(counts[common], counts[~common].sum())
    expected = np.append(expected[common], expected[~common].sum())
    if expected[-1] == 0:
        observed, expected = observed[:-1], expected[:-1]
    assert len(expected) > 5
    assert scipy.stats.chisquare(observed, expected).pvalue > 1e-3


def tempered(temperature):
    return lambda shares: shares ** (1 / temperature) / (shares ** (1 / temperature)).sum()


def within_nucleus(top_p):
    def restrict(shares):
        order = np.argsort(-shares)
        before = np.cumsum(shares[order]) - shares[order]
        kept = shares * (before < top_p)[np.argsort(order)]
        return kept / kept.sum()

    return restrict


def test_the_listed_rows_have_all_probability(listed):
    assert len(listed.rows) == NUM_ROWS
    assert np.exp(listed.log_probabilities).sum() == pytest.approx(1.0, abs=1e-5)
    assert np.ptp(listed.log_probabilities) > 3  # far from uniform


def test_log_probabilities_are_exact(listed):
    np.testing.assert_allclose(listed.call("log_probability", listed.rows), listed.log_probabilities, atol=1e-4)


def test_what_cannot_be_drawn_has_no_probability(listed):
    known = {row.tobytes() for row in listed.rows.astype(np.int32)}
    places = [np.append(np.flatnonzero(legal), [-1, np.argmin(legal)]) for legal in listed.layout.legal]
    rows = np.array(list(itertools.product(*places)), np.int32)
    impossible = rows[[row.tobytes() not in known for row in rows]]
    assert len(impossible) > 100
    assert (listed.call("log_probability", impossible) == -np.inf).all()


@pytest.mark.parametrize("width", [NUM_ROWS, NUM_ROWS + 50])
def test_a_wide_beam_ranks_all_rows(listed, width):
    tokens, scores = listed.call("beam", width)
    order = np.argsort(-listed.log_probabilities, kind="stable")
    np.testing.assert_array_equal(np.sort(scores)[::-1], scores)
    np.testing.assert_allclose(scores, listed.log_probabilities[order], atol=1e-4)
    assert len(np.unique(tokens, axis=0)) == len(tokens) == NUM_ROWS
    found = listed.log_probabilities[(tokens[:, None] == listed.rows).all(-1).argmax(-1)]
    np.testing.assert_allclose(found, scores, atol=1e-4)


@pytest.mark.parametrize("width", [1, 2, 7, 30])
def test_a_narrow_beam_keeps_the_best_beginnings(listed, width):
    kept = np.empty((1, 0), int)
    for length in range(1, listed.rows.shape[1] + 1):
        beginnings, mass = listed.prefixes(length)
        continues = (beginnings[:, None, :-1] == kept).all(-1).any(-1)
        beginnings, mass = beginnings[continues], mass[continues]
        order = np.argsort(-mass)[:width]
        kept, mass = beginnings[order], mass[order]
    tokens, scores = listed.call("beam", width)
    np.testing.assert_array_equal(tokens, kept)
    np.testing.assert_allclose(scores, np.log(mass), atol=1e-4)


def test_greedy_is_a_beam_of_width_one_and_the_limit_of_temperature(listed):
    greedy = listed.call("sample", 5, (1, 2), greedy=True)
    np.testing.assert_array_equal(greedy, np.repeat(listed.call("beam", 1)[0], 5, axis=0))
    for temperature in (1e-5, 1e-20):
        np.testing.assert_array_equal(listed.call("sample", 5, (1, 2), temperature=temperature), greedy)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0, 1e6])
def test_frequencies_are_the_tempered_probabilities(listed, temperature):
    drawn = listed.call("sample", 20000, (11, 5), temperature=temperature)
    probabilities = listed.restricted(tempered(temperature))
    if temperature == 1.0:
        np.testing.assert_allclose(probabilities, np.exp(listed.log_probabilities), rtol=1e-3)
    assert_frequencies(listed, drawn, probabilities)


@pytest.mark.parametrize("top_p", [0.2, 0.7, 0.95])
def test_frequencies_stay_within_the_nucleus(listed, top_p):
    probabilities = listed.restricted(within_nucleus(top_p))
    assert (probabilities == 0).any()
    drawn = listed.call("sample", 20000, (12, 5), top_p=top_p)
    if top_p == 0.2:  # a few rows are left
        known = {row.tobytes() for row in listed.rows[probabilities > 0].astype(np.int32)}
        assert {row.tobytes() for row in drawn} == known
    else:
        assert_frequencies(listed, drawn, probabilities)
