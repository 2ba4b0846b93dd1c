"""Training of optimizers: families of tasks, trajectories, evolution strategies, a genetic algorithm, and the loop.

Nothing that uses a trained optimizer imports this room. The names here are imported when they are first used.
"""

import importlib

_HOMES = {
    "EvolutionStrategies": ".evolution_strategies",
    "GeneticAlgorithm": ".genetic_algorithm",
    "MetaTrainingSettings": ".settings",
    "Mixture": "keras_hparam.tasks.family",
    "Task": "keras_hparam.tasks.family",
    "TaskFamily": "keras_hparam.tasks.family",
    "meta_train": ".training",
    "unroll": ".unroll",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"Expected one of {__all__} of the module {__name__!r}. Received: {name!r}.")


def __dir__():
    return sorted([*globals(), *__all__])
