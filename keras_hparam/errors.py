"""Errors, typed by what the caller should do about them.

Every message says what was expected and what was received, and names the argument or the file.
"""

import struct
import tokenize
import zipfile
import zlib

# What the readers of Python's library and of NumPy raise for damaged files.
MALFORMED = (
    OSError, EOFError, ValueError, TypeError, RuntimeError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile,
    zlib.error, struct.error,
)  # fmt: skip



class KerasHparamError(Exception):
    """Base of every error that the package raises on purpose."""


class InvalidArgumentError(KerasHparamError, ValueError):
    """The call is wrong: change the named argument."""


class CorruptFileError(KerasHparamError, ValueError):
    """A file is truncated, altered, foreign or of an unknown version: restore or replace it."""


class UnavailableError(KerasHparamError, RuntimeError):
    """The machine or the environment lacks what was asked for: install it or ask for something else."""


class InUseError(KerasHparamError, RuntimeError):
    """Another process uses it: wait for its end, stop it, or take another directory, port or name."""
