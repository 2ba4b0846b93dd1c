"""`DeepEnsemble`: separate networks whose outputs are combined.

Axes: K members, n examples.
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.ensembles import outputs
from keras_hparam.ensembles.prediction import MemberPredictions


@keras.saving.register_keras_serializable(package="keras_hparam")
class DeepEnsemble(MemberPredictions, keras.Model):
    """An ensemble of separate, usually trained, networks.

    Called on inputs [n, …] it gives an output of the form of one member's output, which the members' loss and metrics
    fit: probabilities and points are averaged, of logits the probabilities are (and come back as logits), Gaussians are
    mixed. Compile it to evaluate it. Members may differ in architecture, but not in the shapes of input and output.

    Args:
        members: list of K >= 1 different `keras.Model`s of one output each. They are shared, not copied; a file keeps
            their architectures and weights, not their optimizers.
        weights: None for equal ones, or K numbers >= 0, of which not all are 0; they are divided by their sum.
        output_kind: one of `outputs.OUTPUT_KINDS`; None for what the loss says that the members are compiled with, and
            "probabilities" where none is.
        combination: "mean" or "trimmed_mean" (which leaves out the outliers).
        trim: int in 0..(K − 1) // 2, how many outliers of each element a trimmed mean leaves out.
        **kwargs: of every Keras model, such as `name`.

    Attributes:
        networks: the list of members.
        member_weights: tuple of K floats that sum to 1, or None for equal ones.

    Raises:
        InvalidArgumentError: if an argument is none of these, or members do not fit together (the member is named).

    Source: Lakshminarayanan et al. 2017, arXiv 1612.01474.

    Example:

    ```python
    ensemble = kh.ensembles.DeepEnsemble([train(seed) for seed in range(4)])
    ensemble.predict(x), ensemble.predict_members(x), ensemble.uncertainty(x, "mutual_information")
    ensemble.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    ensemble.evaluate(x, y), ensemble.save("ensemble.keras")
    ```
    """

    def __init__(self, members, weights=None, output_kind=None, combination="mean", trim=1, **kwargs):
        super().__init__(**kwargs)
        self.networks = _checked_networks(members)
        self.member_weights = _normalized(weights, len(self.networks))
        self.output_kind = output_kind_of(self.networks) if output_kind is None else output_kind
        self.combination, self.trim = combination, trim
        outputs.checked_members(np.zeros((1, 1, 2)), self.output_kind)
        points = np.zeros((len(self.networks), 1))
        outputs.combine(points, "point", combination, trim, self.member_weights)  # refuses what does not fit

    def call(self, inputs, training=False):
        members = self._outputs(inputs, training)
        return outputs.combine(members, self.output_kind, self.combination, self.trim, self.member_weights)

    def members(self, inputs, training=False):
        """The members' outputs [n, K, …].

        Args:
            inputs: what each member takes, [n, …].
            training: bool.
        """
        return ops.moveaxis(self._outputs(inputs, training), 0, 1)

    def _outputs(self, inputs, training):
        """[K, n, …]"""
        found = [_called(network, inputs, training) for network in self.networks]
        _check_equal([[tuple(one.shape)[1:]] for one in found], self.networks, "outputs")
        dtype = keras.backend.result_type(*[one.dtype for one in found])
        return ops.stack([ops.cast(one, dtype) for one in found])

    def get_config(self):
        members = [keras.saving.serialize_keras_object(network) for network in self.networks]
        for member in members:
            member.pop("compile_config", None)
        return {
            "name": self.name,
            "members": members,
            "weights": self.member_weights and list(self.member_weights),
            "output_kind": self.output_kind,
            "combination": self.combination,
            "trim": self.trim,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        members = [keras.saving.deserialize_keras_object(member, custom_objects) for member in config["members"]]
        return cls(**{**config, "members": members})


def output_kind_of(networks):
    """The kind of output, of `outputs.OUTPUT_KINDS`, for which networks are compiled; "probabilities" if none is.

    Raises:
        InvalidArgumentError: if their losses are for different kinds.
    """
    kinds = {network.name: outputs.kind_of(network.loss) for network in networks if network.compiled and network.loss}
    if len(set(kinds.values())) > 1:
        raise errors.InvalidArgumentError(
            f"Expected `members` with losses of one kind of output, or `output_kind`. Received: {kinds}."
        )
    return next(iter(kinds.values()), "probabilities")


def _checked_networks(members):
    if not isinstance(members, list | tuple) or not members:
        raise errors.InvalidArgumentError(f"Expected `members` to be a list of Keras models. Received: {members!r}.")
    for index, network in enumerate(members):
        if not isinstance(network, keras.Model):
            raise errors.InvalidArgumentError(
                f"Expected `members` to be Keras models. Received: member {index}, {network!r}."
            )
        if any(network is other for other in members[:index]):
            raise errors.InvalidArgumentError(
                f"Expected different `members` (`weights` counts one more than once). Received: member {index}, "
                f"{network.name!r}, again."
            )
    shapes = [_known_shapes(network, "outputs") for network in members]
    if any(shape is not None and len(shape) != 1 for shape in shapes):
        raise errors.InvalidArgumentError(f"Expected `members` of one output each. Received: outputs {shapes}.")
    _check_equal(shapes, members, "outputs")
    _check_equal([_known_shapes(network, "inputs") for network in members], members, "inputs")
    return list(members)


def _known_shapes(network, side):
    """Shapes, without n, of all inputs or outputs; None where the network does not know them before a call."""
    try:
        return [tuple(tensor.shape)[1:] for tensor in getattr(network, side)]
    except (AttributeError, ValueError, TypeError):
        return None


def _called(network, inputs, training):
    output = network(inputs, training=training)
    if not hasattr(output, "shape"):
        raise errors.InvalidArgumentError(
            f"Expected `members` of one output each. Received: a {type(output).__name__} from {network.name!r}."
        )
    return output


def _check_equal(shapes, networks, side):
    """Refuses members of other shapes than the first one that is known; an axis of unknown length fits any."""
    known = [index for index, shape in enumerate(shapes) if shape is not None]
    for index in known[1:]:
        if not _fit(shapes[known[0]], shapes[index]):
            raise errors.InvalidArgumentError(
                f"Expected `members` whose {side} have the shapes of member {known[0]} "
                f"({networks[known[0]].name!r}), {shapes[known[0]]} without the batch. "
                f"Received: {shapes[index]} of member {index} ({networks[index].name!r})."
            )


def _fit(one, two):
    if len(one) != len(two) or any(len(a) != len(b) for a, b in zip(one, two, strict=True)):
        return False
    pairs = [pair for a, b in zip(one, two, strict=True) for pair in zip(a, b, strict=True)]
    return all(a == b or a is None or b is None for a, b in pairs)


def _normalized(weights, size):
    if weights is None:
        return None
    values = np.asarray(weights, "float64")
    if values.shape != (size,) or not np.isfinite(values).all() or (values < 0).any() or not values.sum() > 0:
        raise errors.InvalidArgumentError(
            f"Expected `weights` to be {size} numbers >= 0, one a member, not all of them 0. Received: {weights}."
        )
    total = values.sum()
    return tuple((values if abs(total - 1.0) < 1e-9 else values / total).tolist())
