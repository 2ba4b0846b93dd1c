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


def test_alpha_falls_along_a_cosine_or_with_the_root_of_the_step():
    steps = np.arange(0, 500, 50, dtype="float32")
    told = [float(updates.decay("annealed", step, 400)) for step in steps]
    np.testing.assert_allclose(told, 0.5 * (1 + np.cos(np.pi * np.minimum(steps / 400, 1))), atol=1e-6)
    for unknown in (None, 0, -1.0):
        found = [float(updates.decay("annealed", step, unknown, decay_steps=50.0)) for step in steps]
        np.testing.assert_allclose(found, (1 + steps / 50) ** -0.5, rtol=1e-6)
    assert float(updates.decay("none", np.float32(70), 100)) == 1.0
