"""Any Keras layer for the members of an ensemble: K copies with weights of their own, each for its member's rows.

Axes: N rows (member-major: the first ⌈N/K⌉ are member 0's, and so on), K members.
"""

import inspect
import json

import keras
from keras import ops

from keras_hparam import errors
from keras_hparam.ensembles.products import positive_integer
from keras_hparam.ops.member_rows import cut_rows


@keras.saving.register_keras_serializable(package="keras_hparam")
class Memberwise(keras.layers.Layer):
    """K independent copies of a layer; the rows of a batch go through the copy of the member to which they belong.

    The copies are made from the layer's configuration, each with initial weights of its own (numbers that are seeds are
    raised by the member's index); `members` lists them. Losses of the copies, such as those of regularizers, add up.

    A member that a batch leaves without rows is shown the batch's last row, and what it answers is dropped.

    Args:
        layer: `keras.layers.Layer` of one input, whose first axis is the rows; its own weights are not used.
        ensemble_size: int ≥ 1, K.

    Raises:
        InvalidArgumentError: if `layer` is no layer, or `ensemble_size` is below 1.

    Example:

    ```python
    layer = Memberwise(keras.layers.BatchNormalization(), ensemble_size=4)
    y = layer(keras.ops.tile(x, (4, 1)), training=True)  # each member has its own statistics
    ```
    """

    def __init__(self, layer, ensemble_size, **kwargs):
        if not isinstance(layer, keras.layers.Layer):
            raise errors.InvalidArgumentError(f"Expected `layer` to be a keras.layers.Layer. Received: {layer!r}.")
        super().__init__(autocast=False, **{"dtype": layer.dtype_policy} | kwargs)
        self.ensemble_size = positive_integer("ensemble_size", ensemble_size)
        self._serialized = json.dumps(keras.saving.serialize_keras_object(layer))
        self.members = [_member(self._serialized, index) for index in range(self.ensemble_size)]
        self.supports_masking = layer.supports_masking
        self._accepted = set(inspect.signature(layer.call).parameters) & {"mask", "training"}

    def build(self, x_shape):
        if not x_shape or not all(isinstance(size, int | None) for size in x_shape):
            raise errors.InvalidArgumentError(f"Expected one input of shape [N, …]. Received: shape {x_shape}.")
        for member in self.members:
            member.build((None, *x_shape[1:]))
        self.built = True

    def call(self, x, mask=None, training=None):
        rows = ops.shape(x)[0]
        size = (rows + self.ensemble_size - 1) // self.ensemble_size
        outputs = []
        for index, member in enumerate(self.members):
            part = _part(index, size, rows)
            arguments = self._arguments(None if mask is None else mask[part], training)
            outputs.append(member(x[part], **arguments))
        return keras.tree.map_structure(lambda *parts: cut_rows(ops.concatenate(parts), rows), *outputs)

    def _arguments(self, mask, training):
        return {name: value for name, value in (("mask", mask), ("training", training)) if name in self._accepted}

    def compute_output_spec(self, x, mask=None, training=None):
        return self.members[0].compute_output_spec(x, **self._arguments(mask, training))

    def compute_output_shape(self, x_shape):
        return self.members[0].compute_output_shape(x_shape)

    def compute_mask(self, x, previous_mask):
        return self.members[0].compute_mask(x, previous_mask)

    def get_config(self):
        layer = json.loads(self._serialized)
        return {**super().get_config(), "layer": layer, "ensemble_size": self.ensemble_size}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})


def _member(serialized, index):
    """The layer anew, unbuilt, with a name and random numbers of its own."""
    config = json.loads(serialized)
    config.pop("build_config", None)
    config["config"]["name"] = f"{config['config']['name']}_member_{index}"
    return keras.saving.deserialize_keras_object(_reseeded(config, index))


def _reseeded(config, index):
    """The configuration with each number under the key "seed" raised by the index."""
    if isinstance(config, list):
        return [_reseeded(value, index) for value in config]
    if not isinstance(config, dict):
        return config
    return {
        key: value + index if key == "seed" and isinstance(value, int) else _reseeded(value, index)
        for key, value in config.items()
    }


def _part(index, size, rows):
    """Where the member's rows are, as a slice: at least one row, the last of all if it has none of its own."""
    least, most = (min, max) if isinstance(rows, int) else (ops.minimum, ops.maximum)
    start = most(least(index * size, rows - 1), 0)
    return slice(start, most(least(start + size, rows), start + 1))
