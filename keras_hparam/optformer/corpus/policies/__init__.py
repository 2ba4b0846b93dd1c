"""Policies that make the trials of synthetic studies: functions of a `Run` that make all of its trials."""

from keras_hparam.optformer.corpus.policies.evolution_strategies import evolution_strategy
from keras_hparam.optformer.corpus.policies.local import (
    annealing,
    best_of_random,
    hill_climbing,
    random_then_local,
    regularized_evolution,
)
from keras_hparam.optformer.corpus.policies.model_based import gaussian_process, parzen_estimator
from keras_hparam.optformer.corpus.policies.run import Run
from keras_hparam.optformer.corpus.policies.uninformed import grid_search, random_search, shuffled_grid_search

__all__ = ["POLICIES", "SHARES", "Run"]

POLICIES = {
    "random": random_search,
    "grid": grid_search,
    "shuffled_grid": shuffled_grid_search,
    "hill_climbing": hill_climbing,
    "random_then_local": random_then_local,
    "regularized_evolution": regularized_evolution,
    "annealing": annealing,
    "evolution_strategy": evolution_strategy,
    "parzen": parzen_estimator,
    "gaussian_process": gaussian_process,
    "best_of_random": best_of_random,
}
SHARES = {  # of the studies
    "random": 0.22,
    "grid": 0.04,
    "shuffled_grid": 0.05,
    "hill_climbing": 0.16,
    "random_then_local": 0.12,
    "regularized_evolution": 0.1,
    "annealing": 0.05,
    "evolution_strategy": 0.05,
    "parzen": 0.05,
    "gaussian_process": 0.04,
    "best_of_random": 0.12,
}
