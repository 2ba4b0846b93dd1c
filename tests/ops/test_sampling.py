"""Nucleus and restriction against brute force."""

import numpy as np
import pytest

from keras_hparam.ops import sampling


def brute_force_nucleus(probabilities, top_p):
    kept, mass = set(), 0.0
    for index in np.argsort(-probabilities, kind="stable"):
        if kept and mass >= top_p - 1e-7:
            break
        kept.add(int(index))
        mass += probabilities[index]
    return kept


@pytest.mark.parametrize("top_p", [0.05, 0.3, 0.5, 0.9, 0.999])
def test_nucleus_is_the_smallest_set_that_reaches_the_mass(rng, top_p):
    logits = rng.standard_normal((20, 9)).astype("float32") * 2
    kept = np.asarray(sampling.nucleus(logits, top_p)) > -1e8
    for row in range(20):
        probabilities = np.exp(logits[row]) / np.exp(logits[row]).sum()
        assert set(np.flatnonzero(kept[row]).tolist()) == brute_force_nucleus(probabilities, top_p)


def test_a_nucleus_of_one_keeps_everything(rng):
    logits = rng.standard_normal((4, 7)).astype("float32")
    np.testing.assert_array_equal(np.asarray(sampling.restrict(logits, np.ones(7, bool), top_p=1.0)), logits)


def test_illegal_tokens_get_no_probability_and_temperature_sharpens(rng):
    logits = rng.standard_normal((3, 6)).astype("float32")
    legal = np.array([True, False, True, True, False, True])
    warm, cold = (np.asarray(sampling.restrict(logits, legal, temperature=t)) for t in (1.0, 0.25))
    assert (warm[:, ~legal] <= -1e8).all()
    np.testing.assert_allclose(cold[:, legal], 4.0 * warm[:, legal], rtol=1e-5)


def test_the_nucleus_is_taken_among_the_legal(rng):
    logits = np.array([[5.0, 1.0, 0.9, 0.0]], "float32")
    legal = np.array([False, True, True, True])
    kept = np.asarray(sampling.restrict(logits, legal, top_p=0.3)) > -1e8
    assert kept.tolist() == [[False, True, False, False]]
