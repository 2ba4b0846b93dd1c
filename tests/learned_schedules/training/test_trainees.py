"""Optimizers of trainees are those of Keras, also with a rate that changes."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_hparam.learned_schedules.training import trainees

MAKE = {
    "sgd": lambda rate: keras.optimizers.SGD(rate), "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(rate), "adam": lambda rate: keras.optimizers.Adam(rate),
}  # fmt: skip
RATES = [0.1, 0.03, 0.05, 0.01, 0.02]


@pytest.mark.parametrize("name", list(trainees.KINDS))
def test_each_kind_is_that_of_keras(name):
    rng = np.random.default_rng(0)
    start = [rng.normal(size=(2, 4, 3)).astype("float32"), rng.normal(size=(2, 4, 2, 2)).astype("float32")]
    gradients = [[rng.normal(size=p.shape).astype("float32") for p in start] for _ in RATES]
    kinds = {k: ops.convert_to_tensor(v) for k, v in trainees.kinds_of(["adam", "sgd", name, "momentum"]).items()}
    parameters = [ops.convert_to_tensor(p) for p in start]
    state = trainees.init(parameters)
    for step, rate in enumerate(RATES):
        given = [ops.convert_to_tensor(g) for g in gradients[step]]
        parameters, state, lengths = trainees.update(kinds, state, parameters, given, ops.full((2, 4), rate), step)
    variables = [keras.Variable(p[1, 2]) for p in start]
    optimizer = MAKE[name](RATES[0])
    for step, rate in enumerate(RATES):
        before = [np.array(v) for v in variables]
        optimizer.learning_rate = rate
        optimizer.apply([ops.convert_to_tensor(g[1, 2]) for g in gradients[step]], variables)
    for found, expected in zip(parameters, variables, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(found)[1, 2], np.array(expected), rtol=1e-5, atol=1e-6)
    moved = np.sqrt(sum(np.square(np.array(v) - b).sum() for v, b in zip(variables, before, strict=True)))
    np.testing.assert_allclose(ops.convert_to_numpy(lengths)[1, 2], moved / RATES[-1], rtol=1e-3)


def test_the_norm_is_over_all_parameters():
    tensors = [ops.full((1, 2, 3), 2.0), ops.full((1, 2, 2, 2), 1.0)]
    np.testing.assert_allclose(trainees.norm(tensors), np.full((1, 2), 4.0))
