"""Layers made again from their configuration, as a file or another process makes them."""

import contextlib
import json
import re

import keras

from keras_hparam.testing.structures import arguments, require


def name_of(layer):
    """The name of a layer or a function, for messages."""
    return getattr(layer, "name", None) or getattr(layer, "__name__", type(layer).__name__)


@contextlib.contextmanager
def attempt(what):
    """An exception of what the layer should be able to do is a failure of the check."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{what}. Received: {type(error).__name__}: {error}") from error


def config_of(layer):
    """The layer's serialized form as JSON text."""
    with attempt(f"{name_of(layer)}: expected `get_config` to give JSON values"):
        return json.dumps(keras.saving.serialize_keras_object(layer), sort_keys=True)


def restored(layer):
    """A layer made from the JSON text of another, as a file or another process would."""
    config = json.loads(config_of(layer))
    hint = "is it decorated with keras.saving.register_keras_serializable, and does `__init__` take every key?"
    with attempt(f"{name_of(layer)}: expected its configuration to make the layer again ({hint})"):
        return keras.saving.deserialize_keras_object(config)


def copied(layer, inputs):
    """A built layer from another's configuration, with its weights."""
    clone = restored(layer)
    clone(*arguments(inputs))
    expected, received = ([(_path(v), tuple(v.shape)) for v in one.variables] for one in (layer, clone))
    require(
        expected == received,
        f"{name_of(layer)}: expected variables {expected} from its configuration. Received: {received}.",
    )
    clone.set_weights(layer.get_weights())
    return clone


def _path(variable):
    """Where a variable is; Keras numbers the generators of random seeds on and on, whatever they belong to."""
    return re.sub(r"^seed_generator(_\d+)?/", "seed_generator/", variable.path)
