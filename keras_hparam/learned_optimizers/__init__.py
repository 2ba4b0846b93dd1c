"""Optimizers that are networks themselves, meta-trained on many tasks.

`LearnedOptimizer` trains Keras models (Metz et al. 2022, arXiv 2203.11860); its update is US20220253704A1's. The names
here are imported when they are first used.
"""

import importlib

_HOMES = {
    "ElementwiseRule": "elementwise_rule",
    "HandOverOnPlateau": "plateau",
    "LearnedOptimizer": "optimizer",
    "OptimizerConfig": "config",
}
_ROOMS = ("meta", "particles", "weights")
__all__ = sorted([*_HOMES, *_ROOMS])


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"Expected one of {__all__} of the module {__name__!r}. Received: {name!r}.")


def __dir__():
    return sorted([*globals(), *__all__])
