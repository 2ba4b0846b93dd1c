"""A user's Keras model as one network for K members: layers replaced, λ led to those that use it.

The graph of the model is run once more, symbolically, on tiled inputs [K·n, …] (rows k·n…(k+1)·n−1 belong to member k)
with two more inputs: the hyperparameters as they are embedded, and as they are, both [K·n, P].
"""

import dataclasses

import keras
from keras import ops, tree

from keras_hparam import errors
from keras_hparam.ensembles.batch_layers import Conv2DBatchEnsemble, DenseBatchEnsemble
from keras_hparam.ensembles.columns import index_of
from keras_hparam.ensembles.conversion_plan import functional, walk
from keras_hparam.ensembles.dropout import EnsembleDropout
from keras_hparam.ensembles.hyper_batch_layers import Conv2DHyperBatchEnsemble, DenseHyperBatchEnsemble
from keras_hparam.ensembles.hyperparameters import L2, DropoutRate
from keras_hparam.ensembles.memberwise import Memberwise

_KERNELS = ("kernel_initializer", "bias_initializer", "kernel_regularizer", "activation", "use_bias")
_DENSE = ("units", *_KERNELS)
_CONV2D = ("filters", "kernel_size", "strides", "padding", "dilation_rate", "data_format", *_KERNELS)
_SHARED = ("factor_initializer", "regularize")  # options that batch ensemble layers have as well
_ENSEMBLE_LAYERS = {
    ("Dense", "hyper_batch"): (DenseHyperBatchEnsemble, _DENSE),
    ("Dense", "batch"): (DenseBatchEnsemble, _DENSE),
    ("Conv2D", "hyper_batch"): (Conv2DHyperBatchEnsemble, _CONV2D),
    ("Conv2D", "batch"): (Conv2DBatchEnsemble, _CONV2D),
}


@dataclasses.dataclass(frozen=True)
class Part:
    """A layer of the user's model and what it became.

    Attributes:
        path: str, names of the nested models that lead to the layer, then its own, joined by "/".
        original, converted: the layers.
        conversion: one of `CONVERSIONS`.
    """

    path: str
    original: keras.layers.Layer
    converted: keras.layers.Layer
    conversion: str


@dataclasses.dataclass(frozen=True)
class Converted:
    """The user's model, apart from what Keras tracks, and its layers' `Part`s.

    Attributes:
        model: the user's model.
        parts: tuple of `Part`.
    """

    model: keras.Model
    parts: tuple

    def flat_inputs(self, inputs):
        """The inputs as a list in the order of the model's, from what its call takes: a dict goes by names."""
        if isinstance(inputs, dict):
            names = [x.name for x in self.model.inputs]
            if set(inputs) != set(names) and len(inputs) == len(names):
                return tree.flatten(inputs)
            return [ops.convert_to_tensor(inputs[name]) for name in names]
        return [ops.convert_to_tensor(x) for x in tree.flatten(inputs)]


def convert(model, ensemble_size, conversions, columns, options):
    """The network of all members.

    Args:
        model: the user's model.
        ensemble_size: int, K.
        conversions: what `plan` gave.
        columns: P `Column`s.
        options: dict with further arguments of the ensemble layers.

    Returns:
        (network, parts): a functional model with the inputs [*inputs of the model, encoded [K·n, P], values [K·n, P]]
        (the last two only where there are columns), and the list of `Part`s.
    """
    inputs = [keras.Input(batch_shape=(None, *x.shape[1:]), dtype=x.dtype, name=x.name) for x in model.inputs]
    encoded, values = _hyperparameter_inputs(len(columns))
    parts, made = [], {}
    paths = {id(layer): path for path, layer in walk(model)}

    def call(operation, *args, **kwargs):
        if isinstance(operation, keras.Model):
            return run(operation, args[0] if args else kwargs["inputs"])
        if not isinstance(operation, keras.layers.Layer):
            return operation(*args, **kwargs)  # an operation of keras.ops
        path, is_new = paths[id(operation)], id(operation) not in made
        if is_new:
            layer = _convert_layer(operation, path, ensemble_size, conversions[path], columns, options)
            layer.trainable = operation.trainable
            parts.append(Part(path, operation, layer, conversions[path]))
            made[id(operation)] = layer
        arguments = _hyperparameters_of(made[id(operation)], path, columns, encoded, values, penalized=is_new)
        return made[id(operation)](*args, **kwargs, **arguments)

    def run(nested, tensors):
        # The one private call: Keras offers no public way to run a functional model's graph with other operations.
        return functional(nested)._run_through_graph(tensors, call_fn=call)

    outputs = run(model, inputs)
    extra = [encoded, values] if columns else []
    return keras.Model([*inputs, *extra], outputs, name=f"{model.name}_members"), parts


def _hyperparameter_inputs(size):
    if not size:
        return None, None
    names = ("encoded_hyperparameters", "hyperparameters")
    return tuple(keras.Input((size,), dtype="float32", name=name) for name in names)


def _convert_layer(layer, path, ensemble_size, conversion, columns, options):
    if isinstance(layer, keras.layers.Dropout) and index_of(columns, DropoutRate, path) is not None:
        common = {"name": layer.name, "dtype": layer.dtype_policy}
        return EnsembleDropout(noise_shape=layer.noise_shape, seed=layer.seed, **common)
    if conversion == "shared":
        return type(layer).from_config(layer.get_config())
    if conversion == "independent":
        return Memberwise(type(layer).from_config(layer.get_config()), ensemble_size, name=layer.name)
    made_of, names = _ENSEMBLE_LAYERS[type(layer).__name__, conversion]
    for name in ("kernel_constraint", "bias_constraint", "bias_regularizer", "activity_regularizer", "lora_rank"):
        if getattr(layer, name, None) is not None:
            raise errors.InvalidArgumentError(
                f"Expected layers without `{name}`, which has no ensemble form. Received: one in {layer.name!r}."
            )
    if getattr(layer, "groups", 1) != 1:
        raise errors.InvalidArgumentError(f"Expected groups=1. Received: groups={layer.groups} in {layer.name!r}.")
    config = {name: _fresh(getattr(layer, name)) for name in names}
    if index_of(columns, L2, path) is not None:
        config["kernel_regularizer"] = None  # what the ensemble varies replaces what the model had fixed
    config |= {name: _fresh(value) for name, value in options.items() if conversion == "hyper_batch" or name in _SHARED}
    config |= {"name": layer.name, "dtype": layer.dtype_policy}
    return made_of(**config, ensemble_size=ensemble_size)


def _fresh(value):
    """The value, or for an initializer a copy of it: one instance draws the same numbers each time."""
    if isinstance(value, keras.initializers.Initializer):
        return value.clone() if hasattr(value, "clone") else type(value).from_config(value.get_config())
    return value


def _hyperparameters_of(layer, path, columns, encoded, values, penalized):
    """The further arguments of a call to the layer; a layer that is called several times is penalised once."""
    arguments = {}
    if isinstance(layer, DenseHyperBatchEnsemble | Conv2DHyperBatchEnsemble):
        arguments["lambdas"] = encoded
    if isinstance(layer, EnsembleDropout):
        arguments["rate"] = values[:, index_of(columns, DropoutRate, path)]
    index = index_of(columns, L2, path)
    if index is not None and penalized:
        arguments["l2"] = values[:, index]
        if columns[index].hyperparameter.bias and layer.use_bias:
            arguments["bias_l2"] = values[:, index]
    return arguments
