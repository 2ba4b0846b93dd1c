"""Small models for tests of optimizers, the data they are trained on, and untrained and random learned optimizers."""

import keras
import numpy as np

from keras_hparam.learned_optimizers.config import OptimizerConfig
from keras_hparam.learned_optimizers.elementwise_rule import ElementwiseRule
from keras_hparam.learned_optimizers.optimizer import LearnedOptimizer

SMALL = OptimizerConfig(widths=(2,), features=("gradient", "factored", "time", "tensor"), momentum_decays=(0.9,))


def data():
    """(x [16, 5], y [16, 2])."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((16, 5)).astype("float32"), rng.standard_normal((16, 2)).astype("float32")


def network(*hidden):
    """A dense network, linear without hidden layers, with the same weights whenever and wherever it is made."""
    layers = [keras.layers.Dense(size, "tanh") for size in hidden]
    model = keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dense(2)])
    rng = np.random.default_rng(1)
    model.set_weights([0.5 * rng.standard_normal(weight.shape) for weight in model.get_weights()])
    return model


def random_theta(size=0.5):
    """θ of a rule that does something, though nothing useful."""
    rule = ElementwiseRule(SMALL)
    return rule.initial(0) + size * np.random.default_rng(0).standard_normal(rule.num_parameters).astype("float32")


def random(**kwargs):
    """A learned optimizer with that θ; without XLA, which takes long to compile."""
    return LearnedOptimizer(None, config=SMALL, theta=random_theta(), **{"jit_compile": False, **kwargs})


def untrained(**kwargs):
    """A learned optimizer that is Adam, and that Adam."""
    adam = keras.optimizers.Adam(SMALL.alpha / 2, epsilon=SMALL.epsilon, **kwargs)
    return LearnedOptimizer(None, config=SMALL, jit_compile=False, **kwargs), adam


def fit(optimizer, epochs=4, model=None, jit_compile=False, callbacks=(), compile_with=None, batch_size=16):
    """(the model, its loss after each epoch); with the optimizer None the model goes on with its own."""
    model = network() if model is None else model
    if optimizer is not None:
        model.compile(optimizer, "mse", jit_compile=jit_compile, **(compile_with or {}))
    options = {"batch_size": batch_size, "verbose": 0, "shuffle": False}
    return model, model.fit(*data(), epochs=epochs, callbacks=list(callbacks), **options).history["loss"]


def apply(optimizer, shapes=((5, 2), (2,)), steps=4, bad=None):
    """The variables after steps with gradients that are the same for every optimizer.

    Args:
        optimizer: of Keras.
        shapes: of the variables.
        steps: number of steps.
        bad: the step in which one number of the last gradient is NaN; None: none.
    """
    rng = np.random.default_rng(0)
    variables = [keras.Variable(np.asarray(rng.standard_normal(shape), "float32")) for shape in shapes]
    for step in range(steps):
        gradients = [np.asarray(rng.standard_normal(shape), "float32") for shape in shapes]
        if step == bad:
            gradients[-1].flat[-1] = np.nan
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], variables)
    return variables


def assert_same(one, two, rtol=1e-5, atol=1e-6):
    """Asserts that two models or lists of arrays are close, and lists of the same length."""
    one, two = (value.get_weights() if isinstance(value, keras.Model) else value for value in (one, two))
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        a, b = keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
