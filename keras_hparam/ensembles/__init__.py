"""Ensembles of networks that differ in their weights and in their hyperparameters.

`HyperBatchEnsemble` turns a Keras model into an ensemble that shares kernels and is trained at once;
`HyperDeepEnsemble` chooses its members from trainings with the settings that a search has found (Wenzel et al. 2020,
arXiv 2006.13570). The names here are imported when they are first used: layers and formulas need no TensorFlow.
"""

from keras_hparam import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, {
    "DeepEnsemble": ".deep_ensemble",
    "DropoutRate": ".hyperparameters",
    "GaussianNegativeLogLikelihood": ".losses",
    "HyperBatchEnsemble": ".hyper_batch_ensemble",
    "HyperDeepEnsemble": ".hyper_deep",
    "L2": ".hyperparameters",
    "LabelSmoothing": ".hyperparameters",
    "LossWeight": ".hyperparameters",
    "RandomSigns": ".initializers",
    "Selection": ".selection",
    "greedy_selection": ".selection",
    "load_model": ".loading",
    "train": ".training",
})
