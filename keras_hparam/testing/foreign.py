"""Contents that no reader of the package expects: text, noise, pickles, arrays and archives that claim gigabytes."""

import functools
import gzip
import io
import struct
import zipfile
import zlib

import numpy as np

MARK = "a_file_ran_code"  # the attribute of `builtins` that the pickles set when they are loaded
_GIGABYTES = 3 << 30
_NAME = b"weights.npy"


@functools.cache
def contents():
    """The contents by what they are: a dict from str to bytes."""
    pickled = b"cbuiltins\nexec\n(Vimport builtins; builtins.%s = True\ntR." % MARK.encode()
    return {
        "empty": b"",
        "text": b"Not what was expected.\n1,2,3\n",
        "zeros": bytes(4096),
        "noise": np.random.default_rng(0).bytes(512),
        "invalid UTF-8": b'{"a": "\xff\xfe"}',
        "deeply nested JSON": b'{"a":' * 100_000,
        "JSON null": b"null",
        "JSON list": b"[1, [2], NaN, 1e999]",
        "long number": b"9" * 5000,
        "pickle": pickled,
        "npz of objects": _npz(_npy("|O", (1,)) + pickled),
        "npz of a huge array": _npz(_npy("<f4", (1 << 40,))),
        "npz of a negative shape": _npz(_npy("<f4", (-1, -4)) + bytes(16)),
        "npz of a malformed header": _npz(b"\x93NUMPY\x01\x00" + struct.pack("<H", 12) + b"{'descr': (("),
        "zip that unpacks to gigabytes": _zip_bomb(),
        "gzip that unpacks to gigabytes": gzip.compress(b"")[:10] + _zeros(_GIGABYTES) + bytes(8),
    }


def _npz(entry):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(_NAME.decode(), entry)
    return stream.getvalue()


def _npy(dtype, shape):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _zeros(size):
    """The deflated form of that many zeros: one block of them, again and again."""
    compressor, block = zlib.compressobj(9, zlib.DEFLATED, -15), 1 << 22
    return (compressor.compress(bytes(block)) + compressor.flush(zlib.Z_FULL_FLUSH)) * (size // block) + b"\x03\x00"


def _zip_bomb():
    """An archive of one entry of zeros, which begins as an array of that size."""
    header = _npy("|u1", (_GIGABYTES,))
    begin = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + header  # a stored block
    data, size = begin + _zeros(_GIGABYTES), len(header) + _GIGABYTES
    sizes = struct.pack("<IIIHH", 0, len(data), size, len(_NAME), 0)
    local = struct.pack("<IHHHHH", 0x04034B50, 20, 0, 8, 0, 0x21) + sizes + _NAME
    central = struct.pack("<IHHHHHH", 0x02014B50, 20, 20, 0, 8, 0, 0x21) + sizes + struct.pack("<HHHII", 0, 0, 0, 0, 0)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central + _NAME), len(local + data), 0)
    return local + data + central + _NAME + end
