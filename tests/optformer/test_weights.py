"""Weights on disk: round trip, foreign and altered files."""

import dataclasses

import numpy as np
import pytest

from keras_hparam import checkpoints, errors
from keras_hparam.optformer import packing, weights
from keras_hparam.optformer.model import OptFormer


def test_model_and_vocabulary_come_back(model, vocabulary, tmp_path):
    weights.save(tmp_path / "w", model, vocabulary, seed=3, flag_file="x.flags")
    loaded, words = weights.load(str(tmp_path / "w"))
    assert loaded.config == model.config and words.tokenizer == vocabulary.tokenizer
    for first, second in zip(model.variables, loaded.variables, strict=True):
        assert first.path == second.path
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


def test_unknown_names_list_the_known(tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match="optformer-tiny"):
        weights.load("optformer-tiny")


@pytest.mark.parametrize("file", ["weights.npz", "tokenizer.model", "manifest.json"])
def test_truncated_files_are_refused(model, vocabulary, tmp_path, file):
    weights.save(tmp_path / "w", model, vocabulary)
    path = tmp_path / "w" / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(errors.CorruptFileError):
        weights.load(str(tmp_path / "w"))


def test_weights_of_another_kind_or_shape_are_refused(model, vocabulary, tmp_path):
    config = model.get_config()["config"]
    checkpoints.save_weights(tmp_path / "other", {"a": np.zeros(2)}, config, kind="mlp")
    with pytest.raises(errors.CorruptFileError):
        weights.load(str(tmp_path / "other"))
    files = {weights.TOKENIZER_FILE: vocabulary.tokenizer}
    checkpoints.save_weights(tmp_path / "few", {"a": np.zeros(2)}, config, kind=weights.KIND, files=files)
    with pytest.raises(errors.CorruptFileError, match="this OptFormer"):
        weights.load(str(tmp_path / "few"))
    checkpoints.save_weights(tmp_path / "odd", {"a": np.zeros(2)}, {"depth": 1}, kind=weights.KIND, files=files)
    with pytest.raises(errors.CorruptFileError, match="OptFormerConfig"):
        weights.load(str(tmp_path / "odd"))


def test_a_grown_model_begins_as_the_same_function(model, vocabulary, config, study):
    larger = OptFormer(dataclasses.replace(config, num_layers=4, num_frequencies=160))
    layout = packing.lay_out(study.space, config, np.random.default_rng(0))
    batch = packing.stack([packing.pack(vocabulary, study, layout, config)[0]])
    arrays = {variable.path: np.asarray(variable) for variable in model.variables}
    assert np.abs(np.asarray(larger(batch)) - np.asarray(model(batch))).max() > 1e-2
    weights.grow(larger, arrays)
    np.testing.assert_allclose(np.asarray(larger(batch)), np.asarray(model(batch)), atol=1e-4)
    with pytest.raises(errors.InvalidArgumentError, match="no larger"):
        weights.grow(model, {variable.path: np.asarray(variable) for variable in larger.variables})
