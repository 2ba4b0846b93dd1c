"""Data sets and networks of the program that trains ensembles."""

import pathlib

import numpy as np
import pytest

from keras_hparam import errors
from tools import ensemble_data, ensemble_networks


@pytest.fixture
def folder(tmp_path):
    """A folder with the files of --data_dir, small ones."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(3, 2, (50, 4)), np.full((50, 1), 7.0)], axis=1)
    np.savez(tmp_path / "uci_regression.npz", yacht__x=x, yacht__y=rng.normal(20, 5, 50))
    images = rng.integers(0, 256, (40, 28, 28), dtype="uint8")
    labels = np.arange(40, dtype="uint8") % 10
    np.savez(tmp_path / "fashion_mnist.npz", x_train=images, y_train=labels, x_test=images[:9], y_test=labels[:9])
    return tmp_path


def test_the_digits_are_split_into_disjoint_parts_by_the_seed():
    data = ensemble_data.load("digits", seed=1)
    images = np.concatenate([part[0] for part in data[:3]])
    labels = np.concatenate([part[1] for part in data[:3]])
    assert [len(part[0]) for part in data[:3]] == [1000, 400, 397]
    assert images.shape == (1797, 8, 8, 1) and images.dtype == np.float32 and (images.min(), images.max()) == (0, 1)
    assert len(np.unique(images.reshape(1797, -1), axis=0)) == 1797
    assert labels.shape == (1797, 10) and (labels.sum(axis=1) == 1).all() and set(np.unique(labels)) == {0, 1}
    np.testing.assert_array_equal(data.test[0], ensemble_data.load("digits", seed=1).test[0])
    assert not np.array_equal(data.test[0], ensemble_data.load("digits", seed=2).test[0])


def test_a_table_is_standardised_by_its_training_part_and_back(folder):
    data = ensemble_data.load("uci_yacht", folder, seed=3)
    assert [len(part[0]) for part in data[:3]] == [32, 8, 10]
    np.testing.assert_allclose(data.train[0].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train[0].std(axis=0), [1, 1, 1, 1, 0], atol=1e-6)  # the last never varies
    np.testing.assert_allclose([data.train[1].mean(), data.train[1].std()], [0, 1], atol=1e-6)
    found = np.concatenate([part[1] for part in data[:3]]) * data.target_scale + data.target_mean
    original = np.load(folder / "uci_regression.npz")["yacht__y"]
    np.testing.assert_allclose(np.sort(found[:, 0]), np.sort(original), rtol=1e-6)


def test_fashion_mnist_keeps_its_own_test_images(folder):
    data = ensemble_data.load("fashion_mnist", folder, seed=0, train_size=20, validation_size=5)
    original = np.load(folder / "fashion_mnist.npz")
    assert [len(part[0]) for part in data[:3]] == [20, 5, 9]
    np.testing.assert_allclose(data.test[0][..., 0] * 255, original["x_test"], atol=1e-4)
    assert (data.test[1].argmax(axis=1) == original["y_test"]).all()


@pytest.mark.parametrize(
    "error, message, arguments",
    [
        (errors.InvalidArgumentError, "`name`.*'iris'", {"name": "iris"}),
        (errors.InvalidArgumentError, "1797. Received: 1700 and 97", {"train_size": 1700, "validation_size": 97}),
        (errors.InvalidArgumentError, "Received: -1", {"train_size": -1}),
        (errors.UnavailableError, "Received: none", {"name": "uci_yacht"}),
        (errors.UnavailableError, "uci_regression.npz", {"name": "uci_yacht", "data_dir": "nowhere"}),
    ],
)
def test_what_cannot_be_loaded_is_an_error(error, message, arguments):
    with pytest.raises(error, match=message):
        ensemble_data.load(**{"name": "digits", **arguments})


@pytest.mark.parametrize(
    "network, shape, outputs", [("mlp", (8, 8, 1), 10), ("lenet", (28, 28, 1), 10), ("table_mlp", (6,), 2)]
)
def test_networks_have_their_l2_in_the_layers_that_are_named(network, shape, outputs):
    weights = {name: 10.0**-index for index, name in enumerate(ensemble_networks.L2_LAYERS[network], 1)}
    model = ensemble_networks.build(network, shape, outputs, l2=weights, dropout=0.3)
    assert model.output_shape == (None, outputs) and model.layers[-2].rate == 0.3
    kernels = {layer.name: np.asarray(layer.kernel, "float64") for layer in model.layers if hasattr(layer, "kernel")}
    assert set(kernels) == set(weights)
    expected = sum(weights[name] * np.square(kernel).sum() for name, kernel in kernels.items())
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    assert ensemble_networks.build(network, shape, outputs).losses == []


def test_wrong_networks_are_errors():
    with pytest.raises(errors.InvalidArgumentError, match="Received: 'resnet'"):
        ensemble_networks.build("resnet", (8, 8, 1), 10)
    with pytest.raises(errors.InvalidArgumentError, match="Received: \\('first',\\)"):
        ensemble_networks.build("mlp", (8, 8, 1), 10, l2={"first": 1.0})


def test_the_program_knows_the_data_sets_by_the_same_names():
    source = (pathlib.Path(ensemble_data.__file__).parent / "train_ensemble.py").read_text()
    assert all(f'"{name}"' in source for name in ensemble_data.NAMES)
