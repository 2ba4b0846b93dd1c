"""Batches, the loss, the schedule, exact resume, two replicas against one, and that it learns."""

import dataclasses

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer import batches, corpus, losses, packing, training
from keras_hparam.optformer.study import Status

SETTINGS = training.TrainingSettings(steps=6, warmup_steps=2, checkpoint_every=3, log_every=3, seed=3)
BATCHES = batches.BatchSettings(trials_per_batch=64, max_parameters=4)


@pytest.fixture(scope="module")
def tiny(config):
    return dataclasses.replace(config, width=16, num_layers=1, value_width=8, max_trials=100)


def make(vocabulary, config, step, replicas=1):
    return batches.make_batch(vocabulary, config, corpus.generate_study, 0, step, BATCHES, replicas)


def test_a_batch_is_a_function_of_seed_and_step(vocabulary, tiny):
    first, again, other = make(vocabulary, tiny, 4), make(vocabulary, tiny, 4), make(vocabulary, tiny, 5)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert first["tokens"].shape != other["tokens"].shape or (first["tokens"] != other["tokens"]).any()


def test_examples_hide_some_objectives_but_never_their_targets(vocabulary, tiny, study):
    settings = dataclasses.replace(BATCHES, pending_rate=1.0)
    hidden = 0
    for seed in range(5):
        example = batches.make_example(vocabulary, tiny, study, np.random.default_rng(seed), settings, 16)
        masked = example["objectives"] == tiny.num_bins + 1
        hidden += int(masked.sum())
        completed = np.asarray(study.statuses) == Status.COMPLETED
        assert (example["objective_targets"][completed] < tiny.num_bins).all()
        assert (example["objective_weights"] > 0).all()
        rows = example["rows"]
        np.testing.assert_array_equal(example["tokens"][rows[:, 0], rows[:, 1]], example["targets"])
        assert example["legal"][rows[:, 1], example["targets"]].all()
    assert hidden > 0


def test_predictions_inside_the_observed_prefix_weigh_less(vocabulary, tiny, study):
    example = batches.make_example(vocabulary, tiny, study, np.random.default_rng(1), BATCHES, 4)
    assert set(np.round(example["objective_weights"], 3).tolist()) <= {np.float32(0.3).round(3), 1.0}
    assert (np.diff(example["objective_weights"]) >= 0).all()


def test_negative_log_likelihood_is_that_of_a_softmax_over_the_legal(rng):
    logits, legal = rng.standard_normal((7, 9)).astype("float32"), rng.random((7, 9)) < 0.6
    targets = rng.integers(9, size=7).astype("int32")
    legal[np.arange(7), targets] = True
    result = np.asarray(losses.negative_log_likelihood(logits, targets, legal))
    for row in range(7):
        weights = np.exp(logits[row]) * legal[row]
        np.testing.assert_allclose(result[row], -np.log(weights[targets[row]] / weights.sum()), rtol=1e-4)


def test_rate_warms_up_stays_and_falls_to_zero():
    settings = training.TrainingSettings(steps=100, warmup_steps=10, decay_share=0.25, learning_rate=1.0)
    rates = [training.learning_rate(step, settings) for step in range(101)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[10:76], 1.0)
    assert (np.diff(rates[76:]) < 0).all() and rates[100] < 1e-9
    np.testing.assert_allclose(rates[88], 0.5 - 0.5 * np.cos(np.pi * 12 / 25))


def run(tiny, vocabulary, workdir, settings=SETTINGS, stop=None, strategy=None):
    trainer = training.Trainer(tiny, settings, workdir, strategy)
    trainer.restore()

    def progress(step, means, seconds):
        if step == stop:
            raise KeyboardInterrupt

    try:
        training.pretrain(trainer, vocabulary, corpus.generate_study, BATCHES, progress)
    except KeyboardInterrupt:
        trainer.save()
    return trainer


def test_a_killed_training_ends_with_the_weights_of_one_that_never_stopped(tiny, vocabulary, tmp_path):
    whole = run(tiny, vocabulary, tmp_path / "whole")
    stopped = run(tiny, vocabulary, tmp_path / "parts", stop=3)
    assert stopped.step == 3
    resumed = run(tiny, vocabulary, tmp_path / "parts")
    assert resumed.step == SETTINGS.steps
    for first, second in zip(whole.model.variables, resumed.model.variables, strict=True):
        np.testing.assert_allclose(np.asarray(first), np.asarray(second), atol=1e-6)
    assert resumed.figures["step"] == SETTINGS.steps
    again = run(tiny, vocabulary, tmp_path / "parts")  # finished: nothing is lost by calling again
    assert again.figures == resumed.figures
    with pytest.raises(errors.InvalidArgumentError, match="sizes of the checkpoint"):
        run(dataclasses.replace(tiny, width=32), vocabulary, tmp_path / "parts")
    with pytest.raises(errors.InvalidArgumentError, match="settings of the checkpoint"):
        run(tiny, vocabulary, tmp_path / "parts", dataclasses.replace(SETTINGS, learning_rate=0.1))


def test_only_the_number_of_steps_may_change_and_only_before_the_decay(tiny, tmp_path):
    settings = dataclasses.replace(SETTINGS, steps=100)
    trainer = training.Trainer(tiny, settings, tmp_path)
    trainer.step = 60
    trainer.save()
    assert training.Trainer(tiny, dataclasses.replace(settings, steps=90), tmp_path).restore()
    with pytest.raises(errors.InvalidArgumentError, match="at step 60"):
        training.Trainer(tiny, dataclasses.replace(settings, steps=70), tmp_path).restore()


def test_two_replicas_equal_one(tiny, vocabulary, tmp_path, logical_cpus):
    import keras

    from keras_hparam import distribute

    def equal_halves(step):  # the same study on both replicas: the mean over replicas is the mean over the batch
        half = make(vocabulary, tiny, step)
        return {name: np.concatenate([array, array]) for name, array in half.items()}

    results = []
    for name in ("default", "mirrored"):
        trainer = training.Trainer(tiny, SETTINGS, tmp_path / name, distribute.strategy(name))
        with trainer.strategy.scope():  # plain descent: Adam would hide a gradient of the wrong scale
            trainer.optimizer = keras.optimizers.SGD(0.1)
            trainer.optimizer.build(trainer.model.trainable_variables)
        data = training.dataset(equal_halves, 0, 2)
        if name == "mirrored":
            assert trainer.strategy.num_replicas_in_sync == 2
            data = trainer.strategy.experimental_distribute_dataset(data)
        iterator = iter(data)
        losses_seen = [float(trainer.train_step(iterator)["objective"]) for _ in range(2)]
        results.append((losses_seen, [np.asarray(variable) for variable in trainer.model.variables]))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    for one, two in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_training_learns_where_the_optimum_lies(tiny, vocabulary, tmp_path):
    """On studies of one fixed function the likelihood rises and predictions rank new configurations rightly."""
    from keras_hparam.networks.values import bin_centres
    from keras_hparam.optformer.planning import Proposer
    from keras_hparam.optformer.study import Metadata, Study
    from keras_hparam.spaces import Parameter, SearchSpace

    space = SearchSpace((Parameter("x", "float", 0.0, 1.0),))

    def generate(seed, index, max_trials, max_parameters):
        rng = np.random.default_rng([seed, index])
        tokens = space.random_tokens(rng, max_trials)
        unit = tokens[:, 0] / 1000.0
        return Study(space, Metadata(), "max", tokens, -((unit - 0.3) ** 2), np.zeros(len(tokens), int))

    settings = dataclasses.replace(SETTINGS, steps=150, log_every=25, checkpoint_every=150, learning_rate=1e-2)
    seen = []
    trainer = training.Trainer(tiny, settings, tmp_path)
    training.pretrain(trainer, vocabulary, generate, BATCHES, lambda step, means, s: seen.append(means["objective"]))
    assert seen[-1] < seen[0] - 0.3
    study, others = generate(9, 0, 16, 4), generate(9, 1, 100, 4)
    predicted = Proposer(trainer.model, vocabulary).predict(study, others.tokens)[:, :-1] @ bin_centres(1000)
    ranks = [np.argsort(np.argsort(values)) for values in (predicted, others.objectives)]
    assert np.corrcoef(*ranks)[0, 1] > 0.5


def test_bad_settings_are_named():
    with pytest.raises(errors.InvalidArgumentError, match="`steps`"):
        training.TrainingSettings(steps=0)
    with pytest.raises(errors.InvalidArgumentError, match="decay_share"):
        training.TrainingSettings(decay_share=2.0)


def test_packed_batches_hold_a_multiple_of_the_replicas(vocabulary, tiny):
    for step in range(4):
        assert make(vocabulary, tiny, step, replicas=2)["tokens"].shape[0] % 2 == 0
    assert packing.PADDING_VALUES["row_weights"] == 0.0
