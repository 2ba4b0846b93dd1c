"""Files and directories that appear whole or not at all, also when the process is killed.

Everything is written beside its destination, on the same file system, flushed to the disk and then renamed. A kill
leaves either the old content or the new; at worst a hidden `.<name>.<random>.partial…` stays behind.
"""

import contextlib
import os
import pathlib
import secrets
import shutil

PARTIAL_SUFFIX = ".partial"


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path beside `path` that takes its place at the end, and vanishes if the block raises.

    Args:
        path: where the file shall be; missing parent directories are made, the suffix is kept.

    Example:

    ```python
    with replacing("trials.csv") as temporary:
        temporary.write_text("number,status")
    ```
    """
    path = pathlib.Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path, path.suffix)
    try:
        yield partial
        with open(partial, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def write_bytes(path, data):
    """Writes one file atomically, replacing the one that is there.

    Args:
        path: where to write; missing parent directories are made.
        data: bytes.
    """
    with replacing(path) as partial:
        partial.write_bytes(data)


def write_directory(path, files):
    """Writes a directory of files atomically, replacing the one that is there.

    A directory cannot be renamed over a full one: the old is first renamed to its `previous` name, so that in the
    instant between the two renames `newest` still finds it.

    Args:
        path: where to write; missing parent directories are made.
        files: mapping from file name to bytes.
    """
    path = pathlib.Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    partial.mkdir()
    try:
        for name, data in files.items():
            _write_synced(partial / name, data)
        _sync_directory(partial)
        _swap(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync_directory(path.parent)
    shutil.rmtree(previous(path), ignore_errors=True)


def previous(path):
    """Where `write_directory` keeps the old directory while it puts the new one in its place."""
    path = pathlib.Path(path)
    return path.with_name(f".{path.name}.previous")


def newest(path):
    """The directory to read for `path`: itself or, after a kill in the middle of a replacement, the previous one."""
    path = pathlib.Path(path).resolve()
    return previous(path) if not path.exists() and previous(path).is_dir() else path


def remove_directory(path):
    """Removes a directory so that a kill never leaves a half of it under its own name."""
    doomed = _partial(pathlib.Path(path).resolve())
    os.replace(path, doomed)
    shutil.rmtree(doomed)


def _swap(partial, path):
    if path.is_dir():
        shutil.rmtree(previous(path), ignore_errors=True)
        os.replace(path, previous(path))
    os.replace(partial, path)


def _partial(path, suffix=""):
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}{suffix}")


def _write_synced(path, data):
    with open(path, "xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_directory(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
