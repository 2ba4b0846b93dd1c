"""The table of conformance: every public layer and model of the package, how it is made, and what it is called with.

A new class joins by a row here. `skipped` lists the checks that do not apply, each with the reason.

The rows of a batch belong to the members of an ensemble in order, so that half of a batch has other members than the
whole: layers of ensembles are tested on two replicas with one member.

Axes: B batch, P content positions, Q queries, E encoder positions, W width, M metadata tokens, T trials, D parameters.
"""

import collections.abc
import dataclasses

import keras
import numpy as np

from keras_hparam.autohas.mixtures import ChannelMask, Choice, RelaxedDropout
from keras_hparam.autohas.mixup import MixupModel
from keras_hparam.ensembles.batch_layers import Conv2DBatchEnsemble, DenseBatchEnsemble
from keras_hparam.ensembles.bounds import Bounds
from keras_hparam.ensembles.deep_ensemble import DeepEnsemble
from keras_hparam.ensembles.dropout import EnsembleDropout
from keras_hparam.ensembles.hyper_batch_ensemble import HyperBatchEnsemble
from keras_hparam.ensembles.hyper_batch_layers import Conv2DHyperBatchEnsemble, DenseHyperBatchEnsemble
from keras_hparam.ensembles.hyper_deep import HyperDeepEnsemble
from keras_hparam.ensembles.hyperparameters import L2
from keras_hparam.ensembles.memberwise import Memberwise
from keras_hparam.learned_schedules.config import ControllerConfig
from keras_hparam.learned_schedules.controller import Controller
from keras_hparam.networks.transformer import Attention, Block, Transformer
from keras_hparam.networks.values import BinLogits
from keras_hparam.optformer.config import OptFormerConfig
from keras_hparam.optformer.embeddings import MetadataEmbedding, ObjectiveEmbedding, ValueEmbedding
from keras_hparam.optformer.heads import ProposalHead
from keras_hparam.optformer.model import OptFormer

CHECKS = ("config_round_trip", "save_and_load", "xla", "two_replicas", "mixed_precision")
ABSTRACT = {
    "keras_hparam.autohas.mixtures.Relaxed": "a base without a call of its own",
    "keras_hparam.optformer.embeddings.ConfiguredLayer": "a base without a call of its own",
    "keras_hparam.ensembles.ensemble_layer.EnsembleLayer": "a base without a call of its own",
}
MEMBERS_BY_ROW = {"two_replicas": "half of a batch has other members than the whole"}
UNTRAINED = {"two_replicas": "it has no weights that gradients of a loss change"}
B, P, Q, E, W, M, T, D = 4, 5, 3, 4, 8, 7, 3, 4
CONFIG = OptFormerConfig(
    first_bin=20, num_bins=12, num_categories=3, num_slots=6, max_trials=T, metadata_length=M, width=W, num_layers=1,
    num_heads=2, mlp_ratio=2, encoder_layers=1, value_width=6, description_width=5,
)  # fmt: skip
ENCODER_DECODER = dataclasses.replace(CONFIG, architecture="encoder_decoder")


@dataclasses.dataclass(frozen=True)
class Row:
    """A class in the table.

    Attributes:
        make: callable that makes the layer.
        inputs: callable of a `numpy.random.Generator` that gives the inputs of one call.
        output_dtype: of its outputs under mixed_bfloat16.
        skipped: check -> why it does not apply.
    """

    make: collections.abc.Callable
    inputs: collections.abc.Callable
    output_dtype: str = "bfloat16"
    skipped: dict = dataclasses.field(default_factory=dict)


def normal(rng, *shape):
    return rng.standard_normal((B, *shape)).astype("float32")


def mask(rng, *shape):
    """Random, but no row of it without any True."""
    allowed = rng.random((B, *shape)) < 0.7
    allowed[..., 0] = True
    return allowed


def encoder(rng):
    return normal(rng, E, W), mask(rng, E)


def cache(rng, layers):
    return [(normal(rng, P, 2, W // 2), normal(rng, P, 2, W // 2)) for _ in range(layers)]


def study(rng):
    """The arrays of `packing.pack` with all that occurs: unknown metadata, inactive values, failed trials, padding."""
    ids = rng.integers(CONFIG.first_bin + CONFIG.num_bins, size=(B, M))
    ids[:, -1] = -1
    slots = np.stack([rng.permutation(CONFIG.num_slots)[:D] for _ in range(B)])
    owners = np.concatenate([slots, np.full((B, M - D), -1)], axis=1)
    kinds = np.tile([1, 2, 1, 0], (B, 1))
    slots[:, -1] = -1
    tokens = rng.integers(CONFIG.num_categories, size=(B, T, D))
    tokens[:, :, 0] = rng.integers(CONFIG.num_bins, size=(B, T))
    tokens[:, 1, 2] = tokens[:, :, -1] = -1
    objectives = rng.integers(CONFIG.num_bins, size=(B, T))
    objectives[0], objectives[1, -1] = (CONFIG.num_bins, 3, CONFIG.num_bins + 1), -1
    arrays = {
        "metadata_ids": ids, "metadata_positions": np.tile(np.arange(M), (B, 1)), "metadata_slots": owners,
        "metadata_categories": rng.integers(-1, CONFIG.num_categories, size=(B, M)), "slots": slots, "kinds": kinds,
        "tokens": tokens, "objectives": objectives, "rows": np.tile([[0, 0], [1, 1], [2, 2]], (B, 1, 1)),
    }  # fmt: skip
    return {name: array.astype("int32") for name, array in arrays.items()}


def metadata(rng):
    arrays = study(rng)
    parts = [arrays[f"metadata_{name}"] for name in ("ids", "positions", "slots", "categories")]
    return (*parts, arrays["slots"])


def values(rng):
    arrays = study(rng)
    return arrays["tokens"], arrays["slots"], arrays["kinds"], normal(rng, D, CONFIG.description_width)


def proposal(rng):
    return normal(rng, D, W), normal(rng, D, W), study(rng)["slots"], normal(rng, D, CONFIG.description_width)


def vectors(rng):
    return normal(rng, W)


def images(rng):
    return normal(rng, 5, 6, 3)


def hyperparameters(rng):
    return rng.random((B, 2)).astype("float32")


def penalized(rng, x):
    """x, the hyperparameters of its rows, and the weights of their penalties."""
    return (x, hyperparameters(rng), *rng.random((2, B)).astype("float32"))


def dynamics(rng):
    """Features of a training's dynamics and the states of a recurrent controller of 6 units."""
    return normal(rng, 5), [normal(rng, 6), normal(rng, 6)]


def controller(network):
    """A controller of few features, its last layer not at zero."""
    made = Controller(ControllerConfig(("rate", "training_loss"), network, (5, 6)))
    made.head.kernel.assign(np.linspace(-1.0, 1.0, 6)[:, None])
    return made


def network():
    """A small network, as a user's."""
    x = keras.Input((W,))
    hidden = keras.layers.Dense(5, activation="tanh")(x)
    return keras.Model(x, keras.layers.Dense(3, activation="softmax", dtype="float32")(hidden))


def candidates():
    """Two candidates with outputs of one shape."""
    x = keras.Input((W,))
    return {"dense": keras.Model(x, keras.layers.Dense(3)(x)), "tanh": keras.Model(x, keras.layers.Dense(3, "tanh")(x))}


AUTOHAS = {
    "Choice": Row(lambda: Choice("block", candidates()), vectors),
    "ChannelMask": Row(lambda: ChannelMask("units", [2, W]), vectors, skipped=UNTRAINED),
    "RelaxedDropout": Row(lambda: RelaxedDropout("rate", [0.0, 0.5], seed=0), vectors, skipped=UNTRAINED),
    "MixupModel": Row(lambda: MixupModel(network(), 0.2, seed=0), vectors, output_dtype="float32"),
}
SCHEDULES = {
    "Controller, MLP": Row(lambda: controller("mlp"), lambda rng: normal(rng, 5), output_dtype="float32"),
    "Controller, LSTM": Row(lambda: controller("lstm"), dynamics, output_dtype="float32"),
}
ENSEMBLES = {
    "Bounds": Row(
        lambda: Bounds(B, [0.1, 1e-6], [0.9, 1e-2]), lambda rng: rng.random((B, P, 2)).astype("float32"),
        output_dtype="float32", skipped=UNTRAINED,
    ),
    "DeepEnsemble": Row(lambda: DeepEnsemble([network(), network()]), vectors, output_dtype="float32"),
    "HyperDeepEnsemble": Row(lambda: HyperDeepEnsemble([network(), network()]), vectors, output_dtype="float32"),
    "HyperBatchEnsemble": Row(
        lambda: HyperBatchEnsemble(network(), 2, [L2(1e-6, 1e-2)]), vectors, output_dtype="float32"
    ),
    "DenseBatchEnsemble": Row(lambda: DenseBatchEnsemble(3, 2), vectors, skipped=MEMBERS_BY_ROW),
    "DenseBatchEnsemble, one member": Row(lambda: DenseBatchEnsemble(3, 1, "tanh"), lambda rng: normal(rng, P, W)),
    "Conv2DBatchEnsemble": Row(lambda: Conv2DBatchEnsemble(4, 3, 2, 2, "same"), images, skipped=MEMBERS_BY_ROW),
    "Conv2DBatchEnsemble, one member": Row(lambda: Conv2DBatchEnsemble(4, (2, 3), 1, use_bias=False), images),
    "DenseHyperBatchEnsemble": Row(
        lambda: DenseHyperBatchEnsemble(3, 3, embedding="member"), lambda rng: penalized(rng, normal(rng, W)),
        skipped=MEMBERS_BY_ROW,
    ),
    "DenseHyperBatchEnsemble, one member": Row(
        lambda: DenseHyperBatchEnsemble(3, 1, kernel_regularizer="l2"), lambda rng: penalized(rng, normal(rng, P, W))
    ),
    "Conv2DHyperBatchEnsemble": Row(
        lambda: Conv2DHyperBatchEnsemble(4, 3, 2, tied_factors=True, regularize="shared"),
        lambda rng: penalized(rng, images(rng)), skipped=MEMBERS_BY_ROW,
    ),
    "Conv2DHyperBatchEnsemble, one member": Row(
        lambda: Conv2DHyperBatchEnsemble(4, 3, 1, strides=2, activation="relu", bias_embedding=False),
        lambda rng: penalized(rng, images(rng)),
    ),
    "Memberwise": Row(
        lambda: Memberwise(keras.layers.BatchNormalization(), 2), lambda rng: normal(rng, W), skipped=MEMBERS_BY_ROW
    ),
    "Memberwise, one member": Row(lambda: Memberwise(keras.layers.Conv1D(3, 2), 1), lambda rng: normal(rng, P, W)),
    "EnsembleDropout": Row(
        lambda: EnsembleDropout((None, 1, None), seed=0),
        lambda rng: (normal(rng, P, W), rng.random(B).astype("float32")), skipped=UNTRAINED,
    ),
}  # fmt: skip

TABLE = AUTOHAS | ENSEMBLES | SCHEDULES | {
    "Attention": Row(lambda: Attention(2), lambda rng: (normal(rng, P, W), mask(rng, P, P))),
    "Block": Row(lambda: Block(2, mlp_ratio=2), lambda rng: (normal(rng, P, W), mask(rng, P, P))),
    "Block, cross-attention": Row(
        lambda: Block(2, cross_attention=True),
        lambda rng: (normal(rng, P, W), mask(rng, P, P), None, *encoder(rng)),
    ),
    "Transformer": Row(lambda: Transformer(2, 2), lambda rng: (normal(rng, P, W), mask(rng, P, P))),
    "Transformer, queries": Row(
        lambda: Transformer(2, 2, mlp_ratio=1, cross_attention=True),
        lambda rng: (normal(rng, Q, W), mask(rng, Q, P), cache(rng, 2), *encoder(rng)),
    ),
    "BinLogits": Row(lambda: BinLogits(10, num_frequencies=6), lambda rng: normal(rng, W)),
    "MetadataEmbedding": Row(lambda: MetadataEmbedding(CONFIG), metadata),
    "ValueEmbedding": Row(lambda: ValueEmbedding(CONFIG), values),
    "ObjectiveEmbedding": Row(lambda: ObjectiveEmbedding(CONFIG), lambda rng: study(rng)["objectives"]),
    "ProposalHead": Row(lambda: ProposalHead(CONFIG), proposal, output_dtype="float32"),
    "OptFormer, decoder only": Row(lambda: OptFormer(CONFIG), study, output_dtype="float32"),
    "OptFormer, encoder-decoder": Row(lambda: OptFormer(ENCODER_DECODER), study, output_dtype="float32"),
}
