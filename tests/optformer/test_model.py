"""The OptFormer: causality, independence of queries, both architectures, config and weights."""

import dataclasses

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer import packing
from keras_hparam.optformer.config import OptFormerConfig
from keras_hparam.optformer.model import OptFormer


def batch_of(vocabulary, config, study, seed=0):
    layout = packing.lay_out(study.space, config, np.random.default_rng(seed))
    inputs, _ = packing.pack(vocabulary, study, layout, config)
    return packing.stack([inputs])


@pytest.fixture(params=[("decoder_only", "tokens"), ("decoder_only", "pooled"), ("encoder_decoder", "pooled")])
def any_model(request, config):
    architecture, metadata = request.param
    return OptFormer(dataclasses.replace(config, architecture=architecture, metadata=metadata))


def test_predictions_of_a_trial_ignore_it_and_what_follows(any_model, vocabulary, config, study):
    batch = batch_of(vocabulary, config, study)
    before = np.asarray(any_model(batch))
    changed = dict(batch, objectives=batch["objectives"].copy(), tokens=batch["tokens"].copy())
    changed["objectives"][:, 5:] = 17
    changed["tokens"][:, 6:] = 1
    after = np.asarray(any_model(changed))
    assert before.shape == (1, len(study), config.num_bins + 1)
    np.testing.assert_allclose(before[:, :6], after[:, :6], atol=1e-4)
    assert np.abs(before[:, 6:] - after[:, 6:]).max() > 1e-3


def test_proposals_see_earlier_values_of_their_trial_only(any_model, vocabulary, config, study):
    batch = batch_of(vocabulary, config, study)
    num_parameters = batch["tokens"].shape[2]
    rows = np.asarray([[[4, place] for place in range(num_parameters)]], np.int32)
    before = np.asarray(any_model(dict(batch, rows=rows))[1])
    changed = dict(batch, rows=rows, tokens=batch["tokens"].copy())
    changed["tokens"][:, 4, 2] = 5 if batch["tokens"][0, 4, 2] != 5 else 6
    after = np.asarray(any_model(changed)[1])
    np.testing.assert_allclose(before[:, :3], after[:, :3], atol=1e-4)
    assert np.abs(before[:, 3:] - after[:, 3:]).max() > 1e-4


def test_metadata_and_padding(any_model, vocabulary, config, study):
    batch = batch_of(vocabulary, config, study)
    plain = np.asarray(any_model(batch))
    padded = dict(batch)
    for name in ("ids", "positions", "slots", "categories"):
        padded[f"metadata_{name}"] = np.pad(batch[f"metadata_{name}"], ((0, 0), (0, 5)), constant_values=-1)
    padded["objectives"] = np.pad(batch["objectives"], ((0, 0), (0, 3)), constant_values=-1)
    padded["tokens"] = np.pad(batch["tokens"], ((0, 0), (0, 3), (0, 0)), constant_values=-1)
    np.testing.assert_allclose(np.asarray(any_model(padded))[:, : len(study)], plain, atol=1e-4)
    other = dict(batch, metadata_ids=np.where(batch["metadata_ids"] < 300, 299, batch["metadata_ids"]))
    assert np.abs(np.asarray(any_model(other)) - plain).max() > 1e-4


def test_the_order_of_trials_is_not_numbered(model, vocabulary, config, study):
    """The last prediction depends on the set of earlier trials only through causal attention among them."""
    one_layer = OptFormer(dataclasses.replace(config, num_layers=1))
    batch = batch_of(vocabulary, config, study)
    shuffled = np.concatenate([np.random.default_rng(0).permutation(len(study) - 1), [len(study) - 1]])
    permuted = dict(batch, tokens=batch["tokens"][:, shuffled], objectives=batch["objectives"][:, shuffled])
    np.testing.assert_allclose(
        np.asarray(one_layer(batch))[:, -1], np.asarray(one_layer(permuted))[:, -1], atol=1e-4
    )


def test_pooled_metadata_has_one_position_for_the_study_and_one_for_each_parameter(vocabulary, config, study):
    """A mean over each owner's tokens: moving tokens between owners changes it, their place in the row does not."""
    embedding = OptFormer(dataclasses.replace(config, metadata="pooled")).metadata_embedding
    embedding.previous.kernel.assign(np.zeros(embedding.previous.kernel.shape))  # else a token sees its neighbour
    batch = batch_of(vocabulary, config, study)
    names = ("metadata_ids", "metadata_positions", "metadata_slots", "metadata_categories")
    vectors, known, _ = embedding(*(batch[name] for name in names), batch["slots"])
    num_parameters = batch["slots"].shape[1]
    assert vectors.shape == (1, 1 + num_parameters, config.width) and np.asarray(known).all()
    order = np.random.default_rng(0).permutation(batch["metadata_ids"].shape[1])
    shuffled, _, _ = embedding(*(batch[name][:, order] for name in names), batch["slots"])
    np.testing.assert_allclose(np.asarray(shuffled), np.asarray(vectors), atol=1e-5)
    swapped = np.roll(batch["slots"], 1, axis=1)
    others, _, _ = embedding(*(batch[name] for name in names), swapped)
    np.testing.assert_allclose(np.roll(np.asarray(others)[:, 1:], -1, axis=1), np.asarray(vectors)[:, 1:], atol=1e-5)


def test_configuration_round_trip(model, tmp_path, vocabulary, config, study):
    batch = batch_of(vocabulary, config, study)
    clone = OptFormer.from_config(model.get_config())
    assert clone.config == model.config
    clone.set_weights(model.get_weights())
    np.testing.assert_allclose(np.asarray(clone(batch)), np.asarray(model(batch)), atol=1e-6)


@pytest.mark.parametrize("fields, message", [({"architecture": "rnn"}, "archit"), ({"num_heads": 3}, "num_heads")])
def test_bad_sizes_are_named(fields, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        OptFormerConfig(first_bin=10, **fields)
