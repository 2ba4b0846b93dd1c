"""Layers of a supernet: all candidates of a choice at once, with coefficients from an encoding.

Each has a variable `coefficients` [n], which no optimizer trains: the search puts values in its place. With
`sampled_paths` a `Choice` runs only the candidate of the largest coefficient.

Axes: n candidates, … of an output, C its channels.
"""

import contextlib
import contextvars

import keras
import numpy as np
from keras import ops

_SAMPLED = contextvars.ContextVar("sampled", default=False)


@contextlib.contextmanager
def sampled_paths():
    """Within it, programs are traced in which a choice runs one candidate, that of the largest coefficient."""
    token = _SAMPLED.set(True)
    try:
        yield
    finally:
        _SAMPLED.reset(token)


class Relaxed(keras.layers.Layer):
    """Base of the layers that hold the coefficients of one basis.

    Args:
        basis_name: str, of the basis in the search space.
        values: the n candidates.
    """

    def __init__(self, basis_name, values, **kwargs):
        super().__init__(**kwargs)
        self.basis_name, self.values = basis_name, tuple(values)
        self.coefficients = self.add_weight(
            (len(self.values),), keras.initializers.Constant(1 / len(self.values)), trainable=False, dtype="float32",
            name="coefficients",
        )  # fmt: skip

    def get_config(self):
        """The configuration."""
        return super().get_config() | {"basis_name": self.basis_name, "values": list(self.values)}


@keras.saving.register_keras_serializable(package="keras_hparam")
class Choice(Relaxed):
    """Σ_i c_i y_i of the outputs of n candidates, which have one shape.

    Args:
        basis_name: str.
        candidates: dict from name to built `keras.Model` or layer.
    """

    def __init__(self, basis_name, candidates, **kwargs):
        super().__init__(basis_name, candidates, **kwargs)
        self.candidates = list(candidates.values())
        self.built = True

    def call(self, x, training=None):
        if _SAMPLED.get():
            return self._sampled(x, training)
        weights, mixture, penalty = self.coefficients.value, 0.0, None
        for i, candidate in enumerate(self.candidates):
            y, updated, losses = _run(candidate, x, training)
            mixture = mixture + ops.cast(weights[i], y.dtype) * y
            if losses:
                penalty = (0.0 if penalty is None else penalty) + weights[i] * sum(losses)
            if training:
                _assign(candidate.non_trainable_variables, updated)
        if penalty is not None:
            self.add_loss(penalty)
        return mixture

    def compute_output_shape(self, input_shape):
        return self.candidates[0].compute_output_shape(input_shape)

    def get_config(self):
        """The configuration."""
        config = {key: value for key, value in super().get_config().items() if key != "values"}
        made = [keras.saving.serialize_keras_object(candidate) for candidate in self.candidates]
        return config | {"candidates": dict(zip(self.values, made, strict=True))}

    @classmethod
    def from_config(cls, config):
        """The layer of a configuration."""
        made = {key: keras.saving.deserialize_keras_object(value) for key, value in config["candidates"].items()}
        return cls(**config | {"candidates": made})

    def _sampled(self, x, training):
        """The output of one candidate; what it changes in its own variables leaves the branch as values."""
        states = [[v.value for v in c.non_trainable_variables] for c in self.candidates]
        have_losses = []

        def branch(index):
            def run():
                y, updated, losses = _run(self.candidates[index], x, training)
                have_losses.append(bool(losses))
                every = [updated if i == index else state for i, state in enumerate(states)]
                values = [ops.convert_to_tensor(value) for state in every for value in state]
                return y, values, ops.cast(sum(losses), "float32")

            return run

        index = ops.argmax(self.coefficients.value)
        branches = [branch(i) for i in range(len(self.candidates))]
        y, updated, penalty = ops.switch(ops.cast(index, "int32"), branches)
        if any(have_losses):
            self.add_loss(penalty)
        if training:
            _assign([v for c in self.candidates for v in c.non_trainable_variables], updated)
        return y


def _run(candidate, x, training):
    """(output, new values of the untrained variables, losses but those of weights) of a candidate; nothing changes."""
    untrained = candidate.non_trainable_variables
    current = [(v, v.value) for v in [*candidate.trainable_variables, *untrained]]
    with keras.StatelessScope(current, collect_losses=True) as scope:
        y = candidate(x, training=training)
    return y, [scope.get_current_value(v) for v in untrained], scope.losses


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


@keras.saving.register_keras_serializable(package="keras_hparam")
class ChannelMask(Relaxed):
    """Keeps the first w of C channels: y_c Σ_i c_i [c < w_i].

    Args:
        basis_name: str.
        values: widths, ints; C is their maximum.
    """

    def call(self, x):
        masks = np.arange(max(self.values))[None] < np.array(self.values)[:, None]
        return x * ops.cast(ops.matmul(self.coefficients.value, masks.astype("float32")), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="keras_hparam")
class RelaxedDropout(Relaxed):
    """Σ_i c_i dropout(x, rate_i), all with the same random numbers: linear in the coefficients.

    Args:
        basis_name: str.
        values: rates in [0, 1).
        seed: int or None.
    """

    def __init__(self, basis_name, values, seed=None, **kwargs):
        super().__init__(basis_name, values, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=None):
        if not training:
            return x
        drawn = keras.random.uniform(ops.shape(x), seed=self.seed_generator)
        weights = self.coefficients.value
        factors = sum(
            weights[i] / (1.0 - rate) * ops.cast(drawn >= rate, "float32") for i, rate in enumerate(self.values)
        )
        return x * ops.cast(factors, x.dtype)

    def get_config(self):
        """The configuration."""
        return super().get_config() | {"seed": self.seed}

    def compute_output_shape(self, input_shape):
        return input_shape
