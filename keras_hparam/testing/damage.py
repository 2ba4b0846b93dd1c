"""Damaged files: what reading does with truncated, altered, missing, foreign and newer ones.

A reader refuses them with the error that it documents, which names the file, or reads what the whole files hold. It
raises nothing else, runs no code of a file, and asks for no memory that a file merely claims to fill.
"""

import builtins
import collections
import contextlib
import copy
import dataclasses
import json
import math
import pathlib
import shutil

import numpy as np

from keras_hparam import errors
from keras_hparam.checkpoints import manifest
from keras_hparam.testing import foreign
from keras_hparam.testing.structures import require

MEMORY = 2 << 30  # bytes that reading a damaged file may take
REFUSED, UNCHANGED, OTHER_CONTENT = "refused", "unchanged", "other content"
_PLAIN = (None, True, -1, 0, 3, 0.5, 1e308, "x", "", [], {}, [[]], {"x": None}, [None])
_STRANGE = (math.nan, math.inf, -math.inf, 10**30, "\ud800", "x" * 10_000)  # what `checkpoints` never writes


@dataclasses.dataclass(frozen=True)
class Files:
    """A kind of files in the table of `check_damaged_files`.

    Args:
        write: callable that gets an empty folder and writes small, valid files into it; it returns the path, within
            the folder, that is read.
        read: callable that gets this path and returns what is there, as nested lists, tuples and dicts of arrays and
            plain values.
        proven: whether the files prove, by digests, that they are whole: then reading any other content is a fault.
        error: class of the error that is documented for damaged files.
    """

    write: collections.abc.Callable
    read: collections.abc.Callable
    proven: bool = True
    error: type = errors.CorruptFileError


def check_damaged_files(files, folder, mutations=60, seed=0, others=None):
    """Damages files in many ways and reads them.

    Each file is removed and replaced by foreign content, and its version raised; then `mutations` random ones: cut,
    bits or runs of bytes changed, values of its JSON replaced, also under a manifest that agrees with them.

    Args:
        files: `Files`.
        folder: an empty directory to write to.
        mutations: int ≥ 0, number of the random ones.
        seed: int, of the random ones.
        others: dict from str to bytes, further foreign contents.

    Returns:
        A `collections.Counter`: how often they were refused, read unchanged, and read with other content.

    Raises:
        AssertionError: for another error, one that does not name the file, other content in spite of `proven`, code
            that ran.

    Example:

    ```python
    found = check_damaged_files(Files(write_csv_of_two_trials, reports.read_csv, proven=False), tmp_path)
    ```
    """
    folder = pathlib.Path(folder)
    path = pathlib.Path(files.write(folder))
    whole = _bytes(folder)
    require(bool(whole), f"Expected `write` to write files into {folder}. Received: none.")
    expected = files.read(path)
    require(_same(expected, files.read(path)), f"Expected {path} to be read twice alike. Received: different contents.")
    found = collections.Counter()
    for what, sealed, damaged in _damages(whole, path == folder or path.is_dir(), mutations, seed, others or {}):
        _replace(folder, damaged)
        if sealed:
            _seal(folder, *sealed)
        found[_outcome(files, path, what, expected, bool(sealed))] += 1
    _replace(folder, whole)
    require(_same(expected, files.read(path)), f"Expected {path} to be read as before. Received: another content.")
    return found


def _outcome(files, path, what, expected, is_sealed):
    try:
        with _bounded_memory():
            received = files.read(path)
    except files.error as error:
        names = {path.name, what.split(":")[0].rsplit("/", 1)[-1]}
        named = any(name in str(error) for name in names)
        require(named, f"{what}: expected an error that names one of {sorted(names)}. Received: {error}")
        return REFUSED
    except Exception as error:
        raise AssertionError(f"{what}: expected {files.error.__name__}. Received: {error!r:.500}") from error
    finally:
        ran = vars(builtins).pop(foreign.MARK, False)
        require(not ran, f"{what}: expected no code of a file to run. Received: it ran.")
    if _same(expected, received):
        return UNCHANGED
    require(is_sealed or not files.proven, f"{what}: expected it to be refused. Received: other content.")
    return OTHER_CONTENT


def _damages(whole, may_remove, mutations, seed, others):
    """(what, the change of a sealed directory or None, files) of every damage."""
    for name, data in whole.items():
        if may_remove:
            yield f"{name}: removed", None, {key: value for key, value in whole.items() if key != name}
        for title, content in {**foreign.contents(), **others}.items():
            if content != data:
                yield f"{name}: {title}", None, whole | {name: content}
        for newer in _newer(data):
            yield f"{name}: newer", None, whole | {name: newer}
    rng, names = np.random.default_rng(seed), list(whole)
    sealed = [name for name in names if pathlib.PurePath(name).name == manifest.MANIFEST]
    for number in range(mutations):
        name = names[number % len(names)]
        kinds = [_cut, _flipped, _overwritten, *([_with_other_value] if _parsed(whole[name]) is not None else [])]
        kind = kinds[rng.integers(len(kinds))]
        yield f"{name}: {kind.__name__[1:]} {number}", None, whole | {name: kind(whole[name], rng)}
        if sealed:
            chosen = sealed[number % len(sealed)]
            yield f"{chosen}: resealed {number}", (chosen, rng), whole


def _cut(data, rng):
    return data[: rng.integers(len(data))] if data else b"x"


def _flipped(data, rng):
    altered = bytearray(data or b"x")
    for position in rng.integers(len(altered), size=rng.choice([1, 1, 3])):
        altered[position] ^= 1 << rng.integers(8)
    return bytes(altered)


def _overwritten(data, rng):
    start, length = rng.integers(len(data) + 1), rng.integers(1, 64)
    return data[:start] + rng.bytes(length) + data[start + length * rng.integers(2) :]


def _with_other_value(data, rng):
    return json.dumps(_replaced(_parsed(data), rng, (*_PLAIN, *_STRANGE))).encode()


def _replaced(document, rng, values):
    """A JSON document with one of its values, at a random place, replaced or removed."""
    document = copy.deepcopy(document)
    places = list(_places(document))
    value = values[rng.integers(len(values))]
    if not places:
        return value
    owner, key = places[rng.integers(len(places))]
    if rng.random() < 0.2:
        del owner[key]
    else:
        owner[key] = value
    return document


def _places(value):
    if isinstance(value, dict | list):
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(item)


def _newer(data):
    """The JSON text with its version raised, if it says one."""
    document = _parsed(data)
    if isinstance(document, dict) and isinstance(document.get("version"), int):
        yield json.dumps(document | {"version": document["version"] + 1}).encode()


def _parsed(data):
    """The JSON document, or None."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _seal(folder, name, rng):
    """Changes a value or a file under a manifest and writes the manifest anew, so that it agrees with the change."""
    directory = (folder / name).parent
    facts = json.loads((folder / name).read_bytes())
    contents = {name: (directory / name).read_bytes() for name in facts["files"]}
    if contents and rng.random() < 0.3:
        changed = sorted(contents)[rng.integers(len(contents))]
        strange = list(foreign.contents().values())
        contents[changed] = rng.choice([_cut, _flipped])(contents[changed], rng)
        if rng.random() < 0.3:
            contents[changed] = strange[rng.integers(len(strange))]
        if rng.random() < 0.2:
            del contents[changed]
    else:
        config = _replaced(facts["config"], rng, _PLAIN)
        facts["config"] = config if isinstance(config, dict) else {}
    manifest.write(directory, facts["kind"], contents, facts["config"], facts["training"])


def _bytes(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _replace(folder, contents):
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def _same(one, two):
    if isinstance(one, dict):
        return isinstance(two, dict) and one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(two) and len(one) == len(two) and all(map(_same, one, two))
    if isinstance(one, float) or hasattr(one, "dtype"):
        one, two = np.asarray(one), np.asarray(two)
        is_float = one.dtype.kind in "fc" and two.dtype.kind in "fc"
        return one.dtype == two.dtype and np.array_equal(one, two, equal_nan=is_float)
    return type(one) is type(two) and one == two


@contextlib.contextmanager
def _bounded_memory():
    """Lets an allocation of gigabytes fail, where the system can."""
    try:
        import resource

        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
        before = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, OSError):
        yield
        return
    limit = pages * resource.getpagesize() + MEMORY
    if before[1] != resource.RLIM_INFINITY:
        limit = min(limit, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
