"""Masses of normal intervals against SciPy's distribution functions on the side that keeps its digits."""

import numpy as np
import pytest
from scipy import integrate, stats

from keras_hparam.ops import normal_intervals


def test_interval_masses_keep_their_digits_in_both_tails():
    edges = np.array([-np.inf, -31.0, -30.0, -1.0, 0.0, 0.5, 8.0, 30.0, 31.0, np.inf])
    masses = normal_intervals.interval_masses(edges)
    left, right = np.diff(stats.norm.cdf(edges)), -np.diff(stats.norm.sf(edges))
    np.testing.assert_allclose(masses, np.where(edges[:-1] < 0, left, right), rtol=1e-12)
    assert masses[-2] > 0 and masses.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(normal_intervals.log_interval_mass(edges[:-1], edges[1:]), np.log(masses), rtol=1e-12)


def test_a_mass_too_small_for_a_float_has_a_logarithm():
    for lower, upper in ((100.0, 101.0), (-101.0, -100.0)):
        np.testing.assert_allclose(normal_intervals.log_interval_mass(lower, upper), stats.norm.logsf(100.0))


def test_interval_masses_of_rows_are_those_of_each_row(rng):
    edges = np.sort(rng.standard_normal((5, 8)), axis=1)
    np.testing.assert_allclose(
        normal_intervals.interval_masses(edges), [normal_intervals.interval_masses(row) for row in edges]
    )


def test_log_expected_improvement_agrees_with_integration_and_far_left_with_its_expansion():
    mean, deviation, best = 0.3, 0.7, 0.5
    for shift in (-6.0, -2.0, -0.5, 0.0, 0.4, 3.0):
        density = stats.norm(mean + shift, deviation)
        gain, _ = integrate.quad(lambda y, d=density: (y - best) * d.pdf(y), best, best + 12.0, epsabs=0.0, limit=200)
        found = normal_intervals.log_expected_improvement(mean + shift, deviation, best)
        np.testing.assert_allclose(found, np.log(gain), rtol=1e-6)
    z = -np.array([19.0, 19.999, 20.001, 25.0, 1e3, 1e6])
    found = normal_intervals.log_expected_improvement(z, 1.0, 0.0)
    assert np.all(np.isfinite(found)) and np.all(np.diff(found) < 0)
    np.testing.assert_allclose(found, -0.5 * z**2 - 0.5 * np.log(2 * np.pi) - 2 * np.log(-z), rtol=5e-5)
