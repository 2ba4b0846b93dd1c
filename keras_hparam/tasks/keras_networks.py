"""Trainees that a Keras model describes: all candidates and instances of it run as one program.

Axes: M candidates, B instances, n examples, O outputs, … of one example or of one variable.
"""

import functools

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.configuration import require
from keras_hparam.ops.differentiation import value_and_gradient
from keras_hparam.tasks import keras_models
from keras_hparam.tasks.data import DataSet
from keras_hparam.tasks.supervised import SupervisedTasks

INITIALS = 64  # models whose initial weights are drawn from


class KerasNetworks(SupervisedTasks):
    """Networks of the architecture that a function builds, on examples as they are.

    Inputs, classes and numbers of a regression stay as given. An instance begins with the weights of one of up to 64
    models, which are built when they are first drawn, each after `keras.utils.set_random_seed` with a seed of its own.
    The loss is that of the outputs alone: what regularizers add is left out. Layers run as in training:
    BatchNormalization takes the statistics of its batch, and its moving averages are not kept. What the model does not
    train is the same in all networks.

    Args:
        build_model: callable without arguments that gives a `keras.Model` with one input [n, …] and one output [n, O],
            and always of the same architecture. One output for "crossentropy" is the probability of class 1.
        sources: as of `SupervisedTasks`, with x of the model's input shape; classes below O, or regressions on O
            numbers. A model that is not built yet is built for the first `DataSet` among them.
        loss: "crossentropy" or "squared_error".
        from_logits: bool, whether the outputs for "crossentropy" are logits, not probabilities.
        name: str, None for one that says the sizes.
        **arguments: as of `SupervisedTasks`.

    Raises:
        InvalidArgumentError: for arguments out of range, a model of another form, layers that are recurrent or draw
            random numbers, such as Dropout, or data that do not fit the model.

    Source: the models of a user as trainees of US20210034973A1 (Xu et al. 2019, arXiv 1909.09712).

    Example:

    ```python
    def build_model():
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])

    family = KerasNetworks(build_model, [data.table("iris")], batch_size=16, examples=96)
    ```
    """

    def __init__(
        self, build_model, sources, loss="crossentropy", from_logits=False, name=None, **arguments
    ):  # fmt: skip
        require("build_model", build_model, callable(build_model), "a callable that gives a `keras.Model`")
        sources = tuple(sources)
        self.model = keras_models.seeded(build_model, 0)
        self.shape = keras_models.input_shape(self.model, sources)
        outputs = keras_models.outputs_number(self.model, self.shape)
        keras_models.refuse_layers(self.model)
        self._fixed = [ops.convert_to_numpy(variable) for variable in self.model.non_trainable_variables]
        self.shapes = [tuple(variable.shape) for variable in self.model.trainable_variables]
        if not any(len(shape) >= 2 for shape in self.shapes):
            raise errors.InvalidArgumentError(
                "Expected `build_model` to give a model that trains a kernel, of 2 axes or more. "
                f"Received: variables of the shapes {self.shapes}."
            )
        self.from_logits, self.is_binary = from_logits, loss == "crossentropy" and outputs == 1
        initial = functools.partial(keras_models.initial_weights, build_model, self.shape, self.shapes)
        self._weights = functools.cache(initial)
        facts = ("keras", loss, *self.shape, len(self.shapes), self.model.count_params(), outputs)
        given = "-".join(map(str, (*facts, arguments.get("final", "validation"))))
        super().__init__(name or given, sources, 2 if self.is_binary else outputs, loss, **arguments)

    @property
    def layer(self):
        """The index of the last kernel, the last parameter of two axes or more."""
        return max(index for index, shape in enumerate(self.shapes) if len(shape) >= 2)

    def initial(self, rng, batch_size):
        drawn = [self._weights(int(seed)) for seed in rng.integers(INITIALS, size=batch_size)]
        return [np.stack(parts) for parts in zip(*drawn, strict=True)]

    def outputs(self, parameters, x):
        """Logits, or the numbers of a regression: [M, B, n, O]."""
        candidates, instances = parameters[0].shape[:2]
        number = candidates * instances
        flat = [ops.reshape(p, (number, *p.shape[2:])) for p in parameters]
        x = ops.convert_to_tensor(x)
        repeated = ops.reshape(ops.broadcast_to(x[None], (candidates, *x.shape)), (number, *x.shape[1:]))
        found = ops.cast(_mapped(self._network, flat, repeated), "float32")
        return self._as_logits(ops.reshape(found, (candidates, instances, *found.shape[1:])))

    def predictions(self, outputs):
        found = super().predictions(outputs)
        return found[..., 1:] if self.is_binary else found

    def _network(self, parameters, x):
        """Outputs [n, O] of one network."""
        variables = self.model.trainable_variables + self.model.non_trainable_variables
        with keras.StatelessScope(state_mapping=list(zip(variables, [*parameters, *self._fixed], strict=True))):
            return keras_models.in_training(self.model, x)

    def _as_logits(self, outputs):
        """Outputs of the model as logits: log p are some of probabilities p, since softmax(log p) = p."""
        if self.loss_name == "squared_error":
            return outputs
        if self.is_binary:
            other = ops.zeros_like(outputs) if self.from_logits else 1.0 - outputs
            outputs = ops.concatenate([other, outputs], axis=-1)
        return outputs if self.from_logits else ops.log(ops.clip(outputs, keras.config.epsilon(), 1.0))

    def _check(self, source: DataSet):
        super()._check(source)
        if source.x.shape[1:] != self.shape:
            raise errors.InvalidArgumentError(
                f"Expected `sources` with x [n, …] of the model's input shape {self.shape}. "
                f"Received: {source.x.shape[1:]}."
            )
        number = self.outputs_number
        if source.is_classification:
            found = int(source.y.min()), int(source.y.max())
            good = found[0] >= 0 and found[1] < number
            require("sources", found, good, f"of classes from 0, below the number of outputs, {number}")
        else:
            found = source.y.shape
            require("sources", found, found[1:] == (number,), f"with y [n, O] of the {number} outputs")
        return source

    def _targets(self, rng, y):
        """Targets [n, O] as given: one-hot vectors of the classes, or the numbers."""
        if self.loss_name == "crossentropy":
            return np.eye(self.outputs_number, dtype="float32")[y]
        return np.asarray(y, "float32")

    def _constant_loss(self, y):
        """As of the base class, but targets that stay as given may be small numbers in all."""
        if self.loss_name == "squared_error":
            return max(0.5 * y.var(axis=0).mean(), 1e-6 * np.square(y).mean(), 1e-30)
        return super()._constant_loss(y)


def _mapped(network, parameters, x):
    """Outputs [M·B, n, O] of the networks with parameters [M·B, …] for x [M·B, n, …].

    TensorFlow maps some layers, such as convolutions, by loops, whose gradient XLA does not compile. So the map of the
    gradient takes the place of the gradient of the map.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.vectorized_map(lambda one: network(*one), (parameters, x))

    @ops.custom_gradient
    def mapped(*parameters):
        def gradient(upstream):
            return ops.vectorized_map(lambda one: _gradient(network, *one), (list(parameters), x, upstream))

        return ops.vectorized_map(lambda one: network(*one), (list(parameters), x)), gradient

    return mapped(*parameters)


def _gradient(network, parameters, x, upstream):
    def weighted(parameters):
        return ops.sum(network(parameters, x) * upstream)

    return [ops.convert_to_tensor(found) for found in value_and_gradient(weighted)(parameters)[1]]
