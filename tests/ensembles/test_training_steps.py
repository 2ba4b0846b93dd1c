"""Training and tuning steps against losses and gradients computed another way, and on several replicas.

Axes: K members, n examples, P columns.
"""

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_hparam as kh
from keras_hparam import distribute, ensembles, errors
from keras_hparam.ensembles import draws
from tests.ensembles import models
from tests.ensembles.models import K

WITHOUT_DROPOUT = (ensembles.L2(1e-4, 1e-1), ensembles.LabelSmoothing(1e-3, 0.3))


def plain(**kwargs):
    """Without dropout, whose masks have a state of their own."""
    arguments = {"optimizer": keras.optimizers.SGD(0.1), "hyperparameters": WITHOUT_DROPOUT, **kwargs}
    return models.compiled(models.mlp(dropout=False), **arguments)


def penalty(model, encoded, l2):
    """Σ over layers of l2 · (‖W_k(λ)‖² + ‖b_k(λ)‖²), for each row of λ, from materialised kernels."""
    total = np.zeros(encoded.shape[:2])
    for index, part in enumerate(model.converted.parts):
        for row in range(encoded.shape[1]):
            kernels, biases = part.converted.member_weights(encoded[:, row])
            norms = (kernels**2).sum((1, 2)) + (biases**2).sum(1)
            total[:, row] += l2[:, row, index] * norms
    return total


def test_the_training_loss_is_that_of_each_member_and_example():
    model, (x, y) = plain(), models.data(size=6)
    shape = (K, 6, len(model.columns))
    uniform = np.asarray(draws.uniform(model.seed, 0, shape, 0))
    lower, upper = model.bounds.values()
    values = lower[:, None] * (upper / lower)[:, None] ** uniform
    encoded = np.asarray(model.bounds.encode(values.astype("float32")))
    logits = np.asarray(model.run(x, uniform=uniform)[0], "float64")
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    smoothing = values[..., 2:]
    targets = (1 - smoothing) * np.eye(3)[y] + smoothing / 3
    expected = (-(targets * log_p).sum(-1) + penalty(model, encoded, values)).mean()
    loss, share, members = model.update(x, y)
    np.testing.assert_allclose(float(loss), expected, rtol=1e-5)
    np.testing.assert_allclose(members, logits, atol=1e-4)
    assert share == 1.0


def test_the_loss_of_the_ensemble_is_smaller_than_that_of_its_members():
    x, y = models.data(size=6)
    of_members, of_ensemble = (float(plain(loss_of=of).update(x, y)[0]) for of in ("members", "ensemble"))
    assert of_ensemble < of_members  # Jensen's inequality; the penalties are the same


def test_sample_weights_weigh_examples():
    x, y = models.data(size=6)
    double = np.concatenate([x, x[:3]]), np.concatenate([y, y[:3]])
    weights = np.array([2.0, 2.0, 2.0, 1.0, 1.0, 1.0], "float32")
    keep = {"hyperparameters": ()}
    weighted = float(plain(**keep).update(x, y, weights)[0]) * 6
    repeated = float(plain(**keep).update(*double)[0]) * 9
    assert weighted == pytest.approx(repeated, rel=1e-5)


@pytest.mark.parametrize("of, entropy_of", [("ensemble", "log_values"), ("members", "values")])
def test_a_tuning_step_follows_the_gradient_of_the_held_out_loss(of, entropy_of):
    """Central differences of the loss in every bound, with the same examples and uniform numbers."""
    options = {"tuning_loss_of": of, "entropy_of": entropy_of, "entropy_weight": 0.05, "tuning_batch_size": 8}
    model = plain(tuning_optimizer=keras.optimizers.SGD(1e-3), **options)
    data = tuple(map(tf.constant, models.data()))
    model.fit(*data, epochs=1, batch_size=4, verbose=0, tuning_data=data)  # so that the embeddings are not 0
    for part in model.converted.parts:
        for embedding in (part.converted.kernel_map, part.converted.bias_map):
            embedding.assign(embedding + 0.5)
    variable, step = model.bounds.log_bounds, model.tuning_optimizer.iterations
    middle = np.stack([0.8 * model.bounds.log_min + 0.2 * model.bounds.log_max,
                       0.3 * model.bounds.log_min + 0.7 * model.bounds.log_max])[:, None]  # fmt: skip
    start = np.broadcast_to(middle, variable.shape) + 0.1 * np.random.default_rng(0).normal(size=variable.shape)
    x, y = draws.batch(data, model.seed, step, 8)
    uniform = draws.uniform(model.seed, step, (K, 8, len(model.columns)), 1)

    def loss(bounds):
        variable.assign(bounds.astype("float32"))
        members = model.run(x, uniform=uniform)[0]
        probabilities = keras.ops.softmax(members)
        if of == "ensemble":
            found = keras.losses.sparse_categorical_crossentropy(y, keras.ops.mean(probabilities, 0))
        else:
            found = keras.losses.sparse_categorical_crossentropy(keras.ops.tile(y[None], (K, 1)), probabilities)
        lower, upper = bounds
        entropy = np.log(upper - lower) + (0.5 * (lower + upper) if entropy_of == "values" else 0.0)
        return float(keras.ops.mean(found)) - 0.05 * entropy.sum(-1).mean()

    expected, width = np.zeros(start.shape), 0.02
    for index in np.ndindex(start.shape):
        change = np.zeros(start.shape)
        change[index] = width
        expected[index] = (loss(start + change) - loss(start - change)) / (2 * width)
    variable.assign(start.astype("float32"))
    before = np.asarray(variable, "float64")
    model.tuning_batch_size = 8
    model.tuning_step(data)
    found = (before - np.asarray(variable)) / 1e-3
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=2e-4 + 0.02 * np.abs(expected).max())


def test_tuning_steps_come_when_they_are_due_and_leave_the_weights_alone():
    model = plain(tuning_every=2)
    x, y = models.data(size=20)
    model.fit(x, y, epochs=3, batch_size=4, verbose=0, tuning_data=(x, y))
    assert int(model.optimizer.iterations) == 15 and int(model.tuning_optimizer.iterations) == 7
    before = model.network.get_weights()
    model.tune()
    for one, two in zip(before, model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_bounds_stay_within_their_limits_and_in_the_history():
    model = plain(tuning_optimizer=keras.optimizers.Adam(1.0), tuning_every=1)
    x, y = models.data()
    history = model.fit(x, y, epochs=4, batch_size=8, verbose=0, tuning_data=(x, y)).history
    lower, upper = model.bounds.values()
    assert (lower >= np.array(model.bounds.low) * 0.999).all() and (upper <= np.array(model.bounds.high) * 1.001).all()
    assert (lower < upper).all() and len(history["l2/hidden/member_0/lower"]) == 4
    assert history["label_smoothing/member_2/upper"][-1] == pytest.approx(upper[2, 2])


@pytest.mark.parametrize("kind", ["arrays", "dataset", "generator", "steps_per_execution", "jit", "eager"])
def test_fit_takes_what_keras_takes(kind):
    x, y = models.data()
    options = {"steps_per_execution": {"steps_per_execution": 2}, "jit": {"jit_compile": True}}
    options = options | {"eager": {"run_eagerly": True}}
    model = plain(optimizer=keras.optimizers.Adam(0.02), metrics=["accuracy"], **options.get(kind, {}))
    size = 5 if kind in ("arrays", "steps_per_execution") else 4  # of 24 examples: a remainder is another program
    steps = -(-24 // size)
    data = {"x": x, "y": y, "batch_size": size}
    if kind == "dataset":
        data = {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(size)}
    if kind == "generator":
        batches = ((x[i : i + size], y[i : i + size]) for _ in range(20) for i in range(0, 24, size))
        data = {"x": batches, "steps_per_epoch": steps}
    validation = (x, y) if kind == "arrays" else tf.data.Dataset.from_tensor_slices((x, y)).batch(24)
    history = model.fit(**data, epochs=4, verbose=0, tuning_data=(x, y), validation_data=validation).history
    assert history["val_loss"][-1] < history["val_loss"][0]
    assert int(model.tuning_optimizer.iterations) == 4 * steps // 3


@pytest.mark.parametrize("as_dataset", [False, True])
def test_the_first_step_is_traced_once(monkeypatch, as_dataset):
    """As it is where the step makes no variables, those of metrics neither."""
    model, (x, y), traced = plain(metrics=["accuracy"]), models.data(size=8), []
    update = model.update
    monkeypatch.setattr(model, "update", lambda *data: traced.append(data) or update(*data))
    data = (tf.data.Dataset.from_tensor_slices((x, y)).batch(4),) if as_dataset else (x, y)
    history = model.fit(*data, epochs=1, batch_size=None if as_dataset else 4, tuning_data=(x, y), verbose=0).history
    assert len(traced) == 1 and 0.0 <= history["accuracy"][0] <= 1.0


def test_a_dataset_without_tuning_data_gives_some_of_its_batches(caplog):
    x, y = models.data()
    model = plain()
    with caplog.at_level(logging.WARNING):
        model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(4), verbose=0, tuning_split=0.3)
    assert "first 2 of the 6 training batches are held out" in caplog.text
    assert int(model.optimizer.iterations) == 4


def test_steps_without_what_they_need_are_refused():
    x, y = models.data()
    with pytest.raises(errors.InvalidArgumentError, match="compiled with a `loss`"):
        models.ensemble().fit(x, y, verbose=0)
    model = plain()
    with pytest.raises(errors.InvalidArgumentError, match="Expected tuning data"):
        model.train_on_batch(x, y)
    model.set_tuning_data(x, y, None, (x, y), 0.1, 8)
    assert [model.train_on_batch(x, y) for _ in range(4)] and int(model.tuning_optimizer.iterations) == 1


def test_member_metrics_see_the_members():
    model = plain(member_metrics=[kh.metrics.Disagreement()])
    x, y = models.data()
    history = model.fit(x, y, epochs=1, verbose=0, tuning_data=(x, y), validation_data=(x, y)).history
    classes = model.predict_members(x).argmax(-1)
    pairs = [(classes[a] != classes[b]).mean() for a in range(K) for b in range(a)]
    assert history["val_disagreement"][0] == pytest.approx(np.mean(pairs), abs=1e-6)


def test_a_training_that_diverges_stops_and_says_so(caplog):
    model = plain(optimizer=keras.optimizers.SGD(1e20))
    x, y = models.data()
    with caplog.at_level(logging.ERROR):
        history = model.fit(x, y, epochs=9, verbose=0, batch_size=4, tuning_data=(x, y)).history
    assert len(history["loss"]) < 9 and "the loss is" in caplog.text
    assert np.isfinite(model.bounds.values()).all()  # gradients that are not finite are left out


def test_labels_of_the_wrong_shape_are_refused():
    x, _ = models.data()
    with pytest.raises(ValueError, match="shape"):
        plain(loss=keras.losses.CategoricalCrossentropy(from_logits=True)).fit(
            x, np.zeros((24, 5), "float32"), verbose=0, tuning_data=(x, np.zeros((24, 5), "float32"))
        )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"loss_of": "all"}, "`loss_of`"),
        ({"tuning_loss_of": 1}, "`tuning_loss_of`"),
        ({"entropy_of": "bits"}, "`entropy_of`"),
        ({"tuning_every": 0}, "`tuning_every`"),
        ({"tuning_batch_size": 2.5}, "`tuning_batch_size`"),
        ({"entropy_weight": -1}, "`entropy_weight`"),
        ({"entropy_weight": float("nan")}, "`entropy_weight`"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        plain(**options)


@pytest.mark.parametrize("size", [24, 21])
def test_two_replicas_equal_one(logical_cpus, size):
    """Also where the last batch is smaller, or odd: then the replicas' shares differ."""
    x, y = models.data(size=size)
    results = []
    for name in ("default", "mirrored"):
        with distribute.strategy(name).scope():
            hyperparameters = WITHOUT_DROPOUT if size == 24 else ()
            model = plain(hyperparameters=hyperparameters, tuning_every=1, tuning_optimizer=keras.optimizers.SGD(0.5))
        tuning = {"tuning_data": (x, y)} if hyperparameters else {}
        model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0, **tuning)
        results.append([np.asarray(variable) for variable in model.variables])
    assert len(results[0]) == len(results[1])
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)


def test_the_loss_of_the_ensemble_trains_a_regression():
    x, _ = models.data(size=64)
    model = models.compiled(models.mlp(outputs=1), optimizer=keras.optimizers.Adam(0.02), loss="mse",
                            hyperparameters=[ensembles.L2(1e-5, 1e-2)], loss_of="ensemble")  # fmt: skip
    model.fit(x, x[:, 0], epochs=15, batch_size=8, verbose=0)
    assert model.evaluate(x, x[:, 0], verbose=0) < 0.5 * np.var(x[:, 0])


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise Killed


def test_backup_and_restore_continues_with_bounds_and_both_optimizers(tmp_path):
    x, y = models.data()
    arguments = {"epochs": 4, "batch_size": 8, "shuffle": False, "verbose": 0, "tuning_data": (x, y)}
    make = lambda: plain(tuning_every=2, tuning_optimizer=keras.optimizers.SGD(0.5, momentum=0.9))  # noqa: E731
    whole, broken, resumed = make(), make(), make()
    whole.fit(x, y, **arguments)
    backup = str(tmp_path / "backup")
    with pytest.raises(Killed):
        broken.fit(x, y, **arguments, callbacks=[keras.callbacks.BackupAndRestore(backup), Kill()])
    resumed.fit(x, y, **arguments, callbacks=[keras.callbacks.BackupAndRestore(backup)])
    assert int(resumed.optimizer.iterations) == 12 and int(resumed.tuning_optimizer.iterations) == 6
    for one, two in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_mixed_precision_trains():
    """float16 with loss scaling: the loss falls, the variables stay float32."""
    x, y = models.data()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = plain(optimizer=keras.optimizers.Adam(0.02))
        history = model.fit(x, y, epochs=6, batch_size=8, verbose=0, tuning_data=(x, y)).history
    finally:
        keras.config.set_dtype_policy("float32")
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    assert history["loss"][-1] < history["loss"][0]
    assert {str(variable.dtype) for variable in model.trainable_variables} == {"float32"}
