"""`HyperBatchEnsemble`: a user's Keras model as an ensemble whose members share weights and differ in hyperparameters.

Axes: K members, n examples, P columns of hyperparameters.
"""

import keras
import numpy as np
from keras import ops, tree

from keras_hparam import errors
from keras_hparam.ensembles import conversion, conversion_plan, folding, outputs
from keras_hparam.ensembles.bounds import Bounds
from keras_hparam.ensembles.columns import columns
from keras_hparam.ensembles.initializers import RandomSigns
from keras_hparam.ensembles.prediction import MemberPredictions
from keras_hparam.ensembles.training_steps import TrainingSteps


@keras.saving.register_keras_serializable(package="keras_hparam")
class HyperBatchEnsemble(TrainingSteps, MemberPredictions, keras.Model):
    """An ensemble of K members with shared kernels, each with its own factors, biases and hyperparameters.

    The kernel of member k is W ∘ (r_k s_kᵀ) + [Δ ∘ (u_k v_kᵀ)] ∘ e(λ)ᵀ: W and Δ are shared, e is an embedding of the
    hyperparameters λ. A training step samples λ for every member and example from the member's distributions, and
    updates the weights. Every few steps a tuning step moves the bounds of the distributions by the gradient of the
    loss on held-out data. Afterwards λ is the mean of each distribution (Wenzel et al. 2020, arXiv 2006.13570).

    Called on inputs [n, …] it gives the ensemble's output, in the form of one member's output: probabilities and
    points are averaged, of logits the probabilities are (and come back as logits), Gaussians are mixed.

    Args:
        model: built Sequential or functional Keras model: its architecture; its weights are not used. Dense and Conv2D
            layers are converted, BatchNormalization gets one copy per member, layers without weights stay.
        ensemble_size: int >= 1, K.
        hyperparameters: list of `L2`, `DropoutRate`, `LabelSmoothing`, `LossWeight`, each with the range in which the
            members find their values. An empty one gives a batch ensemble, whose members differ in factors and biases.
        layers: dict from a layer's name to "hyper_batch", "batch" (factors alone), "independent" (each member has its
            own copy) or "shared", for those that are to be converted in another way.
        layer_options: dict with further arguments of the ensemble layers: "tied_factors", "embedding",
            "bias_embedding" and "regularize", see `DenseHyperBatchEnsemble`.
        combination: "mean" or "trimmed_mean", how the members' outputs are combined.
        trim: int >= 1, how many outliers a trimmed mean leaves out.
        seed: int, of the hyperparameters' samples.
        factor_initializer: of the members' factors r, s, u and v; None for `RandomSigns()`.
        encoding: "centered" or "unit", how the layers see the hyperparameters, see `Bounds.encode`.
        output_kinds: how each output is combined, of `outputs.OUTPUT_KINDS`; None for what the loss says, or the mean.

    Raises:
        InvalidArgumentError: if K < 1, for hyperparameters out of range, or a layer that cannot be converted (named).

    Example:

    ```python
    ensemble = kh.ensembles.HyperBatchEnsemble.from_model(
        model, ensemble_size=4, hyperparameters=[kh.ensembles.L2(1e-6, 1e-2), kh.ensembles.DropoutRate(0.01, 0.5)]
    )
    ensemble.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    ensemble.fit(x, y, epochs=10, validation_data=(x_val, y_val), tuning_data=(x_tune, y_tune))
    ensemble.predict(x_test), ensemble.uncertainty(x_test, "mutual_information"), ensemble.save("ensemble.keras")
    ```
    """

    def __init__(
        self, model, ensemble_size, hyperparameters=(), *, layers=None, layer_options=None, combination="mean",
        trim=1, seed=0, factor_initializer=None, encoding="centered", output_kinds=None, **kwargs,
    ):  # fmt: skip
        self.options = None  # Keras asks for the metrics while it is made
        super().__init__(**kwargs)
        conversion_plan.check_model(model)
        if not isinstance(ensemble_size, int) or isinstance(ensemble_size, bool) or ensemble_size < 1:
            raise errors.InvalidArgumentError(
                f"Expected `ensemble_size` to be an int >= 1. Received: {ensemble_size!r}."
            )
        outputs.combine(np.zeros((ensemble_size, 1)), "point", combination, trim)  # refuses what does not fit
        self.ensemble_size, self.combination, self.trim, self.seed = ensemble_size, combination, trim, seed
        if not isinstance(hyperparameters, list | tuple):
            raise errors.InvalidArgumentError(
                f"Expected `hyperparameters` to be a list, such as [L2(1e-6, 1e-2)]. Received: {hyperparameters!r}."
            )
        self.encoding = encoding
        self.factor_initializer = keras.initializers.get(factor_initializer or RandomSigns())
        self.hyperparameters, self.conversions = tuple(hyperparameters), dict(layers or {})
        self.layer_options = conversion_plan.check_options(layer_options)
        plan = conversion_plan.plan(model, self.conversions, bool(self.hyperparameters))
        self.output_names = conversion_plan.output_names(model)
        self.columns = tuple(columns(self.hyperparameters, *conversion_plan.targets(model, plan), self.output_names))
        options = self.layer_options | {"factor_initializer": self.factor_initializer}
        self.network, parts = conversion.convert(model, ensemble_size, plan, self.columns, options)
        self.converted = conversion.Converted(model, tuple(parts))
        limits = [(column.hyperparameter.low, column.hyperparameter.high) for column in self.columns]
        self.bounds = Bounds(ensemble_size, *zip(*limits, strict=True), encoding, name="bounds") if limits else None
        self.output_kinds = tuple(output_kinds or ["point"] * len(self.network.outputs))
        self.losses_of_members, self.tuning_tensors, self.tuning_batch_size = None, None, None
        # Symbolically, so that Keras knows the inputs and can export the model.
        self.output_specs = self(conversion_plan.functional(model).input)

    @classmethod
    def from_model(cls, model, ensemble_size, hyperparameters=(), **kwargs):
        """The ensemble of a model's architecture; the arguments are those of the class."""
        return cls(model, ensemble_size, hyperparameters, **kwargs)

    @property
    def output_kind(self):
        """The kind of the first output, of `outputs.OUTPUT_KINDS`."""
        return self.output_kinds[0]

    def call(self, inputs, training=False):
        return self.combine(self.run(inputs, training)[0])

    def members(self, inputs, training=False):
        """The members' outputs [n, K, …] (or a structure of these) at the mean of each hyperparameter's distribution.

        Args:
            inputs: what the model takes, [n, …].
            training: bool.
        """
        return tree.map_structure(lambda member: ops.moveaxis(member, 0, 1), self.run(inputs, training)[0])

    def run(self, inputs, training=False, uniform=None):
        """One pass of the inputs through all members.

        Args:
            inputs: what the model takes, [n, …].
            training: bool.
            uniform: [K, n, P] numbers in [0, 1) that sample λ; None for the mean of each distribution.

        Returns:
            (outputs, values): [K, n, …] or a structure of these, and λ [K, n, P] (None without hyperparameters).
        """
        size, values = self.ensemble_size, None
        flat = self.converted.flat_inputs(inputs)
        tiled = [ops.tile(x, (size, *[1] * (len(x.shape) - 1))) for x in flat]  # [K·n, …], member-major
        if self.bounds is not None:
            values = self.bounds(uniform) if uniform is not None else self._fixed(ops.shape(flat[0])[0])
            rows = (-1, len(self.columns))
            tiled += [ops.reshape(self.bounds.encode(values), rows), ops.reshape(values, rows)]
        found = self.network(tiled, training=training)
        return tree.map_structure(lambda y: ops.reshape(y, (size, -1, *y.shape[1:])), found), values

    def _fixed(self, examples):
        return ops.broadcast_to(self.bounds.mean()[:, None], (self.ensemble_size, examples, len(self.columns)))

    def combine(self, members):
        """The ensemble's output from the members' [K, n, …], in the form of one member's."""
        combined = [
            outputs.combine(member, kind, self.combination, self.trim)
            for member, kind in zip(tree.flatten(members), self.output_kinds, strict=True)
        ]
        return tree.pack_sequence_as(members, combined)

    def fold(self):
        """K plain Keras models of the architecture that was given, with the members' outputs and no further cost.

        Returns:
            list of K models; `DeepEnsemble(models, output_kind=...)` makes one of them again.
        """
        encoded = None
        if self.bounds is not None:
            encoded = ops.convert_to_numpy(self.bounds.encode(self.bounds.mean()))  # [K, P]
        return folding.fold(self.converted, encoded, self.ensemble_size)

    def build(self, input_shape=None):
        self.built = True

    def get_config(self):
        names = ("ensemble_size", "combination", "trim", "seed", "encoding", "output_kinds")
        config = {name: getattr(self, name) for name in names}
        config["factor_initializer"] = keras.saving.serialize_keras_object(self.factor_initializer)
        config["model"] = keras.saving.serialize_keras_object(self.converted.model)
        config["hyperparameters"] = [keras.saving.serialize_keras_object(one) for one in self.hyperparameters]
        return {"name": self.name, "layers": self.conversions, "layer_options": self.layer_options, **config}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("model", "hyperparameters", "factor_initializer"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)

    def get_compile_config(self):
        config = super().get_compile_config()
        if not config:
            return config
        return {"keras": config, "options": self.options.get_config()}

    def compile_from_config(self, config):
        arguments, options = (keras.saving.deserialize_keras_object(config[name]) for name in ("keras", "options"))
        self.compile(**arguments, **options)
        self.optimizer.build(self.trainable_variables)
