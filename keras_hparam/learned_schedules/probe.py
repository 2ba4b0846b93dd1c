"""What is measured of a Keras model between decisions: one forward pass on fixed examples.

Axes: n examples.
"""

import functools
import itertools

import keras
import numpy as np
from keras import ops

from keras_hparam import errors

OF_OUTPUTS = ("outputs_before", "outputs_after", "outputs_change")


class Probe:
    """Measures a model on a fixed part of the validation data.

    Args:
        model: compiled Keras model.
        validation_data: (x, y) or (x, y, sample_weight), of arrays, with dicts or lists of them for several inputs or
            outputs; or an iterable of such batches, such as a `tf.data.Dataset`; None for none.
        examples: int ≥ 1, n at most; the first ones are taken.
        needed: names of `Measurements`.
        layer: name of the layer whose parameters are looked at; None: the last one that has a kernel.

    Raises:
        InvalidArgumentError: for validation data that are needed and missing or empty, or for an unknown layer.
    """

    def __init__(self, model, validation_data, examples, needed, layer=None):
        self.model, self.needed = model, needed
        of_examples = {"validation_loss", "inputs_mean", *OF_OUTPUTS} & set(needed)
        if validation_data is None and of_examples:
            raise errors.InvalidArgumentError(
                f"Expected `validation_data` (x, y): the controller observes {sorted(of_examples)}. "
                "Received: None. A controller without these features needs none."
            )
        self.examples = None if validation_data is None else _first(validation_data, examples)
        self.kernel = _kernel(model, layer) if "layer_mean" in needed else None

    def outputs(self):
        """Outputs for the examples, as probabilities if the loss takes logits: list of tensors [n, …]."""
        return self._predictions(self._forward())

    def measure(self, before):
        """(dict of measured scalars, outputs) after some steps; `before`: the outputs before them."""
        found, outputs = {}, before
        if self.examples is not None:
            x, y, weight = self.examples
            y_pred = self._forward()
            with _unchanged(self.model.metrics):
                found["validation_loss"] = self.model.compute_loss(x, y, y_pred, weight, training=False)
            outputs = self._predictions(y_pred)
            flat, flat_before = _flat(outputs), _flat(before)
            found |= {
                "outputs_before": ops.var(flat_before), "outputs_after": ops.var(flat),
                "outputs_change": ops.var(flat - flat_before),
            }  # fmt: skip
            inputs = _flat([part for part in keras.tree.flatten(x) if _is_float(part)] or [ops.zeros((1,))])
            found |= {"inputs_mean": ops.mean(inputs), "inputs_variance": ops.var(inputs)}
        if self.kernel is not None:
            kernel = ops.cast(self.kernel, "float32")
            found |= {"layer_mean": ops.mean(kernel), "layer_variance": ops.var(kernel)}
        return {name: value for name, value in found.items() if name in self.needed}, outputs

    def gradients_or_none(self):
        """A compiled function that gives the gradients of the loss on the examples; None without examples."""
        return None if self.examples is None else self._gradients

    @functools.cached_property
    def _gradients(self):
        import tensorflow as tf

        x, y, weight = self.examples

        def gradients():
            with tf.GradientTape() as tape, _unchanged(self.model.metrics):
                loss = self.model.compute_loss(x, y, self._forward(), weight, training=False)
            found = tape.gradient(loss, [variable.value for variable in self.model.trainable_variables])
            return [tf.convert_to_tensor(gradient) for gradient in found if gradient is not None]

        strategy = self.model.distribute_strategy
        if strategy is None or strategy.num_replicas_in_sync == 1:
            return tf.function(gradients, autograph=False)
        on_all = tf.function(lambda: strategy.run(gradients), autograph=False)  # all replicas compute the same
        return lambda: [strategy.experimental_local_results(gradient)[0] for gradient in on_all()]

    def _forward(self):
        return self.model(self.examples[0], training=False)

    def _predictions(self, y_pred):
        losses = self.model.loss if isinstance(self.model.loss, list | tuple | dict) else [self.model.loss]
        of_logits = any(getattr(loss, "from_logits", False) for loss in keras.tree.flatten(losses))
        outputs = [ops.cast(output, "float32") for output in keras.tree.flatten(y_pred)]
        return [_probabilities(output) for output in outputs] if of_logits else outputs


def _probabilities(logits):
    return ops.softmax(logits, axis=-1) if logits.shape[-1] > 1 else ops.sigmoid(logits)


def _first(data, number):
    """(x, y, sample_weight) of the first examples, as tensors."""
    if isinstance(data, tuple | list) and len(data) in (2, 3):
        batches = [tuple(data)]
    else:
        batches, seen = [], 0
        for batch in itertools.islice(iter(data), number):
            batches.append(tuple(batch))
            seen += len(keras.tree.flatten(batch)[0])
            if seen >= number:
                break
    if not batches or len(batches[0]) not in (2, 3):
        raise errors.InvalidArgumentError(
            f"Expected `validation_data` (x, y), (x, y, sample_weight) or batches of them. Received: {type(data)}."
        )
    parts = [_joined([batch[index] for batch in batches], number) for index in range(len(batches[0]))]
    return (*parts, None) if len(parts) == 2 else tuple(parts)


def _joined(parts, number):
    def join(*arrays):
        arrays = [np.asarray(array) for array in arrays]
        return ops.convert_to_tensor(np.concatenate(arrays)[:number])

    return keras.tree.map_structure(join, *parts)


def _kernel(model, layer):
    layers = [one for one in model._flatten_layers() if getattr(one, "kernel", None) is not None]
    chosen = [one for one in layers if layer is None or one.name == layer]
    if not chosen:
        raise errors.InvalidArgumentError(
            f"Expected `layer` to name a layer with a kernel, one of {[one.name for one in layers]}. "
            f"Received: {layer!r}."
        )
    return chosen[-1].kernel


def _flat(tensors):
    return ops.concatenate([ops.reshape(ops.cast(tensor, "float32"), (-1,)) for tensor in tensors])


def _is_float(tensor):
    return "float" in str(tensor.dtype)


class _unchanged:
    """Metrics keep their values: a loss of several outputs counts what it computes."""

    def __init__(self, metrics):
        self.variables = [variable for metric in metrics for variable in metric.variables]

    def __enter__(self):
        self.values = [variable + 0 for variable in self.variables]

    def __exit__(self, *_):
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)
