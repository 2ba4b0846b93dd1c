"""A supernet as pure functions of its weights and of an encoding.

Axes: E coefficients of all bases one after the other, n of one basis, b examples, … of one variable; A augmentations.
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.autohas import losses, mixtures
from keras_hparam.autohas.mixup import mixed
from keras_hparam.ops import optimizer_rules
from keras_hparam.ops.differentiation import value_and_gradient

_MOMENTUM = 0.9  # of BatchNormalization in a supernet: candidates are judged after few steps


class Supernet:
    """What a search computes with a `Relaxed` model.

    A state is a dict: "trained" and "others", lists of the values of the model's variables; "slots", for each optimizer
    a list for each trained variable of what it remembers; "step", int32.

    Args:
        relaxed: `Relaxed`.

    Attributes:
        bases: list of `Basis`.
        size: int, E.
    """

    def __init__(self, relaxed):
        self.model, self.bases, self.losses = relaxed.model, list(relaxed.bases.values()), list(relaxed.losses.values())
        self.names = list(relaxed.bases)
        self.smooths, self.augmentations = relaxed.smooths, relaxed.augmentations
        self.rules = [optimizer_rules.of(optimizer) for optimizer in relaxed.optimizers.values()]
        ends = np.cumsum([len(basis) for basis in self.bases])
        self.slices = {
            name: slice(int(e) - len(b), int(e)) for name, b, e in zip(self.names, self.bases, ends, strict=True)
        }
        self.size = int(ends[-1])
        self._relaxed, self._constraints = {}, [v.constraint for v in self.model.trainable_variables]
        positions = {id(v): i for i, v in enumerate(self.model.non_trainable_variables)}
        for layer in walk(self.model):
            if isinstance(layer, mixtures.Relaxed):
                self._relaxed[layer.basis_name] = positions[id(layer.coefficients)]
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = min(layer.momentum, _MOMENTUM)
            _refuse(layer)

    def initial_state(self):
        """The state of the model as it was built."""
        trained = [ops.convert_to_numpy(v) for v in self.model.trainable_variables]
        others = [ops.convert_to_numpy(v) for v in self.model.non_trainable_variables]
        slots = [[[np.zeros_like(w) for _ in range(rule.slots)] for w in trained] for rule in self.rules]
        return {"trained": trained, "others": others, "slots": slots, "step": np.int32(0)}

    def part(self, coefficients, name):
        """The coefficients [n] of one basis."""
        return coefficients[..., self.slices[name]]

    def value(self, coefficients, name, is_sum=False):
        """The value of a continuous basis: a scalar tensor; with `is_sum`, logarithms never combine."""
        basis = self.bases[self.names.index(name)]
        weights, values = self.part(coefficients, name), np.array(basis.values, "float32")
        if basis.is_logarithmic and not is_sum:
            return ops.exp(ops.sum(weights * np.log(values)))
        return ops.sum(weights * values)

    def outputs(self, trained, others, coefficients, x, training):
        """(outputs of the model, the new values of the other variables, the sum of its regularizers)."""
        others = list(others)
        for name, index in self._relaxed.items():
            others[index] = self.part(coefficients, name)
        return self.model.stateless_call(trained, others, x, training=training, return_losses=True)

    def training_loss(self, trained, others, coefficients, x, y, shares, loss_weights=None):
        """(loss, new values of the other variables) of one minibatch.

        Args:
            coefficients: [E].
            x: [b, …]; y: [b] or [b, …].
            shares: float [n], the shares of mixed examples for each candidate of "mixup".
            loss_weights: float [n] in place of the coefficients of "loss".
        """
        mixes = max(self.bases[self.names.index("mixup")].values) > 0
        share = ops.sum(self.part(coefficients, "mixup") * shares)
        x = mixed(x, share, self.model) if mixes else x
        found, updated, penalties = self.outputs(trained, others, coefficients, x, True)
        weights = self.part(coefficients, "loss") if loss_weights is None else loss_weights
        total = self._loss(found, y, coefficients, weights)
        if mixes:
            total = share * total + (1.0 - share) * self._loss(found, ops.flip(y, axis=0), coefficients, weights)
        return total + sum(penalties), updated

    def validation(self, trained, others, coefficients, x, y):
        """(the first loss without smoothing, the share of right classes, NaN where there are none) of one minibatch."""
        found, _, _ = self.outputs(trained, others, coefficients, x, False)
        targets = losses.smooth(y, found.shape[-1], 0.0) if self.smooths else y
        loss = losses.value(self.losses[0], targets, found)
        return loss, _accuracy(y, found)

    def directions(self, slots, gradients, step):
        """(directions, slots): for each optimizer a list of what it subtracts from each variable, times the rate."""
        moved, kept = [], []
        for rule, remembered in zip(self.rules, slots, strict=True):
            pairs = [rule.direction(g, s, step) for g, s in zip(gradients, remembered, strict=True)]
            moved.append([direction for direction, _ in pairs])
            kept.append([slot for _, slot in pairs])
        return moved, kept

    def moved(self, trained, directions, coefficients, factor, is_sum=False):
        """w − η (Σ_o p_o d_o + λ w) of all variables, within their constraints, η the rate times `factor`.

        With `is_sum`, η and λ are weighted sums: the sum of the steps with each candidate, weighted by coefficients.
        """
        rate = factor * self.value(coefficients, "learning_rate", is_sum)
        decay = self.value(coefficients, "weight_decay", is_sum)
        weights = self.part(coefficients, "optimizer")
        mixture = [sum(weights[o] * d[i] for o, d in enumerate(directions)) for i in range(len(trained))]
        stepped = [w - rate * (d + decay * w) for w, d in zip(trained, mixture, strict=True)]
        return [w if within is None else within(w) for w, within in zip(stepped, self._constraints, strict=True)]

    def step(self, state, coefficients, x, y, shares, factor):
        """(state, loss) after one step.

        Args:
            coefficients: [E].
            x: [A, b, …], the examples as each augmentation changes them; that of the largest coefficient counts.
            y, shares: as of `training_loss`.
            factor: float scalar, that the schedule multiplies the rate by.
        """
        found, gradients, others = self.gradient(state, coefficients, x, y, shares)
        return self.advance(state, gradients, others, coefficients, factor), found

    def gradient(self, state, coefficients, x, y, shares):
        """(loss, gradients by the trained variables, the new values of the others); arguments as of `step`."""
        if len(self.augmentations) == 1:
            x = x[0]
        else:
            x = ops.take(x, ops.argmax(self.part(coefficients, "augmentation")), axis=0)

        def loss(trained):
            return self.training_loss(trained, state["others"], coefficients, x, y, shares)

        (found, others), gradients = value_and_gradient(loss, has_aux=True)(list(state["trained"]))
        return found, gradients, others

    def advance(self, state, gradients, others, coefficients, factor):
        """The state after a step along gradients, with the hyperparameters of the coefficients."""
        directions, slots = self.directions(state["slots"], gradients, state["step"])
        trained = self.moved(state["trained"], directions, coefficients, factor)
        return {"trained": trained, "others": others, "slots": slots, "step": state["step"] + 1}

    def _loss(self, outputs, y, coefficients, weights):
        """Σ c w L of all smoothings and losses: TensorFlow has no second derivatives by targets, so none is a sum."""
        parts = [(1.0, y)]
        if self.smooths:
            given = self.bases[self.names.index("label_smoothing")].values
            shares = self.part(coefficients, "label_smoothing")
            parts = [(shares[i], losses.smooth(y, outputs.shape[-1], value)) for i, value in enumerate(given)]
        return sum(
            share * weights[i] * losses.value(loss, targets, outputs)
            for share, targets in parts
            for i, loss in enumerate(self.losses)
        )


def walk(model):
    """All layers of a model, those inside of models and of choices too."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, mixtures.Choice):
            for candidate in layer.candidates:
                yield from walk(candidate)
        elif isinstance(layer, keras.Model):
            yield from walk(layer)


def _refuse(layer):
    if isinstance(layer, keras.layers.UpSampling2D) and layer.interpolation == "bilinear":
        raise errors.InvalidArgumentError(
            "Expected layers with second derivatives. "
            f"Received: {layer.name!r}, a bilinear UpSampling2D, whose second derivative TensorFlow computes wrongly."
        )


def has_classes(y, size):
    """Whether labels y of outputs [b, …, size] are classes: integers, or vectors of so many entries."""
    is_vector = len(y.shape) == 2 and y.shape[-1] == size
    return size >= 2 and (is_vector or "int" in keras.backend.standardize_dtype(y.dtype))


def _accuracy(y, outputs):
    classes = outputs.shape[-1]
    if not has_classes(y, classes):
        return ops.full((), float("nan"))
    right = ops.argmax(y, axis=-1) if len(y.shape) == 2 and y.shape[-1] == classes else ops.reshape(y, (-1,))
    return ops.mean(ops.cast(ops.cast(right, "int32") == ops.cast(ops.argmax(outputs, axis=-1), "int32"), "float32"))
