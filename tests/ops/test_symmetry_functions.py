"""Radial symmetry functions against a loop over neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.ops.symmetry_functions import radial

CUTOFFS, WIDTHS = [1.5, 2.5, 4.0], [0.0, 0.7, 4.0]


def slow_radial(distances):
    found = np.zeros((len(distances), len(CUTOFFS)))
    for i, j in np.ndindex(distances.shape):
        for k, (cutoff, width) in enumerate(zip(CUTOFFS, WIDTHS, strict=True)):
            if i != j and distances[i, j] < cutoff:
                envelope = 0.5 * (np.cos(np.pi * distances[i, j] / cutoff) + 1.0)
                found[i, k] += np.exp(-width * distances[i, j] ** 2) * envelope
    return found


def distances_of(positions):
    return np.linalg.norm(positions[..., :, None, :] - positions[..., None, :, :], axis=-1)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-5)])
def test_is_that_of_a_loop(rng, dtype, tolerance):
    distances = distances_of(rng.standard_normal((2, 3, 6, 3)))
    found = radial(distances.astype(dtype), CUTOFFS, WIDTHS)
    assert found.shape == (2, 3, 6, 3) and found.dtype == dtype
    for index in np.ndindex(2, 3):
        np.testing.assert_allclose(found[index], slow_radial(distances[index]), atol=tolerance)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_a_permutation_of_atoms_permutes_the_values(seed):
    rng = np.random.default_rng(seed)
    positions, order = rng.standard_normal((7, 3)), rng.permutation(7)
    values = np.asarray(radial(distances_of(positions), CUTOFFS, WIDTHS))
    assert np.all((values >= 0.0) & (values <= 6.0))
    np.testing.assert_allclose(radial(distances_of(positions[order]), CUTOFFS, WIDTHS), values[order], atol=1e-12)


@pytest.mark.parametrize(
    "shape, cutoffs, widths, message",
    [
        ((3, 4), [1.0], [1.0], r"`distances` as float \[..., N, N\]. Received: shape \(3, 4\)"),
        ((3,), [1.0], [1.0], "`distances` as float"),
        ((3, 3), [], [], "as many `cutoffs`"),
        ((3, 3), [1.0, 2.0], [1.0], "as many `cutoffs`"),
        ((3, 3), [0.0], [1.0], "`cutoffs` > 0"),
        ((3, 3), [1.0], [-1.0], "`widths` >= 0"),
    ],
)
def test_what_does_not_fit_is_refused(shape, cutoffs, widths, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        radial(np.zeros(shape), cutoffs, widths)
