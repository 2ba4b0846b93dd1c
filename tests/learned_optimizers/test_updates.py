"""The update of the claims against its formula."""

import numpy as np

from keras_hparam.learned_optimizers import updates


def test_the_update_is_the_formula(rng):
    d, m, alpha, beta, gamma = rng.standard_normal((5, 7)).astype("float32")
    expected = alpha * d / (1 + np.exp(-beta.astype("float64") * m * gamma))
    np.testing.assert_allclose(updates.step(d, m, alpha, beta, gamma), expected, rtol=1e-5)


def test_the_magnitude_holds_the_size_between_nothing_and_alpha():
    np.testing.assert_allclose(updates.step(np.float32(2), np.float32(0), 0.1), 0.1, rtol=1e-6)
    np.testing.assert_allclose(updates.step(np.float32(2), np.float32(50), 0.1), 0.2, rtol=1e-6)
    assert updates.step(np.float32(2), np.float32(-50), 0.1) < 1e-20
