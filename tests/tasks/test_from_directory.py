"""Data sets of a directory, of small files with the documented arrays."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.tasks import data

FILES = {
    "fashion_mnist": ("fashion_mnist.npz", "x_train", "y_train"), "omniglot": ("omniglot_small1.npz", "x", "character"),
    "uci_yacht": ("uci_regression.npz", "yacht__x", "yacht__y"),
}  # fmt: skip


def write(directory, name, **replaced):
    """The file of a data set, some of its arrays replaced, or left out where None: its x and y."""
    rng = np.random.default_rng(0)
    file, x_key, y_key = FILES[name]
    if name == "uci_yacht":
        x, y = rng.normal(2, 3, (20, 4)), rng.normal(-1, 5, 20)
    else:
        x, y = rng.integers(256, size=(12, 28, 28)).astype("uint8"), (np.arange(12) % 5).astype("uint8")
    arrays = {"x_test": np.zeros(3), x_key: x, y_key: y, **replaced}
    np.savez(directory / file, **{key: array for key, array in arrays.items() if array is not None})
    return x, y


def standardised(values):
    values = np.asarray(values, "float64")
    return (values - values.mean(axis=0)) / values.std(axis=0)


@pytest.mark.parametrize("name", ["fashion_mnist", "omniglot"])
def test_images_are_means_of_squares_after_a_border(name, tmp_path):
    x, y = write(tmp_path, name)
    found = data.from_directory(name, tmp_path)
    assert found.x.shape == (12, 8, 8, 1) and found.x.dtype == np.float32
    means = np.zeros((12, 8, 8))
    for n, i, j, row, column in np.ndindex(12, 8, 8, 4, 4):
        source_row, source_column = 4 * i + row - 2, 4 * j + column - 2
        if 0 <= source_row < 28 and 0 <= source_column < 28:
            means[n, i, j] += x[n, source_row, source_column] / 16
    np.testing.assert_allclose(found.x[..., 0], (means - means.mean()) / means.std(), atol=1e-4)
    assert found.is_classification and found.y.dtype == np.int32
    np.testing.assert_array_equal(found.y, y)


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_tables_are_for_regression(as_path, tmp_path):
    x, y = write(tmp_path, "uci_yacht")
    found = data.from_directory("uci_yacht", as_path(tmp_path))
    assert not found.is_classification and found.x.dtype == found.y.dtype == np.float32
    np.testing.assert_allclose(found.x, standardised(x), atol=1e-5)
    np.testing.assert_allclose(found.y, standardised(y)[:, None], atol=1e-5)


@pytest.mark.parametrize("name", ["mnist", "", "fashion_mnist.npz", "yacht"])
def test_unknown_names_are_refused(name, tmp_path):
    write(tmp_path, "uci_yacht")
    with pytest.raises(errors.InvalidArgumentError, match=f"'omniglot', 'uci_NAME'.*Received: '{name}'"):
        data.from_directory(name, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_missing_files_and_arrays_are_named(name, tmp_path):
    file, *keys = FILES[name]
    with pytest.raises(errors.InvalidArgumentError, match=f"{keys[0]}.*Received: '.*{file}'"):
        data.from_directory(name, tmp_path)
    for key in keys:
        write(tmp_path, name, **{key: None})
        with pytest.raises(errors.InvalidArgumentError, match=f"{file}.*{key}"):
            data.from_directory(name, tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", "half"])
@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_read_are_named(name, content, tmp_path):
    write(tmp_path, name)
    path = tmp_path / FILES[name][0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content == "half" else content)
    with pytest.raises(errors.InvalidArgumentError, match=f"Received: '.*{path.name}'"):
        data.from_directory(name, tmp_path)


@pytest.mark.parametrize("images", [np.zeros((8, 12, 12)), np.zeros((8, 28, 28, 1)), np.full((8, 28, 28), "a")])
def test_other_images_are_refused(images, tmp_path):
    write(tmp_path, "fashion_mnist", x_train=images, y_train=np.zeros(8, int))
    with pytest.raises(errors.InvalidArgumentError, match="28, 28"):
        data.from_directory("fashion_mnist", tmp_path)


def test_whole_numbers_of_a_table_are_a_regression(tmp_path):
    write(tmp_path, "uci_yacht", yacht__y=np.arange(20))
    assert not data.from_directory("uci_yacht", tmp_path).is_classification


def test_tables_that_the_file_lacks_are_named(tmp_path):
    write(tmp_path, "uci_yacht")
    with pytest.raises(errors.InvalidArgumentError, match="uci_regression.npz.*boston__x"):
        data.from_directory("uci_boston", tmp_path)


def test_arrays_of_different_lengths_are_refused(tmp_path):
    write(tmp_path, "uci_yacht", yacht__y=np.zeros(7))
    with pytest.raises(errors.InvalidArgumentError, match="Received: float64 \\(20, 4\\) and float64 \\(7,\\)"):
        data.from_directory("uci_yacht", tmp_path)
    write(tmp_path, "fashion_mnist", y_train=np.zeros(7, int))
    with pytest.raises(errors.InvalidArgumentError, match="\\(12, 8, 8, 1\\) and int32 \\(7,\\)"):
        data.from_directory("fashion_mnist", tmp_path)
