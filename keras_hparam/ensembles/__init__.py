"""Ensembles of networks that differ in their weights and in their hyperparameters.

`HyperBatchEnsemble` turns a Keras model into an ensemble that shares kernels and is trained at once;
`HyperDeepEnsemble` chooses its members from trainings with the settings that a search has found (Wenzel et al. 2020,
arXiv 2006.13570). The names here are imported when they are first used: layers and formulas need no TensorFlow.
"""

import importlib

_HOMES = {
    "DeepEnsemble": "deep_ensemble",
    "DropoutRate": "hyperparameters",
    "GaussianNegativeLogLikelihood": "losses",
    "HyperBatchEnsemble": "hyper_batch_ensemble",
    "HyperDeepEnsemble": "hyper_deep",
    "L2": "hyperparameters",
    "LabelSmoothing": "hyperparameters",
    "LossWeight": "hyperparameters",
    "RandomSigns": "initializers",
    "Selection": "selection",
    "greedy_selection": "selection",
    "load_model": "loading",
    "train": "training",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"Expected one of {__all__} of the module {__name__!r}. Received: {name!r}.")


def __dir__():
    return sorted([*globals(), *__all__])
