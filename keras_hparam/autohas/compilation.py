"""The end of a build function: hyperparameters of training, chosen one at a time or all at once."""

import dataclasses
from typing import Any

import keras

from keras_hparam import errors
from keras_hparam.autohas import losses
from keras_hparam.autohas.bases import Basis, continuous
from keras_hparam.autohas.mixup import MixupModel
from keras_hparam.configuration import is_integer, require
from keras_hparam.ops import optimizer_rules
from keras_hparam.spaces import relaxed


@dataclasses.dataclass(frozen=True)
class Relaxed:
    """A supernet and what it is to be trained with, as a search takes it.

    Attributes:
        model: `keras.Model` with all candidates.
        bases: dict from name to `Basis`, of architecture and hyperparameters.
        optimizers, losses, augmentations: dicts from name to Keras optimizer; loss; layer or None.
        smooths: bool, whether targets become vectors and are smoothed.
        decay_steps: int or None, steps of the cosine.
        metrics: list of metrics of the compiled model.
    """

    model: keras.Model
    bases: dict
    optimizers: dict
    losses: dict
    augmentations: dict
    smooths: bool
    decay_steps: Any
    metrics: list


def compile(
    model, hp, *, optimizer, learning_rate, loss, weight_decay=(0.0,), augmentation=None, label_smoothing=(0.0,),
    mixup=(0.0,), decay_steps=None, metrics=(),
):  # fmt: skip
    """Compiles a model with chosen hyperparameters; in a weight-sharing search, notes their candidates.

    Args:
        model: functional or Sequential `keras.Model` with one input and one output.
        hp: `kt.HyperParameters`, as the build function gets it.
        optimizer: list of "sgd", "adam", "adamw", "rmsprop", or optimizers of these classes of Keras, whose rate and
            weight decay do not matter.
        learning_rate: list of rates > 0, the basis of the rate; on a cosine, if there are `decay_steps`, of its start.
        loss: loss of Keras, or a list of them.
        weight_decay: list of floats ≥ 0, decoupled, times the rate.
        augmentation: dict from name to a layer of Keras that changes inputs in training, or None for no change. Make
            it in the build function: models that share a layer share its random state.
        label_smoothing: list of floats in [0, 1); above 0 for classes only.
        mixup: list of floats ≥ 0, α of Beta(α, α), see `MixupModel`.
        decay_steps: int ≥ 1, steps after which the rate is 0 along a cosine; None for a constant rate.
        metrics: list of metrics of Keras.

    Returns:
        The compiled model; a `Relaxed` model if `hp` is that of a weight-sharing search.

    Raises:
        InvalidArgumentError: for a model of another form, optimizers without a rule, no candidates, candidates that
            repeat, or numbers out of range.

    Source: US20210383223A1, claims 6–8 and 14.

    Example:

    ```python
    compile(model, hp, optimizer=["sgd", "adam"], learning_rate=[1e-3, 1e-2, 1e-1], weight_decay=[0, 1e-4],
            loss="sparse_categorical_crossentropy", label_smoothing=[0, 0.1])
    ```
    """
    _check_model(model)
    require("decay_steps", decay_steps, decay_steps is None or is_integer(decay_steps, 1), "None or an int >= 1")
    optimizers, named_losses = _optimizers(optimizer), _losses(loss)
    augmentations = {"none": None} if augmentation is None else augmentation
    good = isinstance(augmentations, dict) and all(map(_is_layer_or_none, augmentations.values()))
    require("augmentation", augmentations, good, "a dict from name to a layer or None")
    bases = [
        Basis("optimizer", "categorical", tuple(optimizers)),
        continuous("learning_rate", learning_rate, 1e-12),
        continuous("weight_decay", weight_decay, 0.0),
        Basis("loss", "categorical", tuple(named_losses)),
        Basis("augmentation", "categorical", tuple(augmentations)),
        continuous("label_smoothing", label_smoothing, 0.0, 1.0),
        continuous("mixup", mixup, 0.0),
    ]
    smooths = any(value > 0 for value in label_smoothing)
    if smooths and model.outputs[0].shape[-1] in (None, 1):
        raise errors.InvalidArgumentError(
            "Expected a model with an output for each class, for `label_smoothing` above 0. "
            f"Received: outputs of shape {model.outputs[0].shape}."
        )
    if relaxed.is_relaxed(hp):
        for basis in bases:
            full = hp.declare(basis.name, basis)
            require("hp", full, full == basis.name, "outside of name scopes when `compile` is called (a name is shown)")
        made = {
            name: losses.of_vectors(given) if smooths else keras.losses.get(given)
            for name, given in named_losses.items()
        }
        named = {name: dataclasses.replace(basis, name=name) for name, basis in hp.bases.items()}  # with their scopes
        return Relaxed(model, named, optimizers, made, augmentations, smooths, decay_steps, list(metrics))
    chosen = {basis.name: basis.choose(hp) for basis in bases if len(basis) > 1}
    chosen = {basis.name: basis.values[0] for basis in bases} | chosen
    return _compiled(model, chosen, optimizers, named_losses, augmentations, smooths, decay_steps, metrics)


def _compiled(model, chosen, optimizers, named_losses, augmentations, smooths, decay_steps, metrics):
    rate = chosen["learning_rate"]
    if decay_steps is not None:
        rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps)
    made = optimizers[chosen["optimizer"]]
    config = made.get_config() | {"learning_rate": rate, "weight_decay": chosen["weight_decay"] or None}
    if type(made) is keras.optimizers.AdamW:
        config["weight_decay"] = chosen["weight_decay"]
    loss = named_losses[chosen["loss"]]
    if smooths:
        loss = losses.smoothed(loss, chosen["label_smoothing"])
    layer = augmentations[chosen["augmentation"]]
    if layer is not None:
        inputs = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype)
        model = keras.Model(inputs, model(layer(inputs)))
    if chosen["mixup"] > 0:
        model = MixupModel(model, chosen["mixup"])
    model.compile(type(made).from_config(config), loss, metrics=list(metrics))
    return model


def _is_layer_or_none(value):
    return value is None or isinstance(value, keras.layers.Layer)


def _check_model(model):
    good = isinstance(model, keras.Model) and hasattr(model, "inputs") and model.inputs
    require("model", model, good, "a functional `keras.Model`, or a Sequential one with an `Input`")
    sizes = (len(model.inputs), len(model.outputs))
    require("model", sizes, sizes == (1, 1), "a model with one input and one output (numbers of them are shown)")


def _optimizers(given):
    """Dict from name to Keras optimizer."""
    require(
        "optimizer", given, isinstance(given, list | tuple) and len(given) > 0, "a list of optimizers, at least one"
    )
    found = {}
    for one in given:
        try:
            optimizer = keras.optimizers.get(one)
        except (ValueError, TypeError) as error:
            raise errors.InvalidArgumentError(f"Expected `optimizer` to be of Keras. Received: {one!r}.") from error
        optimizer_rules.of(optimizer)
        require("optimizer", one, not isinstance(one, str) or given.count(one) == 1, "optimizers that do not repeat")
        name = one if isinstance(one, str) else type(one).__name__.lower()  # the name of an instance counts instances
        number = sum(known.split("_")[0] == name for known in found)
        found[f"{name}_{number + 1}" if number else name] = optimizer
    return found


def _losses(given):
    """Dict from name to loss as given."""
    given = given if isinstance(given, list | tuple) else [given]
    require("loss", given, len(given) > 0, "a loss, or a list of at least one")
    found = {}
    for one in given:
        name = losses.name_of(one)
        require("loss", name, name not in found, "losses whose names differ")
        found[name] = one
    return found
