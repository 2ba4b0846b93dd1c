"""Restriction, nucleus and beam steps against brute force."""

import math

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from keras_hparam.ops import sampling

LOGITS = hnp.arrays(np.float32, (3, 7), elements=st.integers(-4, 4).map(float))  # integers: many ties
EIGHTHS = st.integers(-80, 0).map(lambda n: n / 8)  # sums are exact


def softmax(logits):
    shares = np.exp(np.asarray(logits, float) - np.max(logits, axis=-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def brute_force_nucleus(probabilities, top_p):
    kept, mass = set(), 0.0
    for index in np.argsort(-probabilities, kind="stable"):
        if kept and mass >= top_p - 1e-7:
            break
        kept.add(int(index))
        mass += probabilities[index]
    return kept


def test_legal_tokens_share_all_probability(rng):
    logits = rng.standard_normal((3, 6)).astype("float32")
    legal = np.array([True, False, True, True, False, True])
    found = np.asarray(sampling.legal_log_softmax(logits, legal))
    assert (found[:, ~legal] == -np.inf).all()
    np.testing.assert_allclose(np.exp(found[:, legal]), softmax(logits[:, legal]), rtol=1e-5)


@pytest.mark.parametrize("top_p", [0.05, 0.3, 0.5, 0.9, 0.999])
def test_nucleus_is_the_smallest_set_that_reaches_the_mass(rng, top_p):
    logits = rng.standard_normal((20, 9)).astype("float32") * 2
    kept = np.isfinite(sampling.nucleus(logits, top_p))
    for row in range(20):
        assert set(np.flatnonzero(kept[row]).tolist()) == brute_force_nucleus(softmax(logits[row]), top_p)


@hypothesis.settings(max_examples=30)
@hypothesis.given(LOGITS, st.sampled_from([0.1, 0.37, 0.61, 0.83]))
def test_of_equally_probable_tokens_the_nucleus_takes_the_first(logits, top_p):
    probabilities = softmax(logits)
    kept = np.isfinite(sampling.nucleus(logits, top_p))
    for row in range(len(logits)):
        mass = np.cumsum(np.sort(probabilities[row])[::-1])
        hypothesis.assume(np.abs(mass - top_p).min() > 1e-6)
        assert set(np.flatnonzero(kept[row]).tolist()) == brute_force_nucleus(probabilities[row], top_p)


def test_half_of_a_uniform_distribution_is_half_of_its_tokens():
    assert np.isfinite(sampling.nucleus(np.zeros((1, 8), "float32"), 0.5)).tolist() == [[True] * 4 + [False] * 4]


def test_a_nucleus_of_one_keeps_everything(rng):
    logits = rng.standard_normal((4, 7)).astype("float32")
    restricted = np.asarray(sampling.restrict(logits, top_p=1.0))
    np.testing.assert_allclose(softmax(restricted), softmax(logits), rtol=1e-5)


def test_temperature_is_a_power_of_the_probabilities_and_impossible_tokens_stay_so(rng):
    logits = rng.standard_normal((3, 6)).astype("float32")
    logits[:, [1, 4]] = -np.inf
    for temperature in (0.25, 1.0, 4.0):
        powers = softmax(logits) ** (1.0 / temperature)
        found = softmax(np.asarray(sampling.restrict(logits, temperature)))
        np.testing.assert_allclose(found, powers / powers.sum(-1, keepdims=True), rtol=1e-4)


@pytest.mark.parametrize("temperature", [1e-4, 1e-12, 1e-37])
def test_towards_temperature_zero_only_the_most_probable_token_is_left(rng, temperature):
    logits = np.where(rng.random((5, 6)) < 0.3, -np.inf, 100.0 * rng.standard_normal((5, 6))).astype("float32")
    logits[:, 2] = -50.0  # one at least is possible
    restricted = np.asarray(sampling.restrict(logits, np.float32(temperature)))
    np.testing.assert_array_equal(softmax(restricted) > 0, np.arange(6) == np.argmax(logits, -1)[:, None])


def test_the_nucleus_is_taken_among_the_possible_after_tempering():
    logits = np.array([[-np.inf, 1.0, 0.9, 0.0]], "float32")
    assert np.isfinite(sampling.restrict(logits, top_p=0.3)).tolist() == [[False, True, False, False]]
    assert np.isfinite(sampling.restrict(logits, 1.0, 0.5)).tolist() == [[False, True, True, False]]
    assert np.isfinite(sampling.restrict(logits, 0.1, 0.5)).tolist() == [[False, True, False, False]]


@hypothesis.settings(max_examples=40)
@hypothesis.given(
    hnp.arrays(np.float32, (2, 3), elements=EIGHTHS),
    hnp.arrays(np.float32, (2, 3, 4), elements=EIGHTHS | st.just(-math.inf)),
    st.integers(1, 12),
)
def test_a_beam_step_keeps_the_best_of_all_continuations(scores, log_probabilities, width):
    found, parents, tokens = (np.asarray(x) for x in sampling.beam_step(scores, log_probabilities, width))
    assert found.shape == parents.shape == tokens.shape == (2, width)
    for batch in range(2):
        totals = scores[batch][:, None] + log_probabilities[batch]
        np.testing.assert_array_equal(found[batch], np.sort(totals.ravel())[::-1][:width])
        np.testing.assert_array_equal(totals[parents[batch], tokens[batch]], found[batch])
        assert len(set(zip(parents[batch].tolist(), tokens[batch].tolist(), strict=True))) == width


def test_of_equal_continuations_a_beam_step_takes_the_first():
    _, parents, tokens = sampling.beam_step(np.zeros(2, "float32"), np.zeros((2, 3), "float32"), 4)
    assert np.asarray(parents).tolist() == [0, 0, 0, 1] and np.asarray(tokens).tolist() == [0, 1, 2, 0]


def test_a_place_without_a_sequence_is_not_continued():
    scores = np.array([-np.inf, -3.0], "float32")
    found, parents, _ = (np.asarray(x) for x in sampling.beam_step(scores, np.zeros((2, 2), "float32"), 3))
    assert found.tolist() == [-3.0, -3.0, -np.inf] and parents[:2].tolist() == [1, 1]
