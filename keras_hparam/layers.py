"""Layers of ensembles: K members in one network, on batches whose rows are member-major."""

from keras_hparam.ensembles.batch_layers import Conv2DBatchEnsemble, DenseBatchEnsemble
from keras_hparam.ensembles.dropout import EnsembleDropout
from keras_hparam.ensembles.hyper_batch_layers import Conv2DHyperBatchEnsemble, DenseHyperBatchEnsemble
from keras_hparam.ensembles.memberwise import Memberwise

__all__ = [
    "Conv2DBatchEnsemble",
    "Conv2DHyperBatchEnsemble",
    "DenseBatchEnsemble",
    "DenseHyperBatchEnsemble",
    "EnsembleDropout",
    "Memberwise",
]
