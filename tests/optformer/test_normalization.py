"""Objective normalisation: fixed points, order, inverse, and the odd cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_hparam.optformer.normalization import BEST, SLOPE, Normalizer, compress, expand

finite = st.floats(-1e6, 1e6, allow_nan=False)


def test_best_and_median_have_their_places():
    normalizer = Normalizer.fit([1.0, 5.0, 3.0, np.nan])
    np.testing.assert_allclose(normalizer.to_unit([5.0, 3.0]), [BEST, BEST - SLOPE])


@given(st.lists(finite, min_size=1, max_size=20))
def test_order_is_kept_and_the_inverse_is_exact_where_nothing_is_clipped(scores):
    normalizer = Normalizer.fit(scores)
    unit = normalizer.to_unit(scores)
    assert ((unit > 0) & (unit <= BEST + 1e-9)).all()
    order = np.argsort(scores, kind="stable")
    assert (np.diff(unit[order]) >= -1e-12).all()
    back = normalizer.from_unit(unit)
    np.testing.assert_allclose(back, scores, rtol=1e-6, atol=1e-6 * normalizer.scale + 1e-6 * max(map(abs, scores)))


@given(st.floats(-0.8, 1e8))
def test_expand_inverts_compress(distance):
    np.testing.assert_allclose(expand(compress(distance)), distance, rtol=1e-6, atol=1e-9)


def test_compress_is_smooth_at_the_median():
    left, right = (compress(1.0 + e) for e in (-1e-6, 1e-6))
    np.testing.assert_allclose((right - left) / 2e-6, -SLOPE, rtol=1e-4)


DEGENERATE = ([], [np.nan], [0.0], [2.0, 2.0], [1.0, 3.0, 3.0, 3.0], [-np.inf, 1.0], [1e308, -1e308])


@pytest.mark.parametrize("scores", DEGENERATE)
def test_degenerate_observations_still_give_a_usable_scale(scores):
    normalizer = Normalizer.fit(scores)
    assert np.isfinite(normalizer.best) and normalizer.scale > 0
    bins = normalizer.to_bins([normalizer.best, np.nan], 1000)
    assert bins.tolist() == [750, -1]


def test_ties_at_the_best_take_the_next_best_for_the_scale():
    assert Normalizer.fit([1.0, 3.0, 3.0, 3.0]) == Normalizer(3.0, 2.0)
