"""Conformance of Keras optimizers: the table of the package's own, and the checks that each of them passes.

A check takes a callable that makes the optimizer, always the same one, and raises an AssertionError that says what
differs. It trains a linear network on 16 rows, four steps.
"""

import collections.abc
import dataclasses
import json

import keras
import numpy as np

from keras_hparam.distribute import strategies
from keras_hparam.testing.structures import require
from tests.learned_optimizers import trainees

STEPS = 4


@dataclasses.dataclass(frozen=True)
class Row:
    """An optimizer in the table: `make` is a callable that makes it."""

    make: collections.abc.Callable


TABLE = {
    "LearnedOptimizer": Row(lambda: trainees.random(steps=9, weight_decay=0.1)),
    "LearnedOptimizer, with a fallback": Row(
        lambda: trainees.random(fallback="adam", fallback_after=2, clipnorm=0.5, jit_compile=True)
    ),
}


def close(what, expected, received, tolerance=1e-5):
    """Raises unless lists of arrays are the same within the tolerance, relative and absolute."""
    for one, two in zip(expected, received, strict=True):
        error = np.max(np.abs(np.asarray(two) - np.asarray(one)) / (1 + np.abs(np.asarray(one))), initial=0.0)
        require(error <= tolerance, f"{what}: expected values within {tolerance:g}. Received: {error:.3g} off.")


def check_config_round_trip(make):
    """The configuration survives JSON and makes an optimizer that does the same."""
    optimizer = make()
    config = keras.optimizers.serialize(optimizer)
    clone = keras.optimizers.get(json.loads(json.dumps(config)))
    require(type(clone) is type(optimizer), f"Expected a {type(optimizer).__name__}. Received: {clone!r}.")
    require(clone.get_config() == optimizer.get_config(), "Expected the same configuration. Received: another one.")
    arrays = [[keras.ops.convert_to_numpy(v) for v in trainees.apply(one)] for one in (make(), clone)]
    close("The same steps from the configuration", *arrays)


def check_save_and_load(make, path):
    """A model loaded from a `.keras` file goes on as if it had not been saved."""
    expected, _ = trainees.fit(make(), STEPS)
    model, _ = trainees.fit(make(), STEPS // 2)
    model.save(path)
    loaded = keras.saving.load_model(path)
    before, after = ([keras.ops.convert_to_numpy(v) for v in one.optimizer.variables] for one in (model, loaded))
    close("Variables of a loaded optimizer", before, after, 0.0)
    trainees.fit(None, STEPS - STEPS // 2, loaded)
    close("A continued training", expected.get_weights(), loaded.get_weights())


def check_xla(make):
    """A step compiled by XLA, one in a graph and one without are the same."""
    expected, _ = trainees.fit(make(), STEPS)
    compiled, _ = trainees.fit(make(), STEPS, jit_compile=True)
    close("Steps under XLA", expected.get_weights(), compiled.get_weights())
    eager, _ = trainees.fit(make(), STEPS, compile_with={"run_eagerly": True})
    close("Eager steps", expected.get_weights(), eager.get_weights())


def check_two_replicas(make, devices):
    """`fit` on two replicas, each with half of the rows, is as on one."""
    expected, _ = trainees.fit(make(), STEPS)
    with strategies.mirrored(*devices).scope():
        received, _ = trainees.fit(make(), STEPS)
    close("Steps on two replicas", expected.get_weights(), received.get_weights())


def check_mixed_precision(make):
    """Under mixed_float16, with loss scaling, variables stay float32 and the loss goes the same way."""
    _, expected = trainees.fit(make(), STEPS)
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_float16")
        model, received = trainees.fit(make(), STEPS)
    finally:
        keras.config.set_dtype_policy(policy)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    require(scaled, f"Expected loss scaling. Received: {model.optimizer!r}.")
    dtypes = {variable.dtype for variable in model.optimizer.variables if "float" in variable.dtype}
    require(dtypes == {"float32"}, f"Expected float32 variables. Received: {dtypes}.")
    close("Losses in mixed precision", [expected], [received], 1e-2)
