"""Files that are either whole or absent."""

import contextlib
import os
import pathlib
import tempfile


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path beside `path` that takes its place at the end, and vanishes if the block raises.

    A reader, or a process killed at any moment, finds the earlier file or the new one, never a part. The folder of
    `path` is made where it is missing.

    Example:

    ```python
    with replacing("trials.csv") as temporary:
        temporary.write_text("number,status")
    ```

    Raises:
        OSError: if the folder cannot be made or written.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = pathlib.Path(name)
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that their owner alone can read
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path):
    """Sees that the file's content reaches the disk before its name does."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _umask():
    """The process' file mode mask, which can be read only by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
