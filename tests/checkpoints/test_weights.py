"""Weights: round trips, verification before parsing, shipped names."""

import hashlib
import json
import pathlib
import tempfile

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from keras_hparam import checkpoints, errors
from keras_hparam.checkpoints import manifest, weights

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=6,
)
CONFIGS = st.dictionaries(st.text(), JSON, max_size=3)
ARRAYS = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=3), elements=st.floats(-1e6, 1e6, width=32))


@hypothesis.settings(max_examples=30)
@hypothesis.given(st.dictionaries(st.text("ab/:0é", min_size=1), ARRAYS, min_size=1, max_size=3), CONFIGS, st.binary())
def test_round_trip(arrays, config, data):
    with tempfile.TemporaryDirectory() as directory:
        checkpoints.save_weights(directory, arrays, config, kind="any", files={"extra.bin": data}, seed=0)
        restored, restored_config, facts, files = checkpoints.load_weights(directory, kind="any")
    assert restored.keys() == arrays.keys() and restored_config == config
    for name, array in arrays.items():
        np.testing.assert_array_equal(restored[name], array)
    assert files == {"extra.bin": data} and facts["training"] == {"seed": 0}


def test_the_manifest_says_what_and_how(saved):
    facts = json.loads((saved / "manifest.json").read_text())
    assert facts["format"] == manifest.FORMAT and facts["version"] == 1 and facts["kind"] == "mlp"
    assert facts["training"] == {"flag_file": "configs/tiny.flags", "seed": 0, "figures": {"loss": 0.5}}
    for name, file in facts["files"].items():
        data = (saved / name).read_bytes()
        assert file == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert sorted(facts["files"]) == ["pieces.model", "weights.npz"]


def test_same_weights_same_files(saved, tmp_path):
    loaded = checkpoints.load_weights(saved, kind="mlp")
    again = tmp_path / "again"
    checkpoints.save_weights(
        again, loaded.weights, loaded.config, kind="mlp", files=loaded.files, **loaded.manifest["training"]
    )
    assert (again / "manifest.json").read_bytes() == (saved / "manifest.json").read_bytes()


def test_float16_halves_the_file_and_comes_back_as_float32(tmp_path, rng):
    kernel = rng.normal(size=(64, 64)).astype("float32")
    for dtype in ("float16", "float32"):
        checkpoints.save_weights(tmp_path / dtype, {"kernel": kernel}, {}, kind="mlp", dtype=dtype)
    sizes = {dtype: (tmp_path / dtype / "weights.npz").stat().st_size for dtype in ("float16", "float32")}
    assert sizes["float32"] - sizes["float16"] == 2 * kernel.size
    restored = checkpoints.load_weights(tmp_path / "float16", kind="mlp").weights["kernel"]
    assert restored.dtype == np.float32
    np.testing.assert_array_equal(restored, kernel.astype("float16").astype("float32"))


def test_integers_keep_their_dtype(saved):
    assert checkpoints.load_weights(saved, kind="mlp").weights["ids"].dtype == np.arange(3).dtype


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"weights": {}}, "`weights`"),
        ({"weights": {"a": np.array([np.nan])}}, "finite"),
        ({"weights": {"a": np.array(["text"])}}, "dtype <U4"),
        ({"weights": {"a": np.array([None])}}, "dtype object"),
        ({"weights": {"a": np.array([1e5])}, "dtype": "float16"}, "fit `dtype`"),
        ({"dtype": "bfloat16"}, "`dtype`"),
        ({"config": {"rate": np.float32(1)}}, "`config`"),
        ({"config": {"rate": float("nan")}}, "`config`"),
        ({"config": {"nested": [{1: 2}]}}, "`config`"),
        ({"config": ["no dict"]}, "`config`"),
        ({"seed": {1, 2}}, "`training`"),
        ({"kind": ""}, "`kind`"),
        ({"files": {"../up": b""}}, "`files`"),
        ({"files": {"manifest.json": b""}}, "`files`"),
        ({"files": {"weights.npz": b""}}, "`files`"),
        ({"files": {"text": "no bytes"}}, "`files`"),
    ],
)
def test_save_refuses_before_it_writes(tmp_path, arguments, message):
    valid = {"weights": {"a": np.ones(2)}, "config": {}, "kind": "mlp"}
    with pytest.raises(errors.InvalidArgumentError, match=message) as raised:
        checkpoints.save_weights(tmp_path / "new", **(valid | arguments))
    assert "Received: " in str(raised.value) and list(tmp_path.iterdir()) == []


def test_save_never_replaces_other_content(saved, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    for directory in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(errors.InvalidArgumentError, match="`directory`"):
            checkpoints.save_weights(directory, {"a": np.ones(2)}, {}, kind="mlp")
    checkpoints.save_weights(saved, {"a": np.ones(2)}, {}, kind="mlp")
    assert checkpoints.load_weights(saved, kind="mlp").files == {}


def test_shipped_names(saved, monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "_PRETRAINED", saved.parent)
    (saved.parent / "unfinished").mkdir()
    assert checkpoints.shipped() == ("tiny",)
    assert checkpoints.load_weights("tiny", kind="mlp").config == {"width": 2}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    pathlib.Path("tiny").mkdir()  # an unrelated folder does not hide what ships
    assert checkpoints.load_weights("tiny", kind="mlp").config == {"width": 2}
    checkpoints.save_weights("tiny", {"a": np.ones(2)}, {"width": 3}, kind="mlp")
    assert checkpoints.load_weights("tiny", kind="mlp").config == {"width": 3}


@pytest.mark.parametrize("source", ["tinny", "", "../tiny", pathlib.Path("tiny"), 3, None])
def test_unknown_names_list_the_known_ones(saved, monkeypatch, source):
    monkeypatch.setattr(weights, "_PRETRAINED", saved.parent)
    with pytest.raises(errors.InvalidArgumentError, match="`weights`.*Received: ") as raised:
        checkpoints.load_weights(source, kind="mlp")
    assert not isinstance(source, str) or "'tiny'" in str(raised.value)


def test_all_that_ships_is_whole():
    for name in checkpoints.shipped():
        kind = json.loads((weights._PRETRAINED / name / "manifest.json").read_text())["kind"]
        loaded = checkpoints.load_weights(name, kind=kind)
        assert loaded.weights and "flag_file" in loaded.manifest["training"]
