"""A corpus on disk: shards are pure functions of their recipes, and what is missing is found."""

import dataclasses
import json

import pytest

from keras_hparam import errors
from keras_hparam.optformer.corpus import generate_study, generation, records, shards

CORPUS = generation.Corpus(seed=3, studies=5, studies_per_shard=2, max_trials=8, max_parameters=4)


def test_shards_hold_the_generated_studies_in_order(tmp_path):
    assert [generation.generate_shard(CORPUS, tmp_path, index) for index in (2, 0, 1)] == [1, 2, 2]
    stored = [study for index in range(3) for study in shards.read_shard(shards.shard_path(tmp_path, index))]
    generated = [generate_study(3, index, max_trials=8, max_parameters=4) for index in range(5)]
    assert [records.to_text(study) for study in stored] == [records.to_text(study) for study in generated]
    for a, b in zip(stored, generated, strict=True):
        assert a.tokens.tobytes() == b.tokens.tobytes() and a.objectives.tobytes() == b.objectives.tobytes()
    generation.generate_shard(CORPUS, tmp_path / "again", 1)
    first, second = ((path / "shard-000001" / shards.FILE).read_bytes() for path in (tmp_path, tmp_path / "again"))
    assert first == second


def test_recipes_cover_every_study_once_and_are_json():
    corpus = generation.Corpus(studies=1000, studies_per_shard=300, trainings=17)
    recipes = corpus.recipes()
    assert recipes == json.loads(json.dumps(recipes))
    rows = {"generated": [], "trainings": []}
    for recipe in recipes:
        rows[recipe["source"]] += range(recipe["first"], recipe["first"] + recipe["count"])
    assert rows == {"generated": list(range(1000)), "trainings": list(range(17))}


def test_missing_shards_are_those_that_are_not_there(tmp_path):
    assert generation.missing_shards(CORPUS, tmp_path / "new") == [0, 1, 2]
    for index in (0, 1):
        generation.generate_shard(CORPUS, tmp_path, index)
    assert generation.missing_shards(CORPUS, tmp_path) == [2]
    assert generation.missing_shards(dataclasses.replace(CORPUS, studies=8), tmp_path) == [2, 3]
    for changed in ({"seed": 4}, {"max_trials": 9}, {"studies_per_shard": 3}, {"studies": 2}, {"library_share": 0.1}):
        with pytest.raises(errors.InvalidArgumentError, match="shard-00000[01]"):
            generation.missing_shards(dataclasses.replace(CORPUS, **changed), tmp_path)
    file = shards.shard_path(tmp_path, 0) / shards.FILE
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(errors.CorruptFileError, match="bytes"):
        generation.missing_shards(CORPUS, tmp_path)


def test_the_data_belong_to_the_recipe(tmp_path):
    assert CORPUS.recipes()[0]["data"] == {}
    digests = []
    for content in ("a", "b"):
        (tmp_path / "rtdl_runs.csv.gz").write_text(content)
        digests.append(dataclasses.replace(CORPUS, data_dir=str(tmp_path)).recipes()[0]["data"])
    assert [list(digest) for digest in digests] == [["rtdl_runs.csv.gz"]] * 2 and digests[0] != digests[1]


@pytest.mark.parametrize(
    "wrong", [{"seed": -1}, {"studies": 0}, {"studies_per_shard": 0}, {"max_trials": 0}, {"library_share": 1.5},
              {"trainings": -1}, {"max_parameters": 2.5}]
)  # fmt: skip
def test_wrong_numbers_are_named(wrong):
    with pytest.raises(errors.InvalidArgumentError, match=f"`{next(iter(wrong))}`.*Received"):
        generation.Corpus(**wrong)
