"""What remains of a learning curve, against numerical integration and by simulation."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from scipy import integrate, stats

from keras_hparam.ops import learning_curves

UNIT = strategies.floats(0.0, 0.74)
GAINS = strategies.lists(strategies.floats(0.0, 0.7), min_size=4, max_size=30).map(np.asarray)


def density(gain, gains, top, floor):
    """The predictive density of a gain on [0, top], from SciPy's Student t."""
    spread = max(np.std(gains, ddof=1), floor) * np.sqrt(1 + 1 / len(gains))
    student = stats.t(len(gains) - 1, np.mean(gains), spread)
    inside = student.cdf(top) - student.cdf(0.0)
    return (len(gains) * student.pdf(gain) / inside + 1 / top) / (len(gains) + 1)


@pytest.mark.parametrize("gains", [[0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.05, 0.3], [0.5, 0.45, 0.6, 0.5, 0.55]])
def test_the_distribution_of_the_gain_is_the_integral_of_its_density(gains):
    edges = np.linspace(0.0, 0.6, 7)
    found = learning_curves.gain_distribution(np.asarray(gains), edges, 0.05)
    for low, high, mass in zip(edges[:-1], edges[1:], found, strict=True):
        expected = integrate.quad(density, low, high, (gains, 0.6, 0.05), points=[(low + high) / 2])[0]
        assert mass == pytest.approx(expected, rel=1e-6)


@hypothesis.given(GAINS, UNIT, strategies.integers(0, 2**31))
@hypothesis.example(np.zeros(4), 0.3, 0)  # an edge of a bin, but for rounding
def test_the_final_value_is_a_distribution_above_what_is_reached(gains, reached, seed):
    prior = np.random.default_rng(seed).dirichlet(np.full(40, 0.3)) + 1e-9
    final = learning_curves.final_distribution(prior, reached, gains)
    assert final.sum() == pytest.approx(1.0) and (final >= 0).all()
    assert final[np.arange(1, 41) / 40 <= reached].sum() < 1e-12


def test_the_final_value_obeys_bayes_rule(rng):
    """The posterior against a quadrature of prior density times likelihood over each bin."""
    prior, reached, gains = rng.dirichlet(np.ones(10)), 0.33, np.array([0.05, 0.1, 0.2, 0.12, 0.3])
    final = learning_curves.final_distribution(prior, reached, gains)
    masses = []
    for index in range(10):
        low, high = max(index / 10, reached), (index + 1) / 10

        def joint(value, index=index):
            return prior[index] * 10 * density(value - reached, gains, 1 - reached, 0.01)

        masses.append(integrate.quad(joint, low, high)[0] if high > low else 0.0)
    np.testing.assert_allclose(final, np.asarray(masses) / np.sum(masses), rtol=1e-6)


def test_far_tails_stay_positive_and_symmetric():
    edges = np.linspace(0.0, 1.0, 101)
    low = learning_curves.gain_distribution(np.full(4, 0.0), edges, 1e-4)
    high = learning_curves.gain_distribution(np.full(4, 1.0), edges, 1e-4)
    assert (low > 0).all()
    np.testing.assert_allclose(low, high[::-1], rtol=1e-6)


def test_a_large_gain_is_no_rarer_than_it_is_said_to_be(rng):
    """Of skewed gains, far from Gaussian; and at most what one of nine exchangeable gains may add too much."""
    said, happened = [], []
    for _ in range(2000):
        *gains, following = rng.beta(0.5, 6.0, size=9)
        edges = np.array([0.0, 0.3, 1.0])
        said.append(learning_curves.gain_distribution(np.asarray(gains), edges)[1])
        happened.append(following > 0.3)
    assert 0.02 < np.mean(happened) <= np.mean(said) < np.mean(happened) + 1 / 9
