"""Weights of forecasters against Bayes' rule, a step at a time, and the bound on the mixture's loss."""

import numpy as np
import pytest

from keras_hparam.ops import expert_advice


def test_without_switching_the_weights_are_posterior_probabilities(rng):
    log_probabilities, prior = np.log(rng.random((7, 3))), np.array([0.2, 0.5, 0.3])
    joint = prior * np.exp(log_probabilities.sum(axis=0))
    found = expert_advice.fixed_share(log_probabilities, prior)
    np.testing.assert_allclose(found, joint / joint.sum(), rtol=1e-10)


def test_switching_is_a_markov_chain_over_experts(rng):
    probabilities, prior, switching = rng.random((6, 2)), np.array([0.7, 0.3]), 0.1
    stay = np.full((2, 2), switching / 2) + (1 - switching) * np.eye(2)
    belief = prior
    for row in probabilities:  # the forward pass of a hidden Markov model, whose states are the experts
        belief = (belief * row / (belief @ row)) @ stay
    np.testing.assert_allclose(expert_advice.fixed_share(np.log(probabilities), prior, switching), belief, rtol=1e-9)


def test_an_expert_that_becomes_better_is_found_again():
    first_better, then_worse = np.tile([[-1.0, -3.0]], (50, 1)), np.tile([[-3.0, -1.0]], (6, 1))
    losses = np.concatenate([first_better, then_worse])
    assert expert_advice.fixed_share(losses, [1.0, 1.0])[0] > 0.99
    assert expert_advice.fixed_share(losses, [1.0, 1.0], 0.05)[1] > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_the_mixture_loses_little_against_the_best_expert(seed):
    rng = np.random.default_rng(seed)
    log_probabilities, prior = np.log(rng.uniform(0.01, 1.0, (40, 3))), np.full(3, 1 / 3)
    loss = 0.0
    for count, row in enumerate(log_probabilities):
        loss -= np.log(expert_advice.fixed_share(log_probabilities[:count], prior) @ np.exp(row))
    assert loss <= -log_probabilities.sum(axis=0).max() + np.log(3.0) + 1e-9


def test_no_forecast_leaves_the_prior_and_extremes_stay_finite():
    np.testing.assert_allclose(expert_advice.fixed_share(np.empty((0, 2)), [3.0, 1.0]), [0.75, 0.25])
    found = expert_advice.fixed_share(np.tile([[-1e4, -1.0]], (10, 1)), [0.5, 0.5], 0.02)
    np.testing.assert_allclose(found, [0.01, 0.99], atol=1e-6)
