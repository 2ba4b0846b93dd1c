"""Batches: deterministic, divisible into shards, with the targets and weights that they should have."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.optformer import batches, corpus, losses, packing, shapes
from keras_hparam.optformer.normalization import Normalizer
from keras_hparam.optformer.study import Status

BATCHES = batches.BatchSettings(trials_per_batch=64, max_parameters=4)


def make(vocabulary, config, step, shard=0, num_shards=1, settings=BATCHES):
    return batches.make_batch(vocabulary, config, corpus.generate_study, 0, step, settings, shard, num_shards)


def test_a_batch_is_a_function_of_seed_and_step(vocabulary, config):
    first, again, other = make(vocabulary, config, 4), make(vocabulary, config, 4), make(vocabulary, config, 5)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert first["tokens"].shape != other["tokens"].shape or (first["tokens"] != other["tokens"]).any()


def test_arrays_have_the_axes_and_types_that_they_are_said_to_have(vocabulary, config):
    batch, sizes = make(vocabulary, config, 1), {"2": 2, "N": config.num_bins}
    assert set(batch) == set(shapes.ARRAYS)
    for name, (axes, dtype) in shapes.ARRAYS.items():
        assert batch[name].dtype == dtype
        for axis, size in zip(axes, batch[name].shape, strict=True):
            assert sizes.setdefault(axis, size) == size


@pytest.mark.parametrize("repeats, num_shards, sizes", [(1, 4, [1] * 4), (2, 4, [1] * 4), (1, 3, [2] * 3)])
def test_shards_together_are_the_whole_batch(vocabulary, config, monkeypatch, repeats, num_shards, sizes):
    """Where four studies are divided by three, the studies that are too many weigh nothing."""
    monkeypatch.setattr(batches, "LENGTHS", {16: 1.0})  # four studies of 16 trials
    settings = dataclasses.replace(BATCHES, repeats=repeats)

    def padded(shard, num_shards):
        batch = make(vocabulary, config, 3, shard, num_shards, settings)
        return shapes.pad_to_classes(batch, config, settings.max_parameters)

    whole, parts = padded(0, 1), [padded(shard, num_shards) for shard in range(num_shards)]
    assert [len(part["tokens"]) for part in parts] == sizes
    for name in whole:
        together = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(together[:4], whole[name])
        assert name not in batches.WEIGHTS or not (together[4:] > 0).any()


@pytest.mark.parametrize("num_shards", [2, 3])
def test_shards_are_equal_however_many_studies_there_are(vocabulary, config, num_shards):
    for step in range(3):
        sizes = {len(make(vocabulary, config, step, shard, num_shards)["tokens"]) for shard in range(num_shards)}
        assert len(sizes) == 1 and sizes.pop() >= 1


def test_examples_of_one_study_differ_and_studies_are_not_made_twice(vocabulary, config, monkeypatch):
    monkeypatch.setattr(batches, "LENGTHS", {16: 1.0})
    made = []

    def generate(seed, index, **limits):
        made.append(index)
        return corpus.generate_study(seed, index, **limits)

    settings = dataclasses.replace(BATCHES, repeats=2)
    batch = batches.make_batch(vocabulary, config, generate, 0, 0, settings)
    assert made == [0, 1] and len(batch["slots"]) == 4
    assert (batch["slots"][0] != batch["slots"][1]).any() or (batch["rows"][0] != batch["rows"][1]).any()


def test_examples_hide_some_objectives_but_never_their_targets(vocabulary, config, study):
    settings = dataclasses.replace(BATCHES, pending_rate=1.0)
    hidden = 0
    for seed in range(5):
        example = batches.make_example(vocabulary, config, study, np.random.default_rng(seed), settings, 16)
        masked = example["objectives"] == config.num_bins + 1
        hidden += int(masked.sum())
        completed = np.asarray(study.statuses) == Status.COMPLETED
        assert (example["objective_targets"][completed] < config.num_bins).all()
        assert (example["objective_weights"] > 0).all()
        rows = example["rows"]
        np.testing.assert_array_equal(example["tokens"][rows[:, 0], rows[:, 1]], example["targets"])
        assert example["legal"][rows[:, 1], example["targets"]].all()
    assert hidden > 0


def test_predictions_inside_the_observed_prefix_weigh_less_and_early_ones_more(vocabulary, config, study):
    lengths = set()
    for seed in range(6):
        example = batches.make_example(vocabulary, config, study, np.random.default_rng(seed), BATCHES, 4)
        weights, unseen = example["objective_weights"], example["unseen"]
        early = weights / np.where(unseen == 1, 1.0, batches.INSIDE_PREFIX_WEIGHT)
        assert set(unseen.tolist()) <= {0, 1} and (np.diff(unseen) >= 0).all() and unseen[0] == 0
        assert early[0] == pytest.approx(1.0 + batches.EARLY_WEIGHT) and (np.diff(early) < 0).all() and early[-1] > 1.0
        lengths.add(int((unseen == 0).sum()))
    assert len(lengths) > 1


@given(st.lists(st.floats(0.0, 1.0) | st.just(float("nan")), min_size=1, max_size=30), st.floats(0.01, 10.0))
def test_advantage_weights_follow_the_scores(scores, scale):
    weights = batches.advantage_weights(scores, scale)
    np.testing.assert_allclose(weights.mean(), 1.0, rtol=1e-9)
    assert weights.min() > 0 and weights.max() <= 8.0 * weights.min() * (1 + 1e-9)
    order = np.argsort(scores)  # failed trials last
    finite = int(np.isfinite(scores).sum())
    assert (np.diff(weights[order[:finite]]) >= 0).all()
    assert (weights[order[finite:]] == weights.min()).all()


def test_advantage_weights_are_the_exponential_of_the_advantage_where_nothing_is_clipped():
    scores = np.array([0.4, 0.5, 0.45])
    expected = np.exp((scores - scores.mean()) / 0.2)
    np.testing.assert_allclose(batches.advantage_weights(scores, 0.2), expected / expected.mean())


def test_values_of_better_trials_weigh_more_under_the_advantage_weighted_objective(vocabulary, config, study):
    settings = dataclasses.replace(BATCHES, value_objective="advantage_weighted", pending_rate=0.0)
    example = batches.make_example(vocabulary, config, study, np.random.default_rng(0), settings, 200)
    plain = batches.make_example(vocabulary, config, study, np.random.default_rng(0), BATCHES, 200)
    assert set(plain["row_weights"].tolist()) == {1.0}
    trials = example["rows"][:, 0]
    best, failed = np.nanargmax(study.scores), np.flatnonzero(np.asarray(study.statuses) == Status.FAILED)
    assert example["row_weights"][trials == best].min() == example["row_weights"].max() > 1.0
    assert example["row_weights"][np.isin(trials, failed)].max() == example["row_weights"].min() < 1.0


def test_an_unknown_value_objective_is_named():
    with pytest.raises(errors.InvalidArgumentError, match="likelihood.*Received: 'return'"):
        batches.BatchSettings(value_objective="return")


def test_padding_to_classes_changes_no_loss_and_leaves_few_shapes(vocabulary, config, model):
    found = set()
    for step in range(6):
        batch = make(vocabulary, config, step)
        padded = shapes.pad_to_classes(batch, config, BATCHES.max_parameters)
        found.add(padded["tokens"].shape[1:] + padded["metadata_ids"].shape[1:])
        assert padded["tokens"].shape[1] in batches.LENGTHS and padded["tokens"].shape[2] == 4
        for before, after in zip(*(losses.study_losses(model, b).values() for b in (batch, padded)), strict=True):
            np.testing.assert_allclose([float(x) for x in after], [float(x) for x in before], rtol=1e-5)
    assert len(found) <= len(batches.LENGTHS)
    assert packing.PADDING_VALUES["row_weights"] == packing.PADDING_VALUES["objective_weights"] == 0.0


def test_the_class_of_a_size_is_the_next_one():
    assert [shapes.next_class(size, (16, 32)) for size in (0, 16, 17, 32, 33)] == [16, 16, 32, 32, 33]


def test_objectives_of_a_prefix_are_normalised_by_it(study):
    for seed in range(5):
        normalizer, length = batches._prefix_normalizer(study, np.random.default_rng(seed))
        fitted = Normalizer.fit(study.scores[:length])
        assert abs(normalizer.best - fitted.best) < 0.5 * fitted.scale and 0.4 < normalizer.scale / fitted.scale < 2.5
        assert 1 <= length <= len(study)
