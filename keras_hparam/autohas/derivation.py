"""From encodings to hyperparameters and a plain model.

Source: US20210383223A1, claims 11–13.
"""

import keras
import numpy as np
from keras import ops

from keras_hparam import errors
from keras_hparam.autohas import mixtures
from keras_hparam.configuration import require

CONTINUOUS = ("most_probable", "weighted_sum")
_TOLERANCE = 1e-3


def values_of(bases, probabilities, continuous="most_probable"):
    """Dict from name to value: the most probable candidate of each basis.

    Args:
        bases: list of `Basis`.
        probabilities: float array [E] of all bases one after the other.
        continuous: "weighted_sum" for the sum of the candidates of continuous bases, weighted by their probabilities.

    Raises:
        InvalidArgumentError: for another `continuous`.
    """
    require("continuous", continuous, continuous in CONTINUOUS, f"one of {CONTINUOUS}")
    found, start = {}, 0
    for basis in bases:
        part = np.asarray(probabilities[start : start + len(basis)])
        start += len(basis)
        if continuous == "most_probable":
            part = np.eye(len(basis))[int(np.argmax(part))]
        found[basis.name] = basis.combine(part)
    return found


def inherit(model, supernet, state, coefficients, x):
    """Gives a derived model the weights that the supernet has for it.

    Layers correspond in the order of the models, candidates by their position; of a width the first channels count.

    Args:
        model: plain `keras.Model` that the same build function made.
        supernet: `Supernet`.
        state: of the supernet.
        coefficients: one-hot array [E] of the derived architecture.
        x: [b, …], examples on which both have to agree.

    Raises:
        InvalidArgumentError: if variables do not correspond, or outputs differ.
    """
    sources, targets = list(_values(supernet, state, coefficients)), list(_variables(model))
    fits = len(sources) == len(targets) and all(
        len(s.shape) == len(t.shape) and all(a >= b for a, b in zip(s.shape, t.shape, strict=True))
        for s, t in zip(sources, targets, strict=True)
    )
    if not fits:
        raise errors.InvalidArgumentError(
            "Expected a derived model whose variables are those of the supernet, or their first channels. Received: "
            f"shapes {[tuple(t.shape) for t in targets]}, but {[tuple(s.shape) for s in sources]} in the supernet."
        )
    for source, target in zip(sources, targets, strict=True):
        target.assign(source[tuple(slice(size) for size in target.shape)])
    with mixtures.sampled_paths():
        wanted, _, _ = supernet.outputs(
            state["trained"], state["others"], coefficients, ops.convert_to_tensor(x), False
        )
    difference = float(ops.max(ops.abs(model(x, training=False) - wanted)) / (ops.max(ops.abs(wanted)) + 1e-9))
    if not difference <= _TOLERANCE:
        raise errors.InvalidArgumentError(
            "Expected the derived model to compute what the supernet does with this architecture, so that it can "
            "inherit weights; layers that mix channels or fill masked ones, such as Flatten or BatchNormalization "
            "after a width, prevent it. "
            f"Received: outputs that differ by {difference:.3g}, relatively."
        )


def _values(supernet, state, coefficients):
    """The supernet's values, as arrays, of the variables that a derived model has, in its order."""
    at = {id(v): state["trained"][i] for i, v in enumerate(supernet.model.trainable_variables)}
    at |= {id(v): state["others"][i] for i, v in enumerate(supernet.model.non_trainable_variables)}
    for layer in _leaves(supernet.model, lambda name: int(np.argmax(supernet.part(coefficients, name)))):
        yield from (ops.convert_to_numpy(at[id(v)]) for v in layer.weights if not _is_seed(v))


def _variables(model):
    for layer in _leaves(model):
        yield from (v for v in layer.weights if not _is_seed(v))


def _leaves(model, chosen=None):
    """The layers that hold weights themselves; of a choice those of the chosen candidate."""
    for layer in model.layers:
        if isinstance(layer, mixtures.Choice):
            yield from _leaves(layer.candidates[chosen(layer.basis_name)], chosen)
        elif isinstance(layer, keras.Model):
            yield from _leaves(layer, chosen)
        elif not isinstance(layer, mixtures.Relaxed):
            yield layer


def _is_seed(variable):
    return variable.name.startswith("seed_generator_state")
