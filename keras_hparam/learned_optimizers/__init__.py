"""Optimizers that are networks themselves, meta-trained on many tasks.

`LearnedOptimizer` trains Keras models (Metz et al. 2022, arXiv 2203.11860); its update is US20220253704A1's. The names
here are imported when they are first used.
"""

from keras_hparam import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, {
    "ElementwiseRule": ".elementwise_rule",
    "HandOverOnPlateau": ".plateau",
    "LearnedOptimizer": ".optimizer",
    "OptimizerConfig": ".config",
    "meta": None,
    "particles": None,
    "weights": None,
})
