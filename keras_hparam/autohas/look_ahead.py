"""One step ahead: a copy of the shared weights moves by the hyperparameters of an encoding, validation data judge it.

W′ = Σ_b C_b W_b over the basis sets b of hyperparameters, where W_b is one step from W by the set b, and C_b the
product of its coefficients. Optimizers, rates and decay factorise: for one gradient the sum is
W − (Σ q η)(Σ p d + (Σ r λ) W).
Losses, augmentations and whatever else changes the gradient do not, since the direction of Adam or RMSprop is not
linear in it: each set of them has its own gradient.

Source: US20210383223A1, claims 1, 9 and 10; the second-order term as in Liu et al. 2019, arXiv 1806.09055.

Axes: as of `supernet`.
"""

import itertools

import numpy as np
from keras import ops

from keras_hparam.ops.differentiation import exact_moments, value_and_gradient


def gradient_sets(supernet, enumerate_all=False):
    """The sets of candidates that each have their own gradient.

    Args:
        supernet: `Supernet`.
        enumerate_all: bool, whether continuous hyperparameters that enter the forward pass are enumerated, too. If not,
            dropout is a mixture of its rates, and smoothing and mixup enter as weighted sums.

    Returns:
        List of dicts from the name of a basis to the index of a candidate.
    """
    names = ["augmentation", "loss"]
    if enumerate_all:
        names += [name for name, basis in zip(supernet.names, supernet.bases, strict=True) if _is_forward(name, basis)]
    names = [name for name in names if len(supernet.bases[supernet.names.index(name)]) > 1]
    sizes = [range(len(supernet.bases[supernet.names.index(name)])) for name in names]
    return [dict(zip(names, indices, strict=True)) for indices in itertools.product(*sizes)]


def combined_step(supernet, state, coefficients, x, y, shares, factor, sets):
    """The trained variables W′.

    Args:
        supernet: `Supernet`.
        state: its state; stays as it is.
        coefficients: float [E], which gradients may be taken with respect to.
        x: [A, b, …]; y: [b]; shares: [n]; factor: as of `Supernet.step`.
        sets: of `gradient_sets`.
    """
    weights, moves = [], []
    for chosen in sets:
        fixed, weight = _with(supernet, coefficients, chosen)
        index = chosen.get("augmentation", 0)

        def loss(trained, fixed=fixed, index=index):
            return supernet.training_loss(trained, state["others"], fixed, x[index], y, shares)[0]

        with exact_moments():
            _, gradients = value_and_gradient(loss)(list(state["trained"]))
        moves.append(supernet.directions(state["slots"], gradients, state["step"])[0])
        weights.append(weight)
    count = len(state["trained"])
    mixed = [
        [sum(w * m[o][i] for w, m in zip(weights, moves, strict=True)) for i in range(count)]
        for o in range(len(supernet.rules))
    ]
    return supernet.moved(state["trained"], mixed, coefficients, factor, is_sum=True)


def validation_loss(supernet, state, coefficients, batch, held_out, factor, sets, second_order=True):
    """(loss, right share) of W′ on held-out examples, a function of the coefficients.

    Args:
        batch: (x [A, b, …], y, shares), training examples.
        held_out: (x [b, …], y).
        second_order: bool, whether W′ depends on the architecture, too, through its gradient; if not, and for
            hyperparameters that only the gradient contains, the coefficients in it are constant.
    """
    inner = coefficients
    if not second_order:  # only what the rule of the step contains stays differentiable
        kept = ("optimizer", "learning_rate", "weight_decay", "augmentation", "loss")
        mask = np.zeros(supernet.size, "float32")
        for name in kept:
            mask[supernet.slices[name]] = 1.0
        inner = coefficients * mask + ops.stop_gradient(coefficients) * (1.0 - mask)
    moved = combined_step(supernet, state, inner, *batch, factor, sets)
    return supernet.validation(moved, state["others"], coefficients, *held_out)


def _is_forward(name, basis):
    known = ("optimizer", "learning_rate", "weight_decay")
    return basis.kind == "continuous" and name not in known


def _with(supernet, coefficients, chosen):
    """(coefficients in which the chosen candidates have 1, the product of the coefficients they had)."""
    weight, mask, ones = 1.0, np.ones(supernet.size, "float32"), np.zeros(supernet.size, "float32")
    for name, index in chosen.items():
        where = supernet.slices[name]
        weight = weight * coefficients[where.start + index]
        mask[where], ones[where.start + index] = 0.0, 1.0
    return coefficients * mask + ones, weight
