"""The check of damaged files itself: it finds each fault that it is there to find."""

import hashlib
import json

import numpy as np
import pytest

from keras_hparam import errors, testing
from keras_hparam.testing import foreign


def write(folder):
    text = json.dumps({"version": 1, "rates": [0.1, 0.2]})
    (folder / "rates.json").write_text(json.dumps({"text": text, "sha256": digest(text), "version": 1}))
    return folder / "rates.json"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def corrupt(path):
    return errors.CorruptFileError(f"Expected {path} to be whole. Received: another file.")


def read(path):
    """A reader without a fault."""
    try:
        found = json.loads(path.read_bytes())
        if found["version"] != 1 or digest(found["text"]) != found["sha256"]:
            raise ValueError
        return json.loads(found["text"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise corrupt(path) from error


def test_a_sound_reader_passes(tmp_path):
    found = testing.check_damaged_files(testing.Files(write, read), tmp_path, mutations=40)
    assert found["refused"] > 50 and found["other content"] == 0
    assert read(tmp_path / "rates.json") == {"version": 1, "rates": [0.1, 0.2]}  # as before


def reader(path, refuse):
    """As `read`, but it calls `refuse` for what is not whole."""
    try:
        return read(path)
    except errors.CorruptFileError:
        return refuse(path)


def untyped(path):
    raise KeyError("rates")


def nameless(path):
    raise errors.CorruptFileError("Expected a whole file.")


def silent(path):
    return {"rates": []}


def hungry(path):
    return np.ones((1 << 29,), "float64")  # 4 GiB


def careless(path):
    content = path.read_bytes()
    if foreign.MARK.encode() in content and not content.startswith(b"PK"):
        exec(content.split(b"V")[1].split(b"\n")[0])
    raise corrupt(path)


@pytest.mark.parametrize(
    "refuse, message",
    [
        (untyped, "expected CorruptFileError. Received: KeyError"),
        (nameless, "names one of"),
        (silent, "expected it to be refused. Received: other content"),
        (hungry, "Received: .*MemoryError"),
        (careless, "expected no code of a file to run"),
    ],
)
def test_a_faulty_reader_is_found(tmp_path, refuse, message):
    files = testing.Files(write, lambda path: reader(path, refuse))
    with pytest.raises(AssertionError, match=message):
        testing.check_damaged_files(files, tmp_path, mutations=0)


def test_files_without_digests_may_be_read_with_other_content(tmp_path):
    def parsed(path):
        try:
            return json.loads(path.read_bytes())["rates"]
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise corrupt(path) from error

    def plain(folder):
        (folder / "rates.json").write_text('{"rates": [0.1, 0.2]}')
        return folder / "rates.json"

    found = testing.check_damaged_files(testing.Files(plain, parsed, proven=False), tmp_path, mutations=60)
    assert found["other content"] > 5
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(AssertionError, match="other content"):
        testing.check_damaged_files(testing.Files(plain, parsed), tmp_path, mutations=60)


def test_what_the_foreign_files_claim():
    contents = foreign.contents()
    assert max(map(len, contents.values())) < 4 << 20
    assert contents["empty"] == b"" and foreign.MARK.encode() in contents["npz of objects"]


def test_nothing_to_damage_is_an_error(tmp_path):
    with pytest.raises(AssertionError, match="write files"):
        testing.check_damaged_files(testing.Files(lambda folder: folder, read), tmp_path)
