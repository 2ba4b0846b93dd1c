"""Milliseconds of what a search one step ahead computes, beside a plain training step of the same supernet."""

import time

import numpy as np
from keras import ops, tree

from keras_hparam.autohas.auto_has import AutoHAS
from keras_hparam.autohas.batches import Examples
from keras_hparam.autohas.searcher import Searcher
from keras_hparam.autohas.shared_weights import SharedWeights
from keras_hparam.distribute import programs


def measure(task, repeats=40):
    """Dict of milliseconds and ratios, medians of turns that alternate.

    "step": one step of the supernet's weights under a mixture; "iteration": that and a step of the encodings, with
    second derivatives and without; each as a ratio to "step", and the former per optimizer basis.

    Args:
        task: `autohas_runs.Task`.
        repeats: int.
    """
    found, calls = {}, {}
    for name, second_order in (("second order", True), ("first order", False)):
        searcher = _searcher(task, second_order)
        calls[name] = _turn(searcher)
    calls["step"] = _plain(searcher)
    for call in calls.values():
        call()
    seconds = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - began)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    optimizers = len(searcher.supernet.rules)
    found["milliseconds of a plain step"] = 1e3 * medians["step"]
    for name in ("second order", "first order"):
        ratio = (medians["step"] + medians[name]) / medians["step"]
        found |= {f"iteration, {name}, in steps": ratio, f"the same per optimizer basis, {name}": ratio / optimizers}
    return found


def _searcher(task, second_order):
    settings = AutoHAS(task.build, method="differentiable", horizon=1, samples=1, second_order=second_order).settings
    search = AutoHAS(task.build, **settings.to_dict())
    return Searcher(
        search._supernet(), Examples("train", task.data.train, task.batch_size, 0),
        Examples("validation", task.data.validation, task.batch_size, 1), task.epochs, settings,
    )  # fmt: skip


def _arguments(searcher):
    searcher.initial = tree.map_structure(ops.convert_to_tensor, searcher.initial)
    size = searcher.supernet.size
    logits, noise = np.zeros(size, "float32"), np.zeros(size, "float32")
    x, y, shares = searcher.batches.stack(0, 1)
    return logits, noise, (x[0], y[0], shares[0]), searcher.validation.at(0)


def _turn(searcher):
    shared = SharedWeights(searcher.supernet, programs.create(None, jit=False), searcher.settings)
    logits, noise, batch, held_out = _arguments(searcher)
    one = np.float32(1.0)

    def call():
        found = shared.encoding_gradient(logits, noise, one, 0 * one, searcher.initial, *batch, *held_out, one)
        return ops.convert_to_numpy(found[2])

    return call


def _plain(searcher):
    shared = SharedWeights(searcher.supernet, programs.create(None, jit=False), searcher.settings)
    logits, noise, batch, _ = _arguments(searcher)
    coefficients = shared.coefficients(logits, noise, 1.0)

    def call():
        _, gradients, others = shared.gradient(searcher.initial, coefficients, *batch)
        state = shared.apply(searcher.initial, gradients, others, coefficients, np.float32(1.0))
        return ops.convert_to_numpy(state["trained"][0])

    return call
