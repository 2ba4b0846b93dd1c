"""Evolution strategies and the genetic algorithm as updates of a variable."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.learned_optimizers.meta import EvolutionStrategies, GeneticAlgorithm


def losses_of(estimator, theta, perturbations):
    """Σ (p − 3)² of every candidate on two tasks that agree."""
    population = estimator.population(theta, perturbations)
    return np.square(population - 3.0).sum(axis=1, keepdims=True) + np.array([[0.0, 10.0]])


@pytest.mark.parametrize(
    "settings", [{}, {"clip": False}, {"per_task": False}, {"persistent": True, "truncation": 5}, None]
)
def test_they_descend(settings):
    estimator = GeneticAlgorithm(sigma=0.3, candidates=6)
    if settings is not None:
        estimator = EvolutionStrategies(sigma=0.1, pairs=6, optimizer=keras.optimizers.SGD(0.1), **settings)
    theta, optimizer = keras.Variable(np.zeros(3, "float32")), estimator.make_optimizer()
    for meta_step in range(40):
        perturbations = estimator.perturbations(3, 0, meta_step)
        losses = losses_of(estimator, np.asarray(theta), perturbations)
        estimator.update(theta, optimizer, perturbations, perturbations, losses)
    assert np.square(np.asarray(theta) - 3).sum() < 1.0  # from 27


def test_one_step_of_descent_is_the_estimate_times_the_rate():
    estimator = EvolutionStrategies(sigma=0.2, pairs=3, clip=False, optimizer=keras.optimizers.SGD(0.5))
    theta, perturbations = keras.Variable(np.ones(2, "float32")), estimator.perturbations(2, seed=4, meta_step=1)
    losses = losses_of(estimator, np.asarray(theta), perturbations)
    figures = estimator.update(theta, estimator.make_optimizer(), perturbations, perturbations, losses)
    differences = (losses[1:4] - losses[4:]).mean(axis=1)
    expected = (differences[:, None] * perturbations).mean(axis=0) / (2 * 0.2**2)
    np.testing.assert_allclose(np.asarray(theta), 1 - 0.5 * expected, rtol=1e-4)
    assert figures["gradient_norm"] == pytest.approx(np.linalg.norm(expected), rel=1e-4) and figures["skipped"] == 0


def test_a_task_without_a_finite_loss_is_skipped_and_counted():
    perturbations = np.array([[0.1], [0.2]], "float32")
    losses = np.array([[np.nan, 1.0], [5.0, 0.5], [5.0, np.nan], [0.0, 2.0], [0.0, 3.0]])
    theta = keras.Variable(np.zeros(1, "float32"))
    estimator = EvolutionStrategies(sigma=0.1, pairs=2, optimizer=keras.optimizers.SGD(1.0))
    figures = estimator.update(theta, estimator.make_optimizer(), perturbations, perturbations, losses)
    assert figures["skipped"] == 1
    expected = ((0.5 - 1.0) * 0.1 + (1.0 - 1.0) * 0.2) / (2 * 0.1**2) / 2
    np.testing.assert_allclose(np.asarray(theta), [-expected], rtol=1e-4)
    together = dataclasses.replace(estimator, per_task=False)
    before = np.asarray(theta).copy()
    figures = together.update(theta, together.make_optimizer(), perturbations, perturbations, losses)
    assert figures["skipped"] == 1 and np.array_equal(np.asarray(theta), before)


def test_draws_depend_on_seed_and_step_and_no_draw_on_how_many_there_are():
    few, many = (EvolutionStrategies(sigma=0.5, pairs=pairs) for pairs in (3, 300))
    drawn = many.perturbations(7, seed=1, meta_step=2)
    np.testing.assert_array_equal(few.perturbations(7, seed=1, meta_step=2), drawn[:3])
    assert drawn.std() == pytest.approx(0.5, rel=0.05) and abs(drawn.mean()) < 0.05
    for other in ((2, 2), (1, 3)):
        assert not np.isin(many.perturbations(7, *other), drawn).any()


def test_settings_are_plain_values_and_do_not_share_the_optimizer():
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, 10), clipnorm=1.0)
    estimator = EvolutionStrategies(optimizer=optimizer)
    made = estimator.make_optimizer()
    assert made is not optimizer and made.clipnorm == 1.0 and float(made.learning_rate) == pytest.approx(0.03)
    values = json.loads(json.dumps(estimator.to_dict()))
    assert values.pop("method") == "evolution_strategies" and EvolutionStrategies(**values) == estimator
    assert GeneticAlgorithm(0.2, 4).to_dict() == {"method": "genetic_algorithm", "sigma": 0.2, "candidates": 4}
    assert estimator.steps_per_update is None
    assert dataclasses.replace(estimator, persistent=True, truncation=7).steps_per_update == 7


@pytest.mark.parametrize("sigma", [0.0, -0.1, 1.0, float("nan"), "0.1", True])
def test_a_wrong_sigma_is_an_error(sigma):
    for kind in (EvolutionStrategies, GeneticAlgorithm):
        with pytest.raises(errors.InvalidArgumentError, match="`sigma`.*Received:"):
            kind(sigma=sigma)


@pytest.mark.parametrize("name", ["pairs", "truncation", "optimizer"])
def test_other_wrong_settings_are_errors(name):
    for value in (0, 1.5, "nonsense", None):
        with pytest.raises(errors.InvalidArgumentError, match=f"`{name}`.*Received:"):
            EvolutionStrategies(**{name: value})
    with pytest.raises(errors.InvalidArgumentError, match="`candidates`"):
        GeneticAlgorithm(candidates=0)
