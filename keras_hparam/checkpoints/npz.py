"""Named arrays <-> the bytes of an `.npz` file that holds numbers only: no pickle is written, none can be read.

The bytes depend on the arrays alone (no times are stored), so equal weights have equal hashes, and `numpy.load` reads
the file too. Arrays have any shape, rank 0 and empty ones included.
"""

import io
import math
import zipfile

import numpy as np

from keras_hparam import errors

NUMERIC_KINDS = "biufc"  # bool, int, uint, float, complex
_MAX_NAME_BYTES = 1024


def to_bytes(arrays):
    """The `.npz` bytes of named arrays, in the order of their names.

    Args:
        arrays: mapping from name (str, at most 1024 bytes of UTF-8) to a numeric array of any shape.

    Raises:
        InvalidArgumentError: for a name that cannot be stored, or an array that is not of numbers (objects, strings).

    Example:
        >>> to_bytes({"dense/kernel": np.ones((2, 3))})[:2]
        b'PK'
    """
    stream = io.BytesIO()
    checked = {_check_name(name): _check_array(name, value) for name, value in arrays.items()}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(checked):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, checked[name], version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(name + ".npy"), entry.getvalue())
    return stream.getvalue()


def from_bytes(data, source="<bytes>"):
    """The named arrays that `to_bytes` stored.

    Args:
        data: the bytes of the file.
        source: the file's name, for messages.

    Returns:
        dict from name to a writable array with its own dtype and shape.

    Raises:
        CorruptFileError: if the bytes are no `.npz` file of uncompressed numeric arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            arrays = {_entry_name(entry): _parse(archive.read(entry)) for entry in entries}
    except errors.MALFORMED as error:
        raise errors.CorruptFileError(
            f"Expected {source} to be an .npz file of uncompressed numeric arrays. Received: {error!r}."
        ) from error
    if len(arrays) != len(entries):
        raise errors.CorruptFileError(f"Expected every array of {source} once. Received: a name twice.")
    return arrays


def _entry_name(entry):
    if entry.compress_type != zipfile.ZIP_STORED or not entry.filename.endswith(".npy"):
        raise ValueError(f"entry {entry.filename!r} is compressed or no array")
    return entry.filename.removesuffix(".npy")


def _parse(data):
    """One `.npy` file; its size is compared with its header before anything is allocated."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("unknown version of the .npy format")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in NUMERIC_KINDS:
        raise ValueError(f"dtype {dtype} is not numeric")
    body = data[stream.tell() :]
    if min(shape, default=0) < 0 or len(body) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(body)} bytes for shape {shape} of {dtype}")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if fortran_order else "C").copy(order="K")


def _check_name(name):
    try:
        encoded = name.encode()
    except (AttributeError, UnicodeEncodeError):
        encoded = b""
    if not 0 < len(encoded) <= _MAX_NAME_BYTES or b"\0" in encoded:
        raise errors.InvalidArgumentError(
            f"Expected names of `arrays` of 1 to {_MAX_NAME_BYTES} bytes of text. Received: {name!r}."
        )
    return name


def _check_array(name, value):
    array = np.asarray(value)
    if array.dtype.kind not in NUMERIC_KINDS:
        raise errors.InvalidArgumentError(f"Expected `arrays` of numbers. Received: {name!r} of dtype {array.dtype}.")
    return array
