"""Shards of studies: what is read is what was written, damage is found, and NumPy alone is enough."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.checkpoints import manifest, npz
from keras_hparam.optformer.corpus import generate_study, shards
from keras_hparam.optformer.study import Metadata, Study
from keras_hparam.spaces import Parameter, SearchSpace

ROOT = pathlib.Path(__file__).parents[3]
_SPEC = importlib.util.spec_from_file_location("space_strategies", ROOT / "tests" / "spaces" / "strategies.py")
spaces = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(spaces)


@st.composite
def studies(draw):
    """A study of any space, with any text, any objective and any number of trials, none included."""
    space = draw(spaces.spaces(max_parameters=5))
    num_trials = draw(st.integers(0, 6))
    bins = draw(st.sampled_from([1000, 40_000]))
    tokens = space.random_tokens(np.random.default_rng(draw(st.integers(0, 99))), num_trials, bins)
    objectives = draw(st.lists(st.floats(), min_size=num_trials, max_size=num_trials))
    statuses = draw(st.lists(st.integers(0, 2), min_size=num_trials, max_size=num_trials))
    metadata = Metadata(*draw(st.lists(st.text(max_size=8), min_size=4, max_size=4)))
    goal = draw(st.sampled_from(["max", "min"]))
    return Study(space, metadata, goal, tokens, np.asarray(objectives, float), np.asarray(statuses, np.int8))


def assert_same(a, b):
    assert (a.space, a.metadata, a.goal) == (b.space, b.metadata, b.goal)
    for p, q in zip(a.space.parameters, b.space.parameters, strict=True):
        for name in ("low", "high", "step", "values", "default"):
            assert repr(getattr(p, name)) == repr(getattr(q, name))  # 1, 1.0 and True are equal but not the same
    for name in ("tokens", "objectives", "statuses"):
        assert getattr(a, name).dtype == getattr(b, name).dtype
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@settings(max_examples=25, deadline=None)
@given(written=st.lists(studies(), min_size=1, max_size=4))
def test_what_is_read_is_what_was_written(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("shards") / "shard"
    shards.write_shard(path, written, recipe={"seed": 3})
    read = shards.read_shard(path)
    assert len(read) == len(written) and shards.Shard(path).recipe == {"seed": 3}
    for a, b in zip(written, read, strict=True):
        assert_same(a, b)


def test_the_same_studies_make_the_same_bytes_and_numpy_reads_them(tmp_path):
    written = [generate_study(0, index, max_trials=20) for index in range(5)]
    for name in ("a", "b"):
        shards.write_shard(tmp_path / name, written)
    first, second = ((tmp_path / name / shards.FILE).read_bytes() for name in ("a", "b"))
    assert first == second
    arrays = np.load(tmp_path / "a" / shards.FILE, allow_pickle=False)
    np.testing.assert_array_equal(arrays["num_trials"], [len(study) for study in written])
    np.testing.assert_array_equal(arrays["objectives"], np.concatenate([study.objectives for study in written]))
    assert arrays["tokens"].dtype == np.int16
    text = arrays["text"].tobytes()[: arrays["text_sizes"][0]]
    assert json.loads(text)["goal"] == written[0].goal


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "shard"
    shards.write_shard(path, [generate_study(0, index, max_trials=12) for index in range(3)])
    return path


@pytest.mark.parametrize("name", [shards.FILE, manifest.MANIFEST])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "altered"])
def test_damage_is_found(shard, name, damage):
    path = shard / name
    data = path.read_bytes()
    middle = len(data) // 2
    if damage == "missing":
        path.unlink()
    else:
        altered = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"empty": b"", "truncated": data[:middle], "altered": altered}[damage])
    with pytest.raises(errors.CorruptFileError):
        shards.read_shard(shard)


def test_foreign_and_newer_files_are_found(shard, tmp_path):
    _, files = manifest.read(shard, shards.KIND)
    arrays = npz.from_bytes(files[shards.FILE])

    def rewritten(kind=shards.KIND, version=shards.VERSION, name=shards.FILE, **changed):
        contents = {name: npz.to_bytes({**arrays, **changed})}
        manifest.write(tmp_path / "other", kind, contents, {"version": version}, {})
        return tmp_path / "other"

    assert len(shards.read_shard(rewritten())) == 3
    with pytest.raises(errors.CorruptFileError, match="kind"):
        shards.read_shard(rewritten(kind="weights"))
    with pytest.raises(errors.CorruptFileError, match="newer"):
        shards.read_shard(rewritten(version=shards.VERSION + 1))
    for changed in (
        {"num_trials": arrays["num_trials"] + 1},
        {"num_parameters": arrays["num_parameters"][:2]},
        {"text": arrays["text"][::-1].copy()},
        {"text_sizes": arrays["text_sizes"][:2]},
    ):
        with pytest.raises(errors.CorruptFileError, match="studies"):
            shards.read_shard(rewritten(**changed))


def test_writing_refuses_other_content(tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match="studies"):
        shards.write_shard(tmp_path / "shard", [])
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(errors.InvalidArgumentError, match="directory"):
        shards.write_shard(tmp_path, [generate_study(0, 0, max_trials=3)])


def test_stored_studies_stand_in_for_generated_ones(tmp_path):
    written = [generate_study(0, index, max_trials=40) for index in range(7)]
    for index, rows in enumerate((slice(0, 3), slice(3, 6), slice(6, 7))):
        shards.write_shard(shards.shard_path(tmp_path, index), written[rows])
    stored = shards.stored_studies(tmp_path)
    assert len(stored) == 7
    drawn = [stored(5, index, max_trials=40, max_parameters=99) for index in range(200)]
    texts = [shards.records.to_text(study) for study in written]
    counts = np.bincount([texts.index(shards.records.to_text(study)) for study in drawn], minlength=7)
    assert counts.min() >= 10 and counts.sum() == 200  # all are drawn, none far more than the others
    for index in range(20):
        assert_same(stored(5, index, max_trials=40, max_parameters=99), drawn[index])
        short = stored(5, index, max_trials=4, max_parameters=99)
        assert_same(short, drawn[index].take(slice(0, 4)))
    fewest = min(len(study.space) for study in written)
    assert {len(stored(0, index, max_parameters=fewest).space) for index in range(30)} == {fewest}


def test_stored_studies_say_what_is_missing(tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match="shard-"):
        shards.stored_studies(tmp_path)
    space = SearchSpace((Parameter("a", "boolean"), Parameter("b", "boolean")))
    study = Study(space, Metadata(), "max", np.zeros((1, 2), np.int32), np.zeros(1), np.zeros(1, np.int8))
    shards.write_shard(shards.shard_path(tmp_path, 0), [study])
    with pytest.raises(errors.InvalidArgumentError, match="`max_parameters` of at least 2"):
        shards.stored_studies(tmp_path)(0, 0, max_parameters=1)


def test_numpy_is_enough_to_generate_write_and_read(tmp_path):
    program = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"tensorflow", "keras", "keras_tuner", "scipy", "sklearn", "jax", "optuna", "absl"}}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from keras_hparam.optformer.corpus import generate_study, generation, policies, shards, tables, trainings
shards.write_shard({str(tmp_path / "shard-0")!r}, [generate_study(0, 1, max_trials=5)])
print(len(shards.stored_studies({str(tmp_path)!r})(0, 0)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().isdigit(), done.stderr
