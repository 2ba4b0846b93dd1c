"""What a build function calls: operations, widths and dropout rates that are chosen, one at a time or all at once."""

import keras
from keras import ops

from keras_hparam import errors
from keras_hparam.autohas.bases import Basis, continuous
from keras_hparam.autohas.mixtures import ChannelMask, Choice, RelaxedDropout
from keras_hparam.configuration import is_integer, require
from keras_hparam.spaces import relaxed

_POOLING = {1: keras.layers.AveragePooling1D, 2: keras.layers.AveragePooling2D, 3: keras.layers.AveragePooling3D}


def choice(hp, name, candidates, normalize=False):
    """One of several operations: a layer that KerasTuner's Oracles choose, or a linear combination of all.

    Outputs are aligned: those with more pixels are averaged down to the fewest, and those with fewer channels get
    channels of zeros. Both also hold for the chosen one, so that a model does not depend on how it was searched for.

    Args:
        hp: `kt.HyperParameters`, as the build function gets it.
        name: str, of the choice.
        candidates: dict from name to a layer, a model, a function from tensor to tensor, or None for a skip connection.
        normalize: bool, whether a BatchNormalization without scale and centre follows each candidate but skips, so that
            their outputs are of one size.

    Returns:
        A function from tensor to tensor.

    Raises:
        InvalidArgumentError: for no candidates, candidates of another kind, or outputs that cannot be aligned.

    Source: US20210383223A1, claims 5 and 15; alignment and normalisation of candidates as in DARTS, arXiv 1806.09055.

    Example:

    ```python
    x = choice(hp, "block", {"conv3": layers.Conv2D(16, 3, padding="same"), "skip": None})(x)
    ```
    """
    good = isinstance(candidates, dict) and all(map(_is_operation, candidates.values()))
    require("candidates", candidates, good, "a dict from name to a layer, a function of a tensor, or None")
    basis = Basis(name, "architecture", tuple(candidates))
    is_relaxed = relaxed.is_relaxed(hp)
    basis_name = hp.declare(name, basis) if is_relaxed else name
    chosen, once = None if is_relaxed else basis.choose(hp), _Once(name)

    def call(x):
        if not is_relaxed:
            shape = _common_shape(name, {key: _output_shape(candidate, x) for key, candidate in candidates.items()})
            return _aligned(_apply(candidates[chosen], x, normalize), shape)
        once(x)
        # Each is applied once only: a candidate may hold another choice, which stands in one place.
        inputs = {key: keras.Input(batch_shape=x.shape, dtype=x.dtype) for key in candidates}
        outputs = {key: _apply(candidate, inputs[key], normalize) for key, candidate in candidates.items()}
        shape = _common_shape(name, {key: tuple(y.shape) for key, y in outputs.items()})
        models = {key: keras.Model(inputs[key], _aligned(y, shape)) for key, y in outputs.items()}
        return Choice(basis_name, models, name=_layer_name(basis_name))(x)

    return call


def width(hp, name, values, layer):
    """A layer whose number of units or filters is chosen.

    In a supernet the layer has the largest width, and the channels beyond the chosen one are masked: all widths share
    their weights. What mixes channels with other axes (Flatten after a convolution) or fills masked ones
    (BatchNormalization after it instead of inside of `layer`) makes inherited weights useless.

    Args:
        hp: `kt.HyperParameters`.
        name: str.
        values: list of ints ≥ 1.
        layer: function from the width to a layer, or to a function from tensor to tensor, with so many channels last.

    Returns:
        A function from tensor to tensor.

    Raises:
        InvalidArgumentError: for values that are no such ints or repeat, or a layer with other channels.

    Example:

    ```python
    x = width(hp, "units", [32, 64, 128], lambda units: layers.Dense(units, activation="relu"))(x)
    ```
    """
    good = isinstance(values, list | tuple) and all(is_integer(value, 1) for value in values)
    require(name, values, good, "a list of ints >= 1")
    basis = Basis(name, "architecture", tuple(values))
    is_relaxed = relaxed.is_relaxed(hp)
    basis_name = hp.declare(name, basis) if is_relaxed else name
    units, once = max(values) if is_relaxed else basis.choose(hp), _Once(name)

    def call(x):
        if is_relaxed:
            once(x)
        y = layer(units)(x)
        require("layer", y.shape, y.shape[-1] == units, f"a function of the width whose output has {units} channels")
        return ChannelMask(basis_name, values, name=_layer_name(basis_name))(y) if is_relaxed else y

    return call


def dropout(hp, name, values):
    """Dropout whose rate is chosen.

    Args:
        hp: `kt.HyperParameters`.
        name: str.
        values: list of rates in [0, 1).

    Returns:
        A function from tensor to tensor.

    Raises:
        InvalidArgumentError: for values that are no such rates, or repeat.
    """
    basis = continuous(name, values, 0.0, 1.0)
    if relaxed.is_relaxed(hp):
        basis_name = hp.declare(name, basis)
        return RelaxedDropout(basis_name, basis.values, name=_layer_name(basis_name))
    return keras.layers.Dropout(basis.choose(hp))


class _Once:
    """Refuses a second call: the coefficients of a choice stand in one place of a supernet."""

    def __init__(self, name):
        self.name, self.calls = name, 0

    def __call__(self, x):
        self.calls += 1
        if self.calls > 1:
            raise errors.InvalidArgumentError(
                f"Expected {self.name!r} to be applied to one tensor in a supernet; make another choice for another "
                f"one. Received: a second one, {x!r}."
            )


def _is_operation(candidate):
    return candidate is None or callable(candidate)


def _layer_name(name):
    return f"relaxed_{name.replace('/', '_')}"


def _apply(candidate, x, normalize):
    if candidate is None:
        return keras.layers.Identity()(x)
    y = candidate(x)
    return keras.layers.BatchNormalization(center=False, scale=False)(y) if normalize else y


def _output_shape(candidate, x):
    if candidate is None:
        return tuple(x.shape)
    if isinstance(candidate, keras.layers.Layer):
        return tuple(candidate.compute_output_shape(x.shape))
    return tuple(candidate(keras.Input(batch_shape=x.shape, dtype=x.dtype)).shape)


def _common_shape(name, shapes):
    """[fewest pixels …, most channels], without the batch axis."""
    ranks = {len(shape) for shape in shapes.values()}
    pixels = [set(sizes) for sizes in zip(*(shape[1:-1] for shape in shapes.values()), strict=False)]
    good = len(ranks) == 1 and all(
        len(sizes) == 1 or (None not in sizes and all(size % min(sizes) == 0 for size in sizes)) for sizes in pixels
    )
    if not good or (len(pixels) not in _POOLING and any(len(sizes) > 1 for sizes in pixels)):
        raise errors.InvalidArgumentError(
            f"Expected `candidates` of {name!r} with outputs of one rank, whose pixels are multiples of the fewest. "
            f"Received: shapes {shapes}."
        )
    fewest = [next(iter(sizes)) if len(sizes) == 1 else min(sizes) for sizes in pixels]
    return (*fewest, max(shape[-1] for shape in shapes.values()))


def _aligned(y, shape):
    """The output averaged down to the pixels of the shape, with channels of zeros up to its channels."""
    factors = tuple(1 if size == wanted else size // wanted for size, wanted in zip(y.shape[1:-1], shape, strict=False))
    if any(factor > 1 for factor in factors):
        y = _POOLING[len(factors)](factors if len(factors) > 1 else factors[0])(y)
    missing = shape[-1] - y.shape[-1]
    return ops.pad(y, [(0, 0)] * (len(y.shape) - 1) + [(0, missing)]) if missing else y
