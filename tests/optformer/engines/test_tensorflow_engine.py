"""Shards of a batch on several replicas: the gradient is that of the whole batch, clipped as a whole."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_hparam import distribute, errors
from keras_hparam.optformer import batches, corpus, engines, losses, training
from keras_hparam.optformer.training_settings import TrainingSettings

BATCHES = batches.BatchSettings(trials_per_batch=64, max_parameters=4)
SETTINGS = TrainingSettings(steps=2, seed=3)


@pytest.fixture
def make_batch(vocabulary, config, monkeypatch):
    """Callable (step, shard, num_shards) -> batch of four studies, the second half of which weighs little."""
    monkeypatch.setattr(batches, "LENGTHS", {16: 1.0})  # one shape to compile for

    def make(step, shard, num_shards):
        batch = batches.make_batch(vocabulary, config, corpus.generate_study, 0, step, BATCHES, shard, num_shards)
        share = len(batch["tokens"])
        place = (shard * share + np.arange(share)) / (share * num_shards)  # within the whole batch
        for name in ("objective_weights", "row_weights"):
            batch[name] = np.where(place[:, None] < 0.5, 1.0, 0.1).astype("float32") * batch[name]
        return batch

    return make


def test_two_replicas_equal_one(config, tmp_path, logical_cpus, make_batch):
    """Plain descent, since Adam would hide a gradient of the wrong scale, with a bound that clips every step."""
    tiny = dataclasses.replace(config, width=16, num_layers=1, value_width=8)
    first, second = (make_batch(0, shard, 2)["objective_weights"].sum() for shard in (0, 1))
    assert first > 3.0 * second  # so the mean of the replicas' means is far from the mean
    results = []
    for name, replicas in (("default", 1), ("mirrored", 2)):
        trainer = training.Trainer(tiny, SETTINGS, tmp_path / name, distribute.strategy(name), BATCHES)
        engine = trainer.engine
        assert engine.strategy.num_replicas_in_sync == replicas and engine.is_chief
        np.testing.assert_allclose(engine.optimizer.global_clipnorm, 1.0 / replicas)
        with engine.strategy.scope():
            engine.optimizer = keras.optimizers.SGD(0.1, global_clipnorm=0.5 / replicas)
            engine.optimizer.build(engine.model.trainable_variables)
        before = [np.asarray(variable) for variable in engine.model.variables]
        steps = [engine.step(batch) for batch in engine.batches(make_batch, 0, 2)]
        means = [{name: float(value) for name, value in step.items()} for step in steps]
        after = [np.asarray(variable) for variable in engine.model.variables]
        moved = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(after, before, strict=True)))
        assert 0.05 < moved <= 2 * 0.05 + 1e-4  # two steps, each of the bound's length times the rate
        results.append((means, trainer.evaluate(make_batch, 2), after))
    for one, two in zip(*(means for means, _, _ in results), strict=True):
        assert one == pytest.approx(two, rel=1e-5)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-5)
    for one, two in zip(results[0][2], results[1][2], strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_step_goes_down_the_gradient_of_the_weighted_loss(config, tmp_path, make_batch):
    """The change of the loss after a short step is −rate · |gradient|², the gradient from a difference quotient."""
    tiny = dataclasses.replace(config, width=16, num_layers=1, value_width=8)
    trainer = training.Trainer(tiny, SETTINGS, tmp_path, batch_settings=BATCHES)
    engine, batch = trainer.engine, make_batch(0, 0, 1)

    def loss():
        means = {name: float(losses.mean(*pair)) for name, pair in losses.study_losses(engine.model, batch).items()}
        return means["objective"] + SETTINGS.value_weight * means["values"], means

    engine.optimizer = keras.optimizers.SGD(1e-3)
    engine.optimizer.build(engine.model.trainable_variables)
    before = [np.asarray(variable) for variable in engine.model.variables]
    (first, means), found = loss(), engine.step(next(engine.batches(make_batch, 0, 1)))
    assert {name: float(x) for name, x in found.items()} == pytest.approx(means, rel=1e-5)
    squared = sum(np.sum((np.asarray(v) - b) ** 2) for v, b in zip(engine.model.variables, before, strict=True)) / 1e-6
    assert loss()[0] - first == pytest.approx(-1e-3 * squared, rel=0.1)


def test_another_backend_or_a_strategy_that_is_not_its_own_is_an_error(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(errors.UnavailableError, match="'tensorflow' or 'jax'.*Received: 'torch'"):
        engines.create(None, {}, None)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(errors.InvalidArgumentError, match="no `strategy` under KERAS_BACKEND 'jax'"):
        engines.create(None, {}, None, strategy=distribute.strategy())
