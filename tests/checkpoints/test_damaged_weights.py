"""Truncated, altered, foreign and forged files are refused before they are parsed."""

import hashlib
import json

import pytest

from keras_hparam import checkpoints, errors
from keras_hparam.checkpoints import manifest, npz


@pytest.mark.parametrize("name", ["weights.npz", "pieces.model", "manifest.json"])
def test_a_truncated_file_is_refused(saved, name):
    data = (saved / name).read_bytes()
    content = len(data.rstrip(b"\n")) if name == "manifest.json" else len(data)
    for length in range(content):
        (saved / name).write_bytes(data[:length])
        with pytest.raises(errors.CorruptFileError, match=name):
            checkpoints.load_weights(saved, kind="mlp")


@pytest.mark.parametrize("name", ["weights.npz", "pieces.model", "manifest.json"])
def test_an_altered_byte_is_refused_or_changes_no_value(saved, name):
    data = (saved / name).read_bytes()
    facts = checkpoints.load_weights(saved, kind="mlp").manifest
    for position in range(len(data)):
        altered = bytearray(data)
        altered[position] ^= 1 << position % 8
        (saved / name).write_bytes(altered)
        try:
            loaded = checkpoints.load_weights(saved, kind="mlp").manifest
        except errors.CorruptFileError:
            continue
        assert name == "manifest.json" and chr(data[position]).isspace() and loaded == facts


def test_a_missing_file_is_refused(saved):
    (saved / "pieces.model").unlink()
    with pytest.raises(errors.CorruptFileError, match="pieces.model.*no such file"):
        checkpoints.load_weights(saved, kind="mlp")


def test_other_kind_is_refused(saved):
    with pytest.raises(errors.CorruptFileError, match="kind 'optformer'. Received: kind 'mlp'"):
        checkpoints.load_weights(saved, kind="optformer")


def rewrite_manifest(directory, **changes):
    """A manifest that agrees with itself, as someone who knows the format would forge it."""
    facts = json.loads((directory / "manifest.json").read_text()) | changes
    facts["sha256"] = manifest._digest({key: value for key, value in facts.items() if key != "sha256"})
    (directory / "manifest.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"version": 2}, "needs a newer keras_hparam. Received: version 2"),
        ({"version": None}, "version None"),
        ({"format": "another"}, "foreign"),
        ({"files": []}, "unaltered"),
        ({"config": None}, "unaltered"),
        (
            {"files": {"../secret": {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}}},
            r"Received: '\.\./secret'",
        ),
        ({"files": {"/etc/passwd": {"sha256": "", "bytes": 1}}}, "Received: '/etc/passwd'"),
        ({"files": {"..": {"sha256": "", "bytes": 1}}}, "plain file names"),
        ({"files": {"pieces.model": 3}}, "plain file names"),
        ({"files": {}}, "hold weights.npz"),
    ],
)
def test_a_forged_manifest_is_refused(saved, changes, message):
    (saved.parent / "secret").write_bytes(b"x")
    rewrite_manifest(saved, **changes)
    with pytest.raises(errors.CorruptFileError, match=message):
        checkpoints.load_weights(saved, kind="mlp")


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"null", b"\xff\xfe", b"{}", b"[" * 100_000, b'{"format": "keras_hparam files"}']
)
def test_a_foreign_manifest_is_refused(saved, text):
    (saved / "manifest.json").write_bytes(text)
    with pytest.raises(errors.CorruptFileError, match="manifest.json"):
        checkpoints.load_weights(saved, kind="mlp")


def test_nothing_is_parsed_before_it_is_verified(saved, monkeypatch):
    monkeypatch.setattr(npz, "from_bytes", lambda *_: pytest.fail("parsed"))
    (saved / "weights.npz").write_bytes(b"foreign")
    with pytest.raises(errors.CorruptFileError, match="weights.npz to have"):
        checkpoints.load_weights(saved, kind="mlp")


def test_line_ends_may_change(saved):
    path = saved / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert checkpoints.load_weights(saved, kind="mlp").config == {"width": 2}
