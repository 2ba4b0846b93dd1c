"""Training on mixtures: what is mixed, the loss, shares, saving."""

import keras
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.autohas import mixup
from keras_hparam.autohas.mixup import MixupModel
from tests.autohas import problems


def made(alpha=0.4, seed=3, loss="sparse_categorical_crossentropy", optimizer="sgd", regularizer=None, **arguments):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6,)), keras.layers.Dense(3, "softmax", kernel_regularizer=regularizer)]
    model = MixupModel(keras.Sequential(layers), alpha, seed=seed)
    model.compile(optimizer, loss, **arguments)
    return model


def cross_entropies(p, y):
    return -np.log(p[np.arange(len(y)), y])


def mixture(model, x, y, weights=1.0):
    """The loss with the share that the model drew last."""
    share = float(model.share.value)
    p = np.asarray(model.model(share * x + (1 - share) * x[::-1]))
    weights = np.broadcast_to(weights, len(y))
    first, second = weights * cross_entropies(p, y), weights[::-1] * cross_entropies(p, y[::-1])
    return np.mean(share * first + (1 - share) * second)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_batch_is_mixed_with_itself_in_reverse_order(share, rng):
    x = rng.normal(size=(4, 2, 3)).astype("float32")
    for model in (
        keras.Sequential([keras.Input((2, 3)), keras.layers.ReLU()]),
        keras.Sequential([]),
    ):  # one of them knows its inputs
        np.testing.assert_allclose(mixup.mixed(x, share, model), share * x + (1 - share) * x[::-1], rtol=1e-6)


def test_integers_are_mixed_as_the_floats_that_the_model_takes(rng):
    x = rng.integers(0, 255, (4, 2)).astype("uint8")
    found = mixup.mixed(x, 0.25, keras.Sequential([keras.Input((2,)), keras.layers.ReLU()]))
    np.testing.assert_allclose(found, 0.25 * x + 0.75 * x[::-1].astype("float32"), rtol=1e-6)


def test_tokens_cannot_be_mixed(rng):
    tokens = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(9, 3), keras.layers.Flatten()])
    x = rng.integers(0, 9, (4, 2)).astype("int32")
    assert MixupModel(tokens, 0.2)(x).shape == (4, 6)
    with pytest.raises(errors.InvalidArgumentError, match="Expected `mixup` to be 0 .*Received: 'int32'"):
        MixupModel(tokens, 0.2)(x, training=True)


def test_shares_are_drawn_from_beta(rng):
    found = mixup.draw_shares(rng, (0.0, 0.2, 3.0), 20000)
    assert found.shape == (20000, 3) and found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 0], 1.0)
    for column, alpha in zip(found.T[1:], (0.2, 3.0), strict=True):
        assert column.mean() == pytest.approx(0.5, abs=0.01)
        assert column.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_the_loss_of_fit_is_the_mixture_with_the_share_that_it_drew():
    x, y = problems.data(number=16)
    model, shares = made(optimizer=keras.optimizers.SGD(0.0)), []
    for _ in range(3):
        loss = model.fit(x, y, batch_size=16, shuffle=False, verbose=0).history["loss"][0]
        shares.append(float(model.share.value))
        assert loss == pytest.approx(mixture(model, x, y), rel=1e-5)
    assert len(set(shares)) == 3 and all(0 <= share <= 1 for share in shares)


def test_examples_keep_their_weights_and_regularizers_count_once():
    x, y = problems.data(number=16)
    weights = np.linspace(0.0, 2.0, 16).astype("float32")
    model = made(optimizer=keras.optimizers.SGD(0.0), regularizer=keras.regularizers.L2(0.5))
    loss = model.fit(x, y, sample_weight=weights, batch_size=16, shuffle=False, verbose=0).history["loss"][0]
    penalty = 0.5 * np.sum(np.asarray(model.model.layers[0].kernel) ** 2)
    assert loss == pytest.approx(mixture(model, x, y, weights) + penalty, rel=1e-5)


def test_one_step_moves_the_weights_along_the_gradient_of_the_mixture():
    x, y = problems.data(number=16)
    model = made(optimizer=keras.optimizers.SGD(1.0))
    kernel, bias = (np.asarray(v) for v in model.model.layers[0].weights)
    model.fit(x, y, batch_size=16, shuffle=False, verbose=0)
    share = float(model.share.value)
    mixed = share * x + (1 - share) * x[::-1]
    logits = mixed @ kernel + bias
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    goals = share * np.eye(3)[y] + (1 - share) * np.eye(3)[y[::-1]]
    wanted = kernel - mixed.T @ (p - goals) / 16
    np.testing.assert_allclose(model.model.layers[0].kernel, wanted, atol=1e-5)


def test_without_training_it_is_the_model_itself():
    x, y = problems.data()
    model = made(metrics=["accuracy"])
    p = np.asarray(model.model(x))
    np.testing.assert_allclose(model.predict(x, verbose=0), p, rtol=1e-6)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(cross_entropies(p, y).mean(), rel=1e-5)
    assert accuracy == pytest.approx(np.mean(p.argmax(axis=1) == y))


def test_a_seed_repeats_the_shares():
    x, y = problems.data()
    found = [made(seed=seed).fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"] for seed in (3, 3, 4)]
    assert found[0] == found[1] != found[2]


def test_keras_does_not_choose_xla_for_it(monkeypatch):
    """On a GPU it would, and XLA has no beta distribution."""
    import tensorflow as tf

    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: [gpu])
    model = made()
    model.model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.model.jit_compile and not model.jit_compile


def test_a_saved_model_predicts_and_trains_on(tmp_path):
    x, y = problems.data(number=16)
    model = made(optimizer="adam")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again, MixupModel) and again.alpha == 0.4 and again.seed == 3
    p = again.predict(x, verbose=0)
    np.testing.assert_allclose(p, model.predict(x, verbose=0), rtol=1e-6)
    again.optimizer.learning_rate.assign(0.0)
    loss = again.fit(x, y, batch_size=16, shuffle=False, verbose=0).history["loss"][0]
    assert loss == pytest.approx(mixture(again, x, y), rel=1e-5) and int(again.optimizer.iterations) == 2


def test_a_model_without_a_shape_gets_it_from_the_data():
    x, y = problems.data()
    model = MixupModel(keras.Sequential([keras.layers.Dense(3, "softmax")]), 0.2)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert model.model.layers[0].kernel.shape == (6, 3)
