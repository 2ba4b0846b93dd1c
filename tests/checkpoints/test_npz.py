"""Named arrays <-> bytes: the inverse, what numpy reads, and damaged or foreign files."""

import io
import zipfile

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.checkpoints import npz

NAMES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(),
    hnp.unsigned_integer_dtypes(),
    hnp.floating_dtypes(),
    hnp.complex_number_dtypes(),
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        assert actual[name].dtype == array.dtype and actual[name].shape == array.shape
        np.testing.assert_array_equal(actual[name], array)


@hypothesis.given(st.dictionaries(NAMES, ARRAYS, max_size=4))
def test_round_trip(arrays):
    data = npz.to_bytes(arrays)
    assert_same(npz.from_bytes(data), arrays)
    assert npz.to_bytes(dict(reversed(arrays.items()))) == data


def test_difficult_names_are_kept_apart():
    arrays = {name: np.array(value) for value, name in enumerate(["a", "a.npy", "file", "allow_pickle", "../x", "ü/é"])}
    assert_same(npz.from_bytes(npz.to_bytes(arrays)), arrays)


def test_numpy_reads_the_same(rng):
    arrays = {"dense/kernel": rng.normal(size=(3, 4)), "fortran": np.asfortranarray(rng.normal(size=(2, 5)))}
    with np.load(io.BytesIO(npz.to_bytes(arrays)), allow_pickle=False) as loaded:
        assert_same(dict(loaded), arrays)


def test_reads_what_numpy_saved(rng):
    arrays = {"kernel": rng.normal(size=(3, 4)).astype("float32"), "step": np.array(3)}
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    assert_same(npz.from_bytes(stream.getvalue()), arrays)


def test_restored_arrays_are_writable():
    restored = npz.from_bytes(npz.to_bytes({"a": np.zeros(3)}))
    restored["a"][0] = 1.0
    assert restored["a"].sum() == 1.0


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 1025, b"bytes", 3])
def test_refuses_names(name):
    with pytest.raises(errors.InvalidArgumentError, match="Received: "):
        npz.to_bytes({name: np.zeros(2)})


@pytest.mark.parametrize("value", [np.array([None]), np.array(["text"]), np.array([{}, []], dtype=object), "text"])
def test_refuses_what_is_no_number(value):
    with pytest.raises(errors.InvalidArgumentError, match="'a' of dtype"):
        npz.to_bytes({"a": value})


def zip_of(name, data, method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def npy_with_header(shape, body):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return stream.getvalue() + body


FOREIGN = {
    "empty": b"",
    "text": b"not a zip file",
    "no arrays": zip_of("readme.txt", b"hello"),
    "no npy": zip_of("a.npy", b"hello"),
    "compressed": zip_of("a.npy", npy(np.zeros(1000)), zipfile.ZIP_DEFLATED),
    "newer npy": zip_of("a.npy", npy(np.zeros(2), version=(2, 0))),
    "text array": zip_of("a.npy", npy(np.array(["text"]))),
    "objects, which are a pickle": zip_of("a.npy", npy(np.array([None, {}]), allow_pickle=True)),
    "huge": zip_of("a.npy", npy_with_header((2**62,), b"")),
    "negative": zip_of("a.npy", npy_with_header((-1, -2), bytes(16))),
    "too long": zip_of("a.npy", npy_with_header((2,), bytes(24))),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN.keys())
def test_refuses_foreign_files(data):
    with pytest.raises(errors.CorruptFileError, match="Expected weights.npz"):
        npz.from_bytes(data, "weights.npz")


def test_refuses_a_name_twice():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", npy(np.zeros(2)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.npy", npy(np.ones(2)))
    with pytest.raises(errors.CorruptFileError, match="twice"):
        npz.from_bytes(stream.getvalue())


@pytest.fixture(scope="module")
def original():
    return npz.to_bytes({"a": np.arange(6.0).reshape(2, 3), "b": np.array([True, False])})


def test_every_truncation_is_refused(original):
    for length in range(len(original)):
        with pytest.raises(errors.CorruptFileError):
            npz.from_bytes(original[:length])


def test_altered_bytes_raise_nothing_but_corrupt_file_errors(original):
    refused = 0
    for position in range(len(original)):
        for mask in (0x01, 0x80, 0xFF):
            altered = bytearray(original)
            altered[position] ^= mask
            try:
                npz.from_bytes(bytes(altered))
            except errors.CorruptFileError:
                refused += 1
    assert refused > len(original)
