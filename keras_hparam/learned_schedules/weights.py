"""The weights of a controller with its configuration: saved to a directory, loaded from one or by a shipped name."""

import base64
import json

import numpy as np
from keras import ops

from keras_hparam import checkpoints, errors
from keras_hparam.checkpoints import npz
from keras_hparam.learned_schedules.config import ControllerConfig
from keras_hparam.learned_schedules.controller import KIND, Controller


def save(directory, controller, **facts):
    """Writes a directory that `load` reads.

    Args:
        directory: path; replaced if it holds an earlier save.
        controller: `Controller`.
        **facts: what the manifest says about the training: flag_file, seed, figures, …; plain JSON values.

    Raises:
        InvalidArgumentError: if the weights are not finite.

    Example:

    ```python
    save("weights/untrained", Controller(), seed=0)
    controller = load("weights/untrained")
    ```
    """
    checkpoints.save_weights(directory, _arrays(controller), controller.config.to_dict(), kind=KIND, **facts)


def load(source):
    """The `Controller` of a shipped name or a directory.

    Args:
        source: a name of `keras_hparam.checkpoints.shipped()`, or a directory that `save` wrote.

    Raises:
        InvalidArgumentError: for an unknown name.
        CorruptFileError: for truncated, altered or foreign files.
    """
    loaded = checkpoints.load_weights(source, kind=KIND)
    return _made(loaded.config, loaded.weights, source)


def to_text(controller):
    """The controller as a JSON text, which a Keras configuration can hold."""
    content = base64.b64encode(npz.to_bytes(_arrays(controller))).decode("ascii")
    return json.dumps({"config": controller.config.to_dict(), "weights": content})


def from_text(text):
    """The `Controller` of `to_text`.

    Raises:
        CorruptFileError: for another text.
    """
    try:
        found = json.loads(text)
        config, content = found["config"], base64.b64decode(found["weights"], validate=True)
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        raise errors.CorruptFileError(f"Expected the text of a controller. Received: {str(text)[:80]!r}.") from error
    return _made(config, npz.from_bytes(content, "the controller's weights"), "a text")


def _arrays(controller):
    named = zip(_names(controller), controller.weights, strict=True)
    return {name: ops.convert_to_numpy(weight) for name, weight in named}


def _names(controller):
    """Names of the weights that do not depend on the controller's own name."""
    return [weight.path.removeprefix(f"{controller.name}/") for weight in controller.weights]


def _made(config, arrays, source):
    """The controller of a configuration and weights, checked."""
    try:
        controller = Controller(ControllerConfig.from_dict(config))
    except errors.InvalidArgumentError as error:
        raise errors.CorruptFileError(f"Expected a controller in {source!r}. Received: {error}") from error
    names = _names(controller)
    shapes = {name: tuple(weight.shape) for name, weight in zip(names, controller.weights, strict=True)}
    found = {name: np.shape(array) for name, array in arrays.items()}
    if found != shapes:
        raise errors.CorruptFileError(f"Expected weights of the shapes {shapes} in {source!r}. Received: {found}.")
    controller.set_weights([arrays[name] for name in names])
    return controller
