"""Acquisition functions against sampling and closed forms."""

import numpy as np

from keras_hparam.ops import acquisitions


def test_expected_improvement_is_the_mean_gain_of_samples(rng):
    values = (np.arange(50) + 0.5) / 50
    probabilities = rng.dirichlet(np.ones(50), size=3)
    exact = np.asarray(acquisitions.expected_improvement(probabilities, values, 0.6))
    for row in range(3):
        samples = rng.choice(values, p=probabilities[row], size=200_000)
        np.testing.assert_allclose(exact[row], np.maximum(samples - 0.6, 0).mean(), atol=1e-3)


def test_mass_that_is_missing_improves_nothing():
    values, probabilities = np.array([0.2, 0.9]), np.array([0.1, 0.4])
    np.testing.assert_allclose(np.asarray(acquisitions.expected_improvement(probabilities, values, 0.5)), 0.16)


def test_a_bounded_gain_tends_to_the_probability_of_improvement(rng):
    values, probabilities = (np.arange(50) + 0.5) / 50, rng.dirichlet(np.ones(50), size=3)
    plain, loose, tight = (
        np.asarray(acquisitions.expected_improvement(probabilities, values, 0.6, g)) for g in (None, 1.0, 1e-3)
    )
    np.testing.assert_allclose(loose, plain)
    np.testing.assert_allclose(tight / 1e-3, probabilities[:, values > 0.6].sum(-1), rtol=1e-5)
