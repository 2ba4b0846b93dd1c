"""Trainees that learn from examples: each instance has its own part of a data set, changed at random.

Axes: M candidates, B instances, n examples of a minibatch or of a part, D numbers of a vector, H, W, C of an image,
O outputs.
"""

import math

import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.configuration import require
from keras_hparam.tasks.data import DataSet
from keras_hparam.tasks.family import TaskFamily

LOSSES = ("crossentropy", "squared_error")
FINAL = ("validation", "training", "both")
_ORDERS = 64
_VALIDATION_SHARE = 0.25


class SupervisedTasks(TaskFamily):
    """Networks of one architecture on data sets that are drawn anew for each instance.

    Of an instance's source a random part becomes its training examples and another one its validation examples; vectors
    are projected at random to `features` numbers; classes are permuted, and merged where there are too many; a random
    share of the training labels is replaced (of regression: noise is added). Steps go through the training examples in
    epochs, each in another order.

    A subclass gives `initial`, the parameters, and `outputs`, the network. The reference of `normalize` is the loss of
    the best constant output.

    Args:
        name: str.
        sources: `DataSet`s or callables (rng, n) -> `DataSet`, at least one.
        outputs_number: int, O: classes, or numbers of a regression.
        loss: "crossentropy" or "squared_error"; sources have to be of that kind.
        batch_size: int >= 1, examples of a minibatch.
        examples: int >= batch_size, training examples of an instance.
        validation_examples: int >= 1.
        final: "validation" or "training", the part that the loss at the end is measured on, the first
            `validation_examples` of it; or "both", the geometric mean of these two losses.
        label_noise: float in [0, 1), the largest share of replaced labels, or standard deviation of noise.
        noisy_validation: bool, whether labels of the validation examples are replaced as well.
        features: int >= 1, to which vectors are projected; None for data as they are, of one shape.

    Raises:
        InvalidArgumentError: for arguments out of range, no sources, or sources of another kind.
    """

    floor = 1e-4
    layer = -2  # the parameter that stands for all others where one is looked at: the last kernel

    def __init__(
        self, name, sources, outputs_number, loss="crossentropy", batch_size=64, examples=512, validation_examples=128,
        final="validation", label_noise=0.2, features=None, noisy_validation=False,
    ):  # fmt: skip
        require("loss", loss, loss in LOSSES, f"one of {LOSSES}")
        require("final", final, final in FINAL, f"one of {FINAL}")
        require("label_noise", label_noise, 0 <= label_noise < 1, "in [0, 1)")
        numbers = {
            "outputs_number": outputs_number, "batch_size": batch_size, "validation_examples": validation_examples,
            "examples": examples, "features": 1 if features is None else features,
        }  # fmt: skip
        for argument, number in numbers.items():
            require(argument, number, isinstance(number, int) and number >= 1, "an int >= 1")
        require("examples", examples, examples >= batch_size, f">= `batch_size`, {batch_size}")
        self.name, self.sources, self.loss_name, self.final = name, tuple(sources), loss, final
        self.outputs_number, self.batch_size, self.examples = outputs_number, batch_size, examples
        self.validation_examples, self.label_noise, self.features = validation_examples, label_noise, features
        self.noisy_validation = noisy_validation
        if not self.sources:
            raise errors.InvalidArgumentError("Expected `sources` to be one `DataSet` or more. Received: none.")
        for source in self.sources:
            if isinstance(source, DataSet):
                self._check(source)
            else:
                require("sources", source, callable(source), "`DataSet`s or callables (rng, n)")
        self.orders = epoch_orders(examples)

    def sample(self, rng, batch_size):
        """Dict of "parameters", "x" [B, n, …], "y" [B, n, O], "x_validation", "y_validation" and "reference" [B]."""
        drawn = [self._draw(rng) for _ in range(batch_size)]
        instances = {name: np.stack([one[name] for one in drawn]) for name in drawn[0]}
        return instances | {"parameters": [np.asarray(p, "float32") for p in self.initial(rng, batch_size)]}

    def loss(self, parameters, instances, step):
        """Mean loss of the step's minibatch [M, B]."""
        rows = minibatch(step, self.batch_size, self.orders)
        x, y = (ops.take(instances[name], rows, axis=1) for name in ("x", "y"))
        return self.mean_loss(self.outputs(parameters, x), y)

    def final_loss(self, parameters, instances):
        """Mean loss of the examples that count at the end [M, B]."""
        if self.final == "both":
            training, validation = (self._part_loss(parameters, instances, part) for part in FINAL[:2])
            return ops.sqrt(training * validation)
        return self._part_loss(parameters, instances, self.final)

    def initial(self, rng, batch_size):
        """List of the initial parameters [B, …]."""
        raise NotImplementedError

    def outputs(self, parameters, x):
        """Outputs [M, B, n, O] of the networks for inputs [B, n, …]."""
        raise NotImplementedError

    def predictions(self, outputs):
        """Probabilities of classes [M, B, n, O], or the outputs of a regression as they are."""
        return ops.softmax(outputs, axis=-1) if self.loss_name == "crossentropy" else outputs

    def mean_loss(self, outputs, y):
        """Mean losses [M, B] of outputs [M, B, n, O] for targets [B, n, O]."""
        if self.loss_name == "crossentropy":
            return -ops.mean(ops.sum(y * ops.log_softmax(outputs, axis=-1), axis=-1), axis=-1)
        return 0.5 * ops.mean(ops.square(outputs - y), axis=(-2, -1))

    def _part_loss(self, parameters, instances, part):
        if part == "validation":
            return self.mean_loss(self.outputs(parameters, instances["x_validation"]), instances["y_validation"])
        shown = min(self.validation_examples, self.examples)
        return self.mean_loss(self.outputs(parameters, instances["x"][:, :shown]), instances["y"][:, :shown])

    def _check(self, source):
        require("sources", source.y.dtype, source.is_classification == (self.loss_name == "crossentropy"),
                 f"data with targets for {self.loss_name}")  # fmt: skip
        return source

    def _draw(self, rng):
        """One instance's examples."""
        source = self.sources[rng.integers(len(self.sources))]
        wanted = self.examples + self.validation_examples
        x, y = source if isinstance(source, DataSet) else self._check(source(rng, wanted))
        order = rng.permutation(len(x))
        held_out = max(1, min(self.validation_examples, round(len(x) * _VALIDATION_SHARE)))
        validation = np.resize(order[:held_out], self.validation_examples)
        training = np.resize(order[held_out:], self.examples)  # of a small source every example comes several times
        if self.features is not None:
            x = _projected(rng, x.reshape(len(x), -1), self.features)
        y = self._targets(rng, y)
        level = rng.uniform(0, self.label_noise)
        noisy = self._with_noise(rng, y[training], level)
        targets = self._with_noise(rng, y[validation], level) if self.noisy_validation else y[validation]
        x = np.asarray(x, "float32")
        return {
            "x": x[training], "y": noisy, "x_validation": x[validation], "y_validation": targets,
            "reference": np.float32(self._constant_loss(noisy)),
        }  # fmt: skip

    def _targets(self, rng, y):
        """Targets [n, O]: one-hot vectors of permuted classes, or numbers in random directions."""
        outputs = self.outputs_number
        if self.loss_name == "crossentropy":
            return np.eye(outputs, dtype="float32")[rng.permutation(max(outputs, y.max() + 1))[y] % outputs]
        return _projected(rng, y, outputs)

    def _with_noise(self, rng, y, level):
        if self.loss_name == "crossentropy":
            replaced = rng.random(len(y)) < level
            return np.where(replaced[:, None], y[rng.permutation(len(y))], y)
        return (y + level * rng.normal(size=y.shape)).astype("float32")

    def _constant_loss(self, y):
        if self.loss_name == "squared_error":
            return max(0.5 * y.var(axis=0).mean(), 1e-6)
        share = y.mean(axis=0)
        return max(-np.sum(share * np.log(np.maximum(share, 1e-12))), 1e-3)


def _projected(rng, values, width):
    """Vectors [n, D] in random directions [n, width], of the same mean square per number."""
    directions = rng.normal(size=(values.shape[1], width)) / math.sqrt(values.shape[1])
    return (values @ directions).astype("float32")


def epoch_orders(examples):
    """(n, int32 [E]): numbers prime to n. Multiplied by one of them modulo n, 0 … n − 1 come in another order."""
    prime = [number for number in range(1, examples + 1) if math.gcd(number, examples) == 1]
    return (examples, np.random.default_rng(0).permutation(prime)[:_ORDERS].astype("int32"))


def minibatch(step, batch_size, orders):
    """The examples int32 [batch_size] of a step: n of them make an epoch, in which each comes once.

    Args:
        step: int32 scalar, from 0.
        batch_size: int.
        orders: of `epoch_orders`.
    """
    examples, factors = orders
    position = ops.cast(step, "int32") * batch_size + ops.arange(batch_size, dtype="int32")
    factor = ops.take(ops.convert_to_tensor(factors), (position // examples) % len(factors))
    return (position % examples) * factor % examples
