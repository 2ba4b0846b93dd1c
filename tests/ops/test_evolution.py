"""Estimates of gradients, against closed forms and loops."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from keras import ops

from keras_hparam.ops import evolution

SIGMA = 0.3
ANY_LOSS = st.one_of(st.floats(-100, 100, width=32), st.sampled_from([np.nan, np.inf, -np.inf]))


def numpy_of(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


@pytest.fixture
def quadratic(rng):
    """(curvature [P, P], θ [P]) of L(θ) = ½ θᵀ A θ, whose smoothed gradient is A θ, as that of L."""
    factor = rng.normal(size=(4, 4))
    return factor @ factor.T, rng.normal(size=4)


def loss_of(curvature, points):
    return 0.5 * np.einsum("...p,pq,...q->...", points, curvature, points)


def estimates(curvature, theta, estimate, seeds=200, pairs=50):
    """The estimates [seeds, P] of many seeds, each of some pairs and one sample."""
    found = []
    for perturbations in np.random.default_rng(1).normal(0, SIGMA, (seeds, pairs, len(theta))):
        plus, minus = (loss_of(curvature, theta + sign * perturbations)[:, None] for sign in (1, -1))
        found.append(estimate(perturbations, plus, minus))
    return np.array(found)


def plain(perturbations, plus, minus):
    return ops.convert_to_numpy(evolution.gradient(perturbations, plus, minus, np.ones_like(plus), SIGMA))


def test_the_estimate_is_unbiased_for_the_gradient_of_a_smoothed_quadratic(quadratic):
    curvature, theta = quadratic
    expected = curvature @ theta
    found = estimates(curvature, theta, plain)
    standard_error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - expected) < 4 * standard_error).all()
    # antithetic pairs cancel the curvature: (g·ε) ε / σ² has the variance |g|² + g_p² for each pair
    variance = (np.square(expected) + np.square(expected).sum()) / 50
    np.testing.assert_allclose(found.var(axis=0).sum(), variance.sum(), rtol=0.2)


def test_clipped_it_is_the_formula_of_the_source(quadratic):
    curvature, theta = quadratic
    loss = loss_of(curvature, theta)

    def clipped(perturbations, plus, minus):
        plus, minus, weights = evolution.clip_losses(loss[None], plus, minus)
        return ops.convert_to_numpy(evolution.gradient(perturbations, plus, minus, weights, SIGMA))

    def reference(perturbations, plus, minus):
        pairs = zip(perturbations, plus[:, 0], minus[:, 0], strict=True)
        terms = [(min(loss, p) - min(loss, m)) / (2 * SIGMA**2) * epsilon for epsilon, p, m in pairs]
        return np.mean(terms, axis=0)

    found = estimates(curvature, theta, clipped, seeds=20)
    np.testing.assert_allclose(found, estimates(curvature, theta, reference, seeds=20), rtol=1e-9)
    # L(θ + ε) = 2 ε: of every pair one is better and one is worse by as much
    epsilon = np.array([[0.1], [-0.4]])
    plus, minus, weights = evolution.clip_losses([0.0], 2 * epsilon, -2 * epsilon)
    halved = ops.convert_to_numpy(evolution.gradient(epsilon, plus, minus, weights, SIGMA))
    np.testing.assert_allclose(halved, plain(epsilon, 2 * epsilon, -2 * epsilon) / 2)


def test_persistent_estimates_of_the_truncations_add_up_to_the_gradient_of_the_trajectory():
    # s_{t+1} = s_t + θ, losses s_1 … s_6 in three truncations of two: dΣs/dθ = 1 + 2 + … + 6 = 21
    sums, truncated = [], []
    for noise in np.random.default_rng(2).normal(0, SIGMA, (30, 3, 200, 1)):
        states, accumulated, found = {1: 0.0, -1: 0.0}, np.zeros((200, 1)), []
        for epsilon in noise:
            accumulated = accumulated + epsilon
            losses = {}
            for sign in (1, -1):
                theta = 0.7 + sign * epsilon
                losses[sign] = (states[sign] + theta) + (states[sign] + 2 * theta)
                states[sign] = states[sign] + 2 * theta
            found.append([plain(directions, losses[1], losses[-1])[0] for directions in (accumulated, epsilon)])
        sums.append(np.sum(found, axis=0)[0])
        truncated.append(np.sum(found, axis=0)[1])
    error = 4 / np.sqrt(len(sums))
    assert abs(np.mean(sums) - 21) < error * np.std(sums) < 4
    assert abs(np.mean(truncated) - 9) < error * np.std(truncated) < 4  # 3 · (1 + 2): blind to earlier steps


def brute_clip(loss, plus, minus):
    terms = []
    for b, limit in enumerate(loss):
        for k in range(len(plus)):
            pair = [min(limit, x) if np.isfinite(x) else limit for x in (plus[k, b], minus[k, b])]
            terms.append((*pair, 1.0) if np.isfinite(limit) else (0.0, 0.0, 0.0))
    return np.array(terms).reshape(len(loss), len(plus), 3).transpose(2, 1, 0)


@hypothesis.given(hnp.arrays("float32", (4, 3, 2), elements=ANY_LOSS))
@hypothesis.settings(max_examples=30)
def test_what_is_not_finite_never_reaches_the_estimate(losses):
    plus, minus, loss, perturbations = losses[0], losses[1], losses[2, 0], np.ones((3, 5), "float32")
    clipped = numpy_of(evolution.clip_losses(loss, plus, minus))
    np.testing.assert_array_equal(clipped, brute_clip(loss, plus, minus))
    assert (np.maximum(clipped[0], clipped[1]) <= np.where(np.isfinite(loss), loss, 0)).all()
    unclipped = numpy_of(evolution.finite_losses(plus, minus))
    both = np.isfinite(plus) & np.isfinite(minus)
    np.testing.assert_array_equal(unclipped[2], both)
    for found in (clipped, unclipped):
        differences, count = (found[2] * (found[0] - found[1])).sum(), max(found[2].sum(), 1)
        estimate = ops.convert_to_numpy(evolution.gradient(perturbations, *found, 0.5))
        np.testing.assert_allclose(estimate, np.full(5, differences / count * 2), rtol=1e-4, atol=1e-3)


@hypothesis.given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
@hypothesis.settings(max_examples=20)
def test_a_population_is_symmetric_around_its_parameters(pairs, size, seed):
    rng = np.random.default_rng(seed)
    theta, perturbations = rng.normal(size=size), rng.normal(size=(pairs, size))
    found = ops.convert_to_numpy(evolution.antithetic(theta, perturbations))
    np.testing.assert_array_equal(found[0], theta)
    np.testing.assert_allclose((found[1 : 1 + pairs] + found[1 + pairs :]) / 2, np.tile(theta, (pairs, 1)), atol=1e-12)
    np.testing.assert_allclose(found[1 : 1 + pairs] - theta, perturbations, atol=1e-12)
