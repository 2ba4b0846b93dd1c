"""Training of optimizers: families of tasks, trajectories, evolution strategies, a genetic algorithm, and the loop.

Nothing that uses a trained optimizer imports this room. The names here are imported when they are first used.
"""

from keras_hparam import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, {
    "EvolutionStrategies": ".evolution_strategies",
    "GeneticAlgorithm": ".genetic_algorithm",
    "MetaTrainingSettings": ".settings",
    "Mixture": "keras_hparam.tasks.family",
    "Task": "keras_hparam.tasks.family",
    "TaskFamily": "keras_hparam.tasks.family",
    "meta_train": ".training",
    "unroll": ".unroll",
})
