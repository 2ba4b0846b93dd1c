"""Features against NumPy over several steps; what holds for any gradient."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam.learned_optimizers import features
from keras_hparam.learned_optimizers.config import OptimizerConfig

CONFIG = OptimizerConfig()
SHAPES = [(), (5,), (1, 4), (4, 1), (6, 3), (2, 3, 4, 5)]


def squash(x):
    return np.minimum(np.maximum(x, -3.0), 3.0)


def history(gradients, power, decay):
    """The bias-corrected moving average of gradients**power [T, ...], as an explicit weighted mean."""
    weights = decay ** np.arange(len(gradients))[::-1]
    return np.tensordot(weights / weights.sum(), np.asarray(gradients, "float64") ** power, 1)


def reference(parameter, gradients):
    """The features per parameter after these gradients [T, *shape], by name."""
    v, m = history(gradients, 2, 0.999), [history(gradients, 1, decay) for decay in CONFIG.momentum_decays]
    fast, factored = history(gradients, 2, 0.9), history(gradients, 2, CONFIG.factored_decay)
    if parameter.ndim >= 2:
        matrix = factored.reshape(-1, parameter.shape[-1])
        factored = np.outer(matrix.mean(1), matrix.mean(0)).reshape(parameter.shape) / matrix.mean()
    else:
        factored = v
    rms = np.sqrt(np.mean(parameter.astype("float64") ** 2))
    plain = [gradients[-1] / np.sqrt(v), *[average / np.sqrt(v) for average in m]]
    plain += [gradients[-1] / np.sqrt(factored), m[0] / np.sqrt(factored), parameter / rms]
    return [*map(squash, plain), np.tanh(0.5 * np.log(fast / v))]


def computed(parameter, gradients, config=CONFIG):
    """The same by the package."""
    shapes = features.moment_shapes(config, parameter.shape)
    moments = {name: np.zeros(shape, "float32") for name, shape in shapes.items()}
    for gradient in gradients:
        moments = features.updated_moments(config, moments, gradient)
    step = np.float32(len(gradients) - 1)
    factors = features.corrections(config, step)
    inverse = features.inverse_root(moments["second_moment_0"], factors["second_moment_0"], config.epsilon)
    rms = features.root_mean_square(parameter)
    return features.element_features(config, moments, factors, parameter, gradients[-1], inverse, rms)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [1, 2, 25])
def test_features_are_what_numpy_computes(shape, steps, rng):
    parameter = np.asarray(rng.standard_normal(shape), "float32")
    gradients = np.asarray(rng.standard_normal((steps, *shape)) * 1e-3, "float32")
    received, expected = computed(parameter, gradients), reference(parameter, gradients)
    assert len(received) == len(expected) == features.num_element_features(CONFIG)
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(np.broadcast_to(one, shape), other, rtol=2e-4, atol=2e-5)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.floats(-6, 6), st.integers(1, 12))
def test_features_are_bounded_and_know_no_scale(seed, exponent, steps):
    rng = np.random.default_rng(seed)
    parameter, noise = rng.standard_normal((3, 4)).astype("float32"), rng.standard_cauchy((steps, 3, 4))
    noise *= rng.random((steps, 3, 4)) < 0.7  # zeros too
    plain = computed(parameter, noise.astype("float32"))
    scaled = computed(parameter, (noise * 10.0**exponent).astype("float32"))
    for one, other in zip(plain, scaled, strict=True):
        assert np.all(np.abs(one) <= 3.0)
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_gradients_of_zero_give_no_direction():
    found = computed(np.zeros((2, 3), "float32"), np.zeros((3, 2, 3), "float32"))
    assert not np.any(np.stack([np.broadcast_to(feature, (2, 3)) for feature in found]))


@given(st.floats(0, 1e6), st.one_of(st.none(), st.floats(1, 1e6)))
def test_time_features_are_the_formulas(step, total):
    received = features.time_features(CONFIG, np.float32(step), total)
    expected = [math.tanh(0.5 * math.log((step + 1) / scale)) for scale in CONFIG.time_scales]
    expected += [min(step / total, 1.0), 1.0] if total else [0.0, 0.0]
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


def test_a_total_of_zero_is_an_unknown_one():
    unknown = features.time_features(CONFIG, np.float32(3), None)
    np.testing.assert_array_equal(features.time_features(CONFIG, np.float32(3), 0), unknown)


def test_tensor_features_are_the_formulas():
    received = features.tensor_features((32, 2), np.full((1, 1), 0.3, "float32"), np.full((1, 1), 0.05, "float32"))
    expected = [math.tanh(0.5 * math.log(ratio)) for ratio in (0.3 / 0.1, 0.05 / 0.1, 32 / 64)]
    np.testing.assert_allclose(received, [*expected, 1.0], rtol=1e-5)
    vector = features.tensor_features((5,), np.ones(1, "float32"), np.ones(1, "float32"))
    np.testing.assert_allclose(vector[2:], [-63 / 65, 0.0], rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_root_mean_square_is_that_of_each_tensor_of_a_batch(shape, rng):
    x = np.asarray(rng.standard_normal((3, 2, *shape)), "float32")
    received = np.asarray(features.root_mean_square(x, 2))
    assert received.shape == (3, 2, *(1,) * len(shape))
    np.testing.assert_allclose(received.reshape(3, 2), np.sqrt(np.mean(x.reshape(3, 2, -1) ** 2, -1)), rtol=1e-5)


def test_only_what_is_asked_for_is_kept():
    assert set(features.moment_shapes(OptimizerConfig(features=("time",)), (3, 2))) == {"momentum_0", "second_moment_0"}
    shapes = features.moment_shapes(CONFIG, (2, 3, 4))
    assert shapes["rows"] == (6,) and shapes["columns"] == (4,) and shapes["momentum_1"] == (2, 3, 4)
    assert "rows" not in features.moment_shapes(CONFIG, (4,))
