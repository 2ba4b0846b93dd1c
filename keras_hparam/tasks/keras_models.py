"""What has to be known of a Keras model whose weights many networks have their own of."""

import inspect

import keras
from keras import ops

from keras_hparam import errors
from keras_hparam.configuration import require
from keras_hparam.tasks.data import DataSet


def seeded(build_model, seed):
    """The model that a function builds after a seed."""
    keras.utils.set_random_seed(seed)
    model = build_model()
    require("build_model", model, isinstance(model, keras.Model), "a callable that gives a `keras.Model`")
    return model


def in_training(model, x):
    """What the model gives in a step of `fit`, which also tells a model of another class's layers that it is one."""
    return model(x, training=True) if "training" in inspect.signature(model.call).parameters else model(x)


def initial_weights(build_model, shape, shapes, seed):
    """Trained variables of a model that is built anew."""
    model = seeded(build_model, seed)
    if not model.built:
        symbolic_outputs(model, shape)
    weights = [ops.convert_to_numpy(variable) for variable in model.trainable_variables]
    found = [weight.shape for weight in weights]
    require("build_model", found, found == shapes, f"a callable that always gives variables of the shapes {shapes}")
    return weights


def input_shape(model, sources):
    """The shape of an example: that of the first data set, which has to fit the model, else what the model says."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) > 1:
        raise errors.InvalidArgumentError(
            f"Expected `build_model` to give a model with one input. Received: {[one.name for one in inputs]}."
        )
    wanted = tuple(inputs[0].shape[1:]) if inputs else None
    given = [source.x.shape[1:] for source in sources if isinstance(source, DataSet)]
    if not given and (wanted is None or None in wanted):
        raise errors.InvalidArgumentError(
            "Expected `build_model` to give a model of a known input shape, or a `DataSet` among `sources`. "
            f"Received: {model.name!r}, {'not built' if wanted is None else wanted}."
        )
    shape = given[0] if given else wanted
    if wanted and (len(wanted) != len(shape) or any(a not in (None, b) for a, b in zip(wanted, shape, strict=True))):
        raise errors.InvalidArgumentError(
            f"Expected `sources` with x [n, …] of the model's input shape {wanted}. Received: {shape}."
        )
    return shape


def symbolic_outputs(model, shape):
    """What the model gives for examples of a shape; it is built by that."""
    try:
        return in_training(model, keras.KerasTensor((None, *shape), dtype="float32"))
    except (ValueError, TypeError) as error:
        raise errors.InvalidArgumentError(
            f"Expected `sources` with x [n, …] that the model {model.name!r} takes. Received: {shape} ({error})."
        ) from error


def outputs_number(model, shape):
    """O of a model that gives [n, O] for examples of a shape."""
    outputs = symbolic_outputs(model, shape)
    if not isinstance(outputs, keras.KerasTensor) or len(outputs.shape) != 2 or outputs.shape[-1] is None:
        found = keras.tree.map_structure(lambda one: tuple(one.shape), outputs)
        raise errors.InvalidArgumentError(
            f"Expected `build_model` to give a model with one output [n, O]. Received: {found}."
        )
    return outputs.shape[-1]


def refuse_layers(model):
    """Refuses layers whose state or loops the networks cannot have each for itself."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN):
            raise errors.InvalidArgumentError(
                f"Expected `build_model` to give a model without recurrent layers. Received: {layer.name!r}."
            )
        if layer._seed_generators:
            raise errors.InvalidArgumentError(
                "Expected `build_model` to give a model without layers that draw random numbers, such as Dropout. "
                f"Received: {layer.name!r}, a {type(layer).__name__}."
            )
