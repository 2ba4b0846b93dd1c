"""Ensembles of networks that differ in their weights and in their hyperparameters.

`HyperBatchEnsemble` turns a Keras model into an ensemble that shares kernels and is trained at once;
`HyperDeepEnsemble` chooses its members from trainings with the settings that a search has found (Wenzel et al. 2020,
arXiv 2006.13570). Import this package before `keras.saving.load_model`: Keras finds the classes of a file by name.
"""

from keras_hparam.ensembles.deep_ensemble import DeepEnsemble
from keras_hparam.ensembles.hyper_batch_ensemble import HyperBatchEnsemble
from keras_hparam.ensembles.hyper_deep import HyperDeepEnsemble
from keras_hparam.ensembles.hyperparameters import L2, DropoutRate, LabelSmoothing, LossWeight
from keras_hparam.ensembles.initializers import RandomSigns
from keras_hparam.ensembles.losses import GaussianNegativeLogLikelihood
from keras_hparam.ensembles.selection import Selection, greedy_selection
from keras_hparam.ensembles.training import train

__all__ = [
    "DeepEnsemble",
    "DropoutRate",
    "GaussianNegativeLogLikelihood",
    "HyperBatchEnsemble",
    "HyperDeepEnsemble",
    "L2",
    "LabelSmoothing",
    "LossWeight",
    "RandomSigns",
    "Selection",
    "greedy_selection",
    "train",
]
