"""One program at a time in a work directory."""

import fcntl
import json
import os
import pathlib
import socket

from keras_hparam import errors

NAME = ".in_use"


class Exclusive:
    """Holds a directory for this process, until `release` or the end of the process, a kill included.

    Args:
        directory: path; it is made if it does not exist.
        name: str, the argument or flag that gave the directory, for the message.

    Raises:
        InUseError: if another process holds it.
        UnavailableError: if its file system has no locks.

    Example:

    ```python
    with Exclusive("results", "workdir"):
        train()
    ```
    """

    def __init__(self, directory, name="directory"):
        path = pathlib.Path(directory) / NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        # The system frees it when the process ends, however it ends. The file stays: removing it would be a race.
        self._descriptor = _locked(path, name)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, json.dumps({"process": os.getpid(), "machine": socket.gethostname()}).encode())

    def release(self):
        """Lets others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


def require_free(directory, name="directory"):
    """Raises what `Exclusive` would, and holds nothing: an early word before a program loads what it needs.

    Args:
        directory: path; one that nobody has ever held is free.
        name: as of `Exclusive`.

    Raises:
        InUseError: if another process holds it.
        UnavailableError: if its file system has no locks.
    """
    path = pathlib.Path(directory) / NAME
    if path.exists():
        os.close(_locked(path, name))


def _locked(path, name):
    """A descriptor of the locked file, which is made if it does not exist."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 1000).decode(errors="replace").strip() or "an unknown process"
        os.close(descriptor)
        raise errors.InUseError(
            f"Expected `{name}` {str(path.parent)!r} to be used by one program at a time. Received: a directory in "
            f"use by {holder}."
        ) from error
    except OSError as error:
        os.close(descriptor)
        raise errors.UnavailableError(
            f"Expected `{name}` {str(path.parent)!r} on a file system with locks. Received: {error}."
        ) from error
    return descriptor
