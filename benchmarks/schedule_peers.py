"""Schedules made by hand, and two methods that adapt rates, in one compiled loop over the steps of an epoch.

Sources: cosine, Loshchilov & Hutter 2017, arXiv 1608.03983; one-cycle, Smith 2018, arXiv 1803.09820; hypergradient
descent, Baydin et al. 2018, arXiv 1703.04782; schedule-free AdamW, Defazio et al. 2024, arXiv 2405.15682; the plateau
rule, `keras.callbacks.ReduceLROnPlateau`.
"""

import math

import keras
import numpy as np
from keras import ops

from keras_hparam.distribute import compilation
from keras_hparam.ops.differentiation import value_and_gradient

FACTORS = {  # of the base rate, by the share of the training that is done
    "constant": lambda share: 1.0,
    "step": lambda share: 0.1 ** ((share >= 0.5) + (share >= 0.75)),
    "exponential": lambda share: 0.01**share,
    "cosine": lambda share: min(1.0, share / 0.05 + 0.01) * 0.5 * (1 + math.cos(math.pi * share)),
    "one_cycle": lambda share: _one_cycle(share),
    "adam_cosine": lambda share: min(1.0, share / 0.05 + 0.01) * 0.5 * (1 + math.cos(math.pi * share)),
    "schedule_free_adamw": lambda share: min(1.0, share / 0.05 + 0.01),
}
ADAPTIVE = ("plateau", "plateau_capped", "hypergradient")
METHODS = (*FACTORS, *ADAPTIVE)
USUAL = {"adam_cosine": 0.001, "schedule_free_adamw": 0.0025}  # rates of who does not tune; the others': 0.01
RATES = {method: np.geomspace(3e-4, 3e-2, 7) if method in USUAL else np.geomspace(3e-3, 0.6, 7) for method in METHODS}
HYPER_RATE, CAP = 1e-3, 0.03
PATIENCE, REDUCTION = 3, 0.3  # of the plateau rule, in epochs
WEIGHT_DECAY = 0.01


def _one_cycle(share, warm=0.3, start=25.0, end=1e4):
    if share < warm:
        return 1 / start + (1 - 1 / start) * 0.5 * (1 - math.cos(math.pi * share / warm))
    return 1 / end + (1 - 1 / end) * 0.5 * (1 + math.cos(math.pi * (share - warm) / (1 - warm)))


class Engine:
    """Trainings of one network on data of fixed shapes.

    Args:
        model: Keras model; its weights at a call are the first ones.
        batch_size: of a step.
        xla: whether XLA compiles them, which on CPUs is slow for convolutions and fast for anything else.
    """

    def __init__(self, model, batch_size, xla=True):
        self.model, self.batch_size = model, batch_size
        self._epochs, self._compile = {}, compilation.compile if xla else _graph
        self.evaluate = self._compile(self._evaluate)

    def _outputs(self, parameters, fixed, x):
        return self.model.stateless_call(parameters, fixed, x, training=False)[0]

    def _evaluate(self, parameters, x, y):
        fixed = [ops.convert_to_tensor(v) for v in self.model.non_trainable_variables]
        outputs = self._outputs(parameters, fixed, x)
        return _loss(outputs, y), ops.mean(ops.cast(ops.argmax(outputs, axis=-1) == ops.cast(y, "int32"), "float32"))

    def epoch(self, kind):
        """The compiled program of an epoch for a kind of update."""
        if kind not in self._epochs:
            self._epochs[kind] = self._compile(lambda *a: self._epoch(kind, *a))
        return self._epochs[kind]

    def _epoch(self, kind, state, x, y, rows, rates):
        """(state after the steps); rows int [steps, batch], rates float [steps]."""
        fixed = [ops.convert_to_tensor(v) for v in self.model.non_trainable_variables]

        def body(step, state):
            rate = ops.take(rates, step)
            chosen = ops.take(rows, step, axis=0)
            batch_x, batch_y = ops.take(x, chosen, axis=0), ops.take(y, chosen, axis=0)

            def loss(parameters):
                return _loss(self._outputs(parameters, fixed, batch_x), batch_y)

            return step + 1, UPDATES[kind](state, loss, rate)

        start = ops.zeros((), "int32")
        return ops.while_loop(lambda step, _: step < rows.shape[0], body, (start, state))[1]


def _graph(function):
    """The function as a graph of TensorFlow."""
    import tensorflow as tf

    graph = tf.function(function)
    return lambda *arguments: graph(*keras.tree.map_structure(ops.convert_to_tensor, arguments))


def _loss(outputs, y):
    return ops.mean(keras.losses.sparse_categorical_crossentropy(y, outputs))


def initial_state(parameters):
    """Parameters, two moments, the averaged parameters, and scalars: steps, rate factor, sum of weights, length."""
    zeros = [np.zeros_like(p) for p in parameters]
    scalars = {"step": np.float32(0), "factor": np.float32(1), "weights": np.float32(0), "length": np.float32(0)}
    return {"parameters": parameters, "first": zeros, "second": zeros, "average": parameters, **scalars}


def _momentum(state, loss, rate):
    _, gradients = value_and_gradient(loss)(state["parameters"])
    first = [0.9 * m - rate * g for m, g in zip(state["first"], gradients, strict=True)]
    moved = [p + m for p, m in zip(state["parameters"], first, strict=True)]
    return state | {"parameters": moved, "first": first, "step": state["step"] + 1.0}


def _capped(state, loss, rate):
    """Momentum with steps of at most CAP times the parameters' norm; what the cap takes stays taken."""
    _, gradients = value_and_gradient(loss)(state["parameters"])
    length = ops.where(state["length"] > 0, state["length"], _norm(gradients))
    limit = CAP * _norm(state["parameters"]) / length
    factor = ops.minimum(state["factor"], limit / rate)
    first = [0.9 * m - rate * factor * g for m, g in zip(state["first"], gradients, strict=True)]
    moved = [p + m for p, m in zip(state["parameters"], first, strict=True)]
    length = _norm(first) / (rate * factor)
    state = state | {"parameters": moved, "first": first, "factor": factor, "length": length}
    return state | {"step": state["step"] + 1.0}


def _hypergradient(state, loss, rate):
    """Descent along a momentum, whose rate follows its own gradient; `factor` − 1 is what was added to the rate."""
    _, gradients = value_and_gradient(loss)(state["parameters"])
    inner = sum(ops.sum(g * m) for g, m in zip(gradients, state["first"], strict=True))
    factor = state["factor"] + HYPER_RATE * inner / rate
    first = [0.9 * m + g for m, g in zip(state["first"], gradients, strict=True)]
    moved = [p - rate * factor * m for p, m in zip(state["parameters"], first, strict=True)]
    return state | {"parameters": moved, "first": first, "factor": factor, "step": state["step"] + 1.0}


def _adam(state, loss, rate):
    _, gradients = value_and_gradient(loss)(state["parameters"])
    step = state["step"] + 1.0
    first = [0.9 * m + 0.1 * g for m, g in zip(state["first"], gradients, strict=True)]
    second = [0.999 * v + 0.001 * ops.square(g) for v, g in zip(state["second"], gradients, strict=True)]
    moved = [
        p - rate * m / (1 - 0.9**step) / (ops.sqrt(v / (1 - 0.999**step)) + 1e-7)
        for p, m, v in zip(state["parameters"], first, second, strict=True)
    ]
    return state | {"parameters": moved, "first": first, "second": second, "step": step}


def _schedule_free(state, loss, rate):
    """`first` is z, `average` x; gradients are those at y, between them, and x is what counts."""
    step = state["step"] + 1.0
    z, x = state["first"], state["average"]
    y = [0.1 * one + 0.9 * other for one, other in zip(z, x, strict=True)]
    _, gradients = value_and_gradient(loss)(y)
    second = [0.999 * v + 0.001 * ops.square(g) for v, g in zip(state["second"], gradients, strict=True)]
    z = [
        one - rate * (g / (ops.sqrt(v / (1 - 0.999**step)) + 1e-8) + WEIGHT_DECAY * other)
        for one, g, v, other in zip(z, gradients, second, y, strict=True)
    ]
    weights = state["weights"] + rate**2
    share = rate**2 / weights
    x = [(1 - share) * one + share * other for one, other in zip(x, z, strict=True)]
    return state | {"parameters": x, "average": x, "first": z, "second": second, "weights": weights, "step": step}


def _norm(tensors):
    return ops.sqrt(sum(ops.sum(ops.square(tensor)) for tensor in tensors))


UPDATES = {
    "momentum": _momentum, "plateau_capped": _capped, "hypergradient": _hypergradient, "adam_cosine": _adam,
    "schedule_free_adamw": _schedule_free,
}  # fmt: skip


def train(engine, method, rate, data, epochs, seed):
    """Trains from the model's weights: dict of "validation_loss" and "test_accuracy" at the end.

    Args:
        engine: `Engine`.
        method: one of METHODS.
        rate: float > 0, the base rate.
        data: dict of (x, y) by part.
        epochs: int.
        seed: int, of the order of the examples.
    """
    (x, y), parameters = data["train"], [ops.convert_to_numpy(v) for v in engine.model.trainable_variables]
    state, rng = initial_state(parameters), np.random.default_rng((seed, 11))
    if method == "schedule_free_adamw":
        state["first"] = parameters
    steps = len(x) // engine.batch_size
    program, best, waited = engine.epoch(method if method in UPDATES else "momentum"), math.inf, 0
    for epoch in range(epochs):
        rows = rng.permutation(len(x))[: steps * engine.batch_size].reshape(steps, -1).astype("int32")
        shares = (epoch * steps + np.arange(steps)) / (epochs * steps)
        rates = [rate * FACTORS.get(method, FACTORS["constant"])(share) for share in shares]
        state = program(state, x, y, rows, np.array(rates, "float32"))
        if method in ("plateau", "plateau_capped"):
            loss = float(engine.evaluate(state["parameters"], *data["validation"])[0])
            best, waited = (loss, 0) if loss < best - 1e-4 else (best, waited + 1)
            if waited >= PATIENCE:
                rate, waited = rate * REDUCTION, 0
    loss, _ = engine.evaluate(state["parameters"], *data["validation"])
    _, accuracy = engine.evaluate(state["parameters"], *data["test"])
    return {"validation_loss": float(loss), "test_accuracy": float(accuracy)}
