"""What each layer of a user's Keras model becomes in an ensemble."""

import keras

from keras_hparam import errors

CONVERSIONS = ("hyper_batch", "batch", "independent", "shared")
CONVERTIBLE = (keras.layers.Dense, keras.layers.Conv2D)
OPTIONS = ("tied_factors", "embedding", "bias_embedding", "regularize")


def walk(model, path="", seen=None):
    """Yields (path, layer) of every layer, those of nested models included, each once, in the order of the graph."""
    seen = set() if seen is None else seen
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer) or id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.Model):
            yield from walk(layer, f"{path}{layer.name}/", seen)
        else:
            yield path + layer.name, layer


def check_model(model):
    """The model itself, if it can be converted: a built Sequential or functional model.

    Raises:
        InvalidArgumentError: otherwise.
    """
    if not isinstance(model, keras.Model) or not hasattr(functional(model), "operations"):
        raise errors.InvalidArgumentError(
            "Expected `model` to be a Sequential or functional Keras model with known input shapes (build it, or begin "
            f"it with keras.Input). Received: {model!r}."
        )
    return model


def functional(model):
    """The model as a functional one: a Sequential holds one once it is built."""
    return getattr(model, "_functional", model) if isinstance(model, keras.Sequential) else model


def plan(model, layers, with_hyperparameters):
    """How each layer is converted.

    Args:
        model: the user's model.
        layers: dict from a layer's name, or its path through nested models, to one of `CONVERSIONS`; by default Dense
            and Conv2D become "hyper_batch" ("batch" without hyperparameters), BatchNormalization "independent", layers
            without weights "shared".
        with_hyperparameters: bool.

    Returns:
        dict from path to conversion.

    Raises:
        InvalidArgumentError: for a name that the model lacks, a conversion that the layer does not have, or a layer
            with weights for which there is no default.
    """
    found, layers = {}, dict(layers or {})
    used = set()
    for path, layer in walk(model):
        names = [name for name in (layer.name, path) if name in layers]
        used |= set(names)
        default = _default(layer, with_hyperparameters)
        found[path] = _check_conversion(layer, layers[names[-1]] if names else default, with_hyperparameters)
    if set(layers) - used:
        raise errors.InvalidArgumentError(
            f"Expected `layers` to name layers of the model, of {sorted(found)}. "
            f"Received: {sorted(set(layers) - used)}."
        )
    if with_hyperparameters and "hyper_batch" not in found.values():
        raise errors.InvalidArgumentError(
            "Expected at least one Dense or Conv2D layer that becomes a hyper-batch layer: without it, hyperparameters "
            f"have no effect on the outputs. Received: {found}."
        )
    return found


def check_options(options):
    """The options of the ensemble layers as a dict.

    Raises:
        InvalidArgumentError: for names that are none.
    """
    options = dict(options or {})
    if set(options) - set(OPTIONS):
        raise errors.InvalidArgumentError(
            f"Expected `layer_options` to be some of {OPTIONS}. Received: {sorted(options)}."
        )
    return options


def targets(model, conversions):
    """(paths of the layers with ensemble kernels, paths of the Dropout layers)."""
    kernels = tuple(path for path, conversion in conversions.items() if conversion in ("hyper_batch", "batch"))
    dropouts = tuple(path for path, layer in walk(model) if isinstance(layer, keras.layers.Dropout))
    return kernels, dropouts


def output_names(model):
    """Names of the outputs, by which losses may be given: the keys where the outputs are a dict, else the layers'."""
    structure = functional(model).output
    return tuple(sorted(structure)) if isinstance(structure, dict) else tuple(functional(model).output_names)


def _default(layer, with_hyperparameters):
    if type(layer) in CONVERTIBLE:  # a subclass may compute something else
        return "hyper_batch" if with_hyperparameters else "batch"
    if isinstance(layer, keras.layers.BatchNormalization):
        return "independent"
    return None if layer.weights else "shared"


def _check_conversion(layer, conversion, with_hyperparameters):
    kind = type(layer).__name__
    if conversion is None:
        raise errors.InvalidArgumentError(
            f"Expected layers of kinds that have an ensemble form (Dense, Conv2D, BatchNormalization, layers without "
            f'weights), or "independent" or "shared" in `layers`. Received: the layer {layer.name!r}, a {kind}; '
            f'layers={{"{layer.name}": "independent"}} gives each member its own copy of it.'
        )
    if conversion not in CONVERSIONS:
        raise errors.InvalidArgumentError(
            f"Expected conversions in `layers` to be of {CONVERSIONS}. Received: {conversion!r} for {layer.name!r}."
        )
    if conversion in ("hyper_batch", "batch") and type(layer) not in CONVERTIBLE:
        raise errors.InvalidArgumentError(
            f'Expected a Dense or Conv2D layer for "{conversion}". Received: {layer.name!r}, a {kind}.'
        )
    if conversion == "hyper_batch" and not with_hyperparameters:
        raise errors.InvalidArgumentError(
            f'Expected `hyperparameters` for "hyper_batch" layers. Received: none, with {layer.name!r} chosen.'
        )
    return conversion
