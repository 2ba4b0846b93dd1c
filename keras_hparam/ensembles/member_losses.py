"""What a hyper-batch ensemble minimises: the user's losses per member and example, smoothed and weighted by its λ.

Axes: K members, n examples, P columns, C classes. Outputs of the members are [K, n, …], λ is [K, n, P].
"""

import keras
from keras import ops, tree

from keras_hparam import errors
from keras_hparam.ensembles import outputs
from keras_hparam.ensembles.columns import index_of
from keras_hparam.ensembles.hyperparameters import LabelSmoothing, LossWeight


class MemberLosses:
    """The loss of every output of a model.

    Args:
        losses: what `compile` was given as `loss`: one loss for all outputs, or a list or dict with one per output;
            names, functions and `keras.losses.Loss`. None leaves an output out.
        loss_weights: None, or as many numbers in the same form.
        output_names: names of the model's outputs.
        columns: P `Column`s.

    Raises:
        InvalidArgumentError: for another structure, or label smoothing of something that is no cross entropy.
    """

    def __init__(self, losses, loss_weights, output_names, columns):
        self.names = list(output_names)
        found = _per_output("loss", losses, self.names, shared=True)
        self.losses = [None if loss is None else keras.losses.get(loss) for loss in found]
        if all(loss is None for loss in self.losses):
            raise errors.InvalidArgumentError(f"Expected `loss` for at least one output. Received: {losses!r}.")
        weights = _per_output("loss_weights", loss_weights, self.names, shared=False)
        self.weights = [1.0 if weight is None else float(weight) for weight in weights]
        self.kinds = [outputs.kind_of(loss) if loss is not None else "point" for loss in self.losses]
        self.smoothing = [self._smoothed_by(index, columns) for index in range(len(self.names))]
        self._require_smoothed(columns)
        self.weighted_by = [index_of(columns, LossWeight, name) for name in self.names]

    def __call__(self, y, members, values, of):
        """Losses of the examples.

        Args:
            y: targets [n, …], in the structure of the outputs.
            members: list with the members' [K, n, …] for each output.
            values: λ [K, n, P], or None where P is 0.
            of: "members" for the loss of each member, "ensemble" for the loss of their combined output.

        Returns:
            [K, n] for "members", [n] for "ensemble".
        """
        total = 0.0
        for index, (target, member) in enumerate(zip(_targets(y, self.names), members, strict=True)):
            if self.losses[index] is not None:
                total = total + self._of_output(index, target, member, values, of)
        return total

    def _of_output(self, index, target, member, values, of):
        smoothing, weight = (
            None if column is None or values is None else values[..., column]  # [K, n]
            for column in (self.smoothing[index], self.weighted_by[index])
        )
        if of == "ensemble":
            combined = outputs.combine(member, self.kinds[index])
            smoothing, weight = (None if x is None else ops.mean(x, axis=0) for x in (smoothing, weight))
            losses = self._of_examples(index, target, combined, smoothing)
        else:
            size, rows = member.shape[0], (-1, *member.shape[2:])
            tiled = ops.tile(target, (size, *[1] * (len(target.shape) - 1)))  # [K·n, …], member-major
            smoothing = None if smoothing is None else ops.reshape(smoothing, (-1,))
            losses = self._of_examples(index, tiled, ops.reshape(member, rows), smoothing)
            losses = ops.reshape(losses, (size, -1))
        return losses * self.weights[index] * (1.0 if weight is None else weight)

    def _of_examples(self, index, target, output, smoothing):
        """[N] from targets and outputs [N, …]; further axes, such as time, are averaged."""
        output = ops.cast(output, "float32")
        if smoothing is None:
            losses = _call(self.losses[index], target, output)
        else:
            losses = _smoothed_cross_entropy(self.kinds[index], target, output, smoothing)
        return ops.mean(losses, axis=tuple(range(1, len(losses.shape)))) if len(losses.shape) > 1 else losses

    def _smoothed_by(self, index, columns):
        column = index_of(columns, LabelSmoothing, self.names[index])
        if column is None:
            return None
        classification = self.kinds[index] not in ("gaussian", "point")
        if classification and not getattr(self.losses[index], "label_smoothing", 0.0):
            return column
        if columns[column].hyperparameter.output is None and not classification:
            return None
        raise errors.InvalidArgumentError(
            f"Expected a cross-entropy loss without `label_smoothing` of its own for the output {self.names[index]!r}, "
            f"whose label smoothing is a hyperparameter. Received: {self.losses[index]!r}."
        )

    def _require_smoothed(self, columns):
        wanted = any(isinstance(column.hyperparameter, LabelSmoothing) for column in columns)
        if wanted and all(column is None for column in self.smoothing):
            raise errors.InvalidArgumentError(
                f"Expected a cross-entropy loss, since label smoothing is a hyperparameter. Received: {self.losses}."
            )


def _call(loss, target, output):
    """The loss of each example, before any reduction."""
    if not isinstance(loss, keras.losses.Loss):
        return ops.convert_to_tensor(loss(target, output))
    return loss.call(target, output)


def _smoothed_cross_entropy(kind, target, output, smoothing):
    """Cross entropy to (1 − λ)·target + λ/C."""
    classes = output.shape[-1] if not kind.startswith("binary") else 2
    smoothing = ops.reshape(smoothing, (-1, *[1] * (len(output.shape) - 1)))
    is_sparse = len(target.shape) < len(output.shape) or (target.shape[-1] == 1 and output.shape[-1] != 1)
    if kind.startswith("binary"):
        target = ops.reshape(ops.cast(target, output.dtype), ops.shape(output))
    elif is_sparse:
        labels = ops.squeeze(target, -1) if len(target.shape) == len(output.shape) else target
        target = ops.one_hot(ops.cast(labels, "int32"), classes, dtype=output.dtype)
    target = (1 - smoothing) * ops.cast(target, output.dtype) + smoothing / classes
    entropy = keras.losses.binary_crossentropy if kind.startswith("binary") else keras.losses.categorical_crossentropy
    return entropy(target, output, from_logits=kind.endswith("logits"))


def _per_output(argument, given, names, shared):
    """A list with one entry per output, from what the user gave for all."""
    if isinstance(given, dict):
        if set(given) - set(names):
            raise errors.InvalidArgumentError(f"Expected `{argument}` for outputs {names}. Received: {sorted(given)}.")
        return [given.get(name) for name in names]
    if isinstance(given, list | tuple):
        if len(given) != len(names):
            raise errors.InvalidArgumentError(
                f"Expected `{argument}` to have one entry for each output {names}. Received: {len(given)}."
            )
        return list(given)
    return [given] * len(names) if shared or given is None else _per_output(argument, [given], names, shared)


def _targets(y, names):
    if isinstance(y, dict):
        return [y[name] for name in names]
    flat = tree.flatten(y)
    if len(flat) != len(names):
        raise errors.InvalidArgumentError(f"Expected `y` with targets of the outputs {names}. Received: {len(flat)}.")
    return flat
