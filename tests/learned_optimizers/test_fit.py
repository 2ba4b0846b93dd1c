"""What Keras offers beside a plain step; an untrained learned optimizer against the Adam that it is."""

import keras
import numpy as np
import pytest

from tests.learned_optimizers.trainees import apply, assert_same, data, fit, random, untrained


@pytest.mark.parametrize(
    "options",
    [
        {"clipnorm": 0.5},
        {"clipvalue": 0.2},
        {"global_clipnorm": 0.5, "weight_decay": 0.5},
        {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
        {"gradient_accumulation_steps": 2},
        {"loss_scale_factor": 8.0},
    ],
)
def test_options_of_keras_optimizers_are_those_of_adam(options):
    ours, adam = untrained(**options)
    assert_same(apply(ours), apply(adam), rtol=1e-4, atol=1e-5)


def test_parameters_can_be_kept_from_decaying():
    (ours, adam), (decaying, _) = untrained(weight_decay=0.5), untrained(weight_decay=0.5)
    for optimizer in (ours, adam):
        optimizer.exclude_from_weight_decay(var_names=["variable"])
    kept = apply(ours)
    assert_same(kept, apply(adam), rtol=1e-4, atol=1e-5)
    assert np.abs(keras.ops.convert_to_numpy(apply(decaying)[0] - kept[0])).max() > 1e-3


def test_every_shape_is_trained():
    shapes = [(), (1,), (3,), (1, 4), (4, 1), (3, 3, 2, 4), (0, 3), (2, 0)]
    ours, adam = untrained()
    assert_same(apply(ours, shapes), apply(adam, shapes), rtol=1e-4, atol=1e-5)


def test_nothing_but_empty_variables_is_no_error():
    assert [v.shape for v in apply(random(fallback="sgd"), [(0, 3)])] == [(0, 3)]


def test_accumulation_averaging_and_several_steps_at_once_work_in_a_graph():
    options = {"gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 2}
    ours, adam = untrained(**options)
    expected, _ = fit(adam, batch_size=4)
    assert_same(fit(ours, batch_size=4, compile_with={"steps_per_execution": 4})[0], expected, rtol=1e-4, atol=1e-5)


def test_loss_scaling_around_it_skips_by_itself():
    model, _ = fit(keras.optimizers.LossScaleOptimizer(random(), initial_scale=2.0**10))
    assert_same(model, fit(random())[0], rtol=1e-4, atol=1e-5)
    weights, inner = model.get_weights(), model.optimizer.inner_optimizer
    model.train_on_batch(data()[0] * np.nan, data()[1])
    assert_same(model, weights, rtol=0, atol=0)
    assert (int(inner.iterations), int(inner.skipped_steps)) == (4, 0)


@pytest.mark.parametrize("dtype, average", [("bfloat16", "float32"), ("float64", "float64")])
def test_variables_keep_their_dtype_and_averages_have_at_least_float32(dtype, average):
    variable, optimizer = keras.Variable(np.ones((3, 2)), dtype=dtype), random()
    optimizer.apply([keras.ops.ones((3, 2), dtype)], [variable])
    assert variable.dtype == dtype and np.all(np.abs(keras.ops.convert_to_numpy(variable) - 1) > 1e-3)
    assert {v.dtype for v in optimizer.variables if tuple(v.shape) == (3, 2)} == {average}


def test_embeddings_are_trained_as_a_product_with_indicators():
    indices, y = np.random.default_rng(0).integers(4, size=(16, 3)), np.zeros((16, 2), "float32")

    def train(first, x, **kwargs):
        inputs = keras.Input(x.shape[1:], dtype=x.dtype)
        model = keras.Sequential([inputs, first, keras.layers.GlobalAveragePooling1D()])
        model.compile(random(), "mse", **kwargs)
        model.fit(x, y, epochs=3, verbose=0, shuffle=False)
        return model

    initializer = keras.initializers.RandomNormal(seed=3)
    dense = keras.layers.Dense(2, use_bias=False, kernel_initializer=initializer)
    expected = train(dense, np.eye(9, dtype="float32")[indices])
    for jit_compile in (True, False):
        table = keras.layers.Embedding(9, 2, embeddings_initializer=keras.initializers.RandomNormal(seed=3))
        assert_same(train(table, indices, jit_compile=jit_compile), expected, rtol=1e-4, atol=1e-5)


def test_a_convolutional_network_learns():
    x = np.random.default_rng(0).standard_normal((16, 6, 6, 1)).astype("float32")
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()])
    model.compile(untrained()[0], "mse", jit_compile=False)
    losses = model.fit(x, x.mean((1, 2)) + 1.0, batch_size=16, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_a_variable_without_a_gradient_stays():
    one, two, optimizer = keras.Variable(np.ones(2)), keras.Variable(np.ones(2)), random()
    optimizer.build([one, two])
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([None, keras.ops.ones(2)], [one, two])
    assert np.all(one.numpy() == 1) and np.all(two.numpy() != 1)
