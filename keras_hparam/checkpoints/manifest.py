"""A directory of files under a manifest that says what they are and proves that they are whole.

`manifest.json` holds `format`, `version`, `kind` (what the files are for), `config`, `training` (how they came to be)
and `files` {name: {"sha256", "bytes"}}, and under `sha256` a digest of all of that. Sizes and digests are compared
before a file's content is parsed. Both weights and checkpoints of training programs are stored in this way.
"""

import hashlib
import json
import pathlib
import re
import reprlib

from keras_hparam import atomic, errors

MANIFEST = "manifest.json"
FORMAT = "keras_hparam files"
VERSION = 1
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def write(directory, kind, files, config, training):
    """Writes the files and their manifest as one atomic directory, replacing the one that is there.

    Args:
        directory: where to write.
        kind: str, what the files are for; a reader asks for the same.
        files: mapping from file name (letters, digits, ".", "_" and "-" only) to bytes.
        config: dict of plain JSON values.
        training: dict of plain JSON values.

    Raises:
        InvalidArgumentError: for a name with a path in it, contents that are not bytes or values that JSON lacks.
    """
    if not isinstance(kind, str) or not kind:
        raise errors.InvalidArgumentError(f"Expected `kind` to be a non-empty text. Received: {kind!r}.")
    manifest = {"format": FORMAT, "version": VERSION, "kind": kind}
    manifest |= {"config": check_json("config", config), "training": check_json("training", training)}
    manifest["files"] = {name: _describe(name, data) for name, data in files.items()}
    manifest["sha256"] = _digest(manifest)
    text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False) + "\n"
    atomic.write_directory(_check_replaceable(directory), dict(files) | {MANIFEST: text.encode()})


def read(directory, kind):
    """Reads a directory that `write` made, after verifying all of it.

    Returns:
        (manifest, files): the manifest as a dict, and a dict from file name to bytes.

    Raises:
        CorruptFileError: if anything is missing, truncated, altered, foreign, of a newer version or of another kind.
    """
    directory = atomic.newest(directory)
    manifest = _parse(directory / MANIFEST)
    if manifest["kind"] != kind:
        raise errors.CorruptFileError(
            f"Expected {directory} to hold files of kind {kind!r}. Received: kind {manifest['kind']!r}."
        )
    return manifest, {name: _read_verified(directory, name, facts) for name, facts in manifest["files"].items()}


def _parse(path):
    """The manifest at `path`, with its version, its digest and its structure verified."""
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise errors.CorruptFileError(f"Expected {path} to be a readable JSON file. Received: {error!r}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise errors.CorruptFileError(f"Expected {path} to have the format {FORMAT!r}. Received: a foreign file.")
    if manifest.get("version") != VERSION:
        raise errors.CorruptFileError(
            f"Expected {path} to have version {VERSION}; a newer one needs a newer keras_hparam. "
            f"Received: version {manifest.get('version')!r}."
        )
    digest = _digest({key: value for key, value in manifest.items() if key != "sha256"})
    types = {"kind": str, "config": dict, "training": dict, "files": dict}
    if digest != manifest.get("sha256") or not all(isinstance(manifest.get(key), types[key]) for key in types):
        raise errors.CorruptFileError(
            f"Expected {path} to be unaltered, with sha256 {manifest.get('sha256')!r}. Received: sha256 {digest!r}."
        )
    return manifest


def _read_verified(directory, name, facts):
    path = pathlib.Path(directory) / name
    if not _is_file_name(name) or not isinstance(facts, dict):
        raise errors.CorruptFileError(f"Expected plain file names in {directory / MANIFEST}. Received: {name!r}.")
    if not path.is_file():
        raise errors.CorruptFileError(f"Expected the file {path}, which the manifest names. Received: no such file.")
    size = path.stat().st_size
    if size != facts.get("bytes"):
        raise errors.CorruptFileError(f"Expected {path} to have {facts.get('bytes')} bytes. Received: {size} bytes.")
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != facts.get("sha256"):
        raise errors.CorruptFileError(f"Expected {path} to have sha256 {facts.get('sha256')}. Received: {digest}.")
    return data


def _describe(name, data):
    if not _is_file_name(name) or not isinstance(data, bytes):
        raise errors.InvalidArgumentError(
            f"Expected `files` to map plain file names to bytes. Received: {name!r} with {type(data).__name__}."
        )
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _is_file_name(name):
    return isinstance(name, str) and bool(_FILE_NAME.fullmatch(name)) and name != MANIFEST


def _check_replaceable(directory):
    """`directory` itself, which must be absent, empty or made by `write`: nothing else is ever replaced."""
    directory = pathlib.Path(directory)
    occupied = directory.exists() and not (directory / MANIFEST).is_file()
    if occupied and (not directory.is_dir() or any(directory.iterdir())):
        raise errors.InvalidArgumentError(
            f"Expected `directory` to be new, empty or a saved one. Received: {directory}, with other content."
        )
    return directory


def _digest(manifest):
    """sha256 of the values, not of the text: line ends and indentation may change on the way."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def check_json(argument, value):
    """The dict `value` as JSON gives it back (tuples become lists), or an `InvalidArgumentError` about `argument`."""
    try:
        if not isinstance(value, dict) or not _has_text_keys(value):
            raise TypeError("it must be a dict, and every key in it a str")
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise errors.InvalidArgumentError(
            f"Expected `{argument}` to be a dict of finite numbers, text, booleans, None, lists and dicts. "
            f"Received: {reprlib.repr(value)} ({error})."
        ) from error


def _has_text_keys(value):
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_text_keys(item) for key, item in value.items())
    return not isinstance(value, list | tuple) or all(_has_text_keys(item) for item in value)
