"""Networks of all candidates at once, against one network at a time; what an instance draws."""

import functools
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers.meta import MetaTrainingSettings, Mixture
from keras_hparam.learned_optimizers.meta.settings import draw_tasks
from keras_hparam.tasks import data, networks, supervised

SMALL = {"batch_size": 8, "examples": 40, "validation_examples": 12}


@pytest.fixture
def dense_family():
    teacher = functools.partial(data.random_teacher, features=6, classes=5)
    return networks.DenseNetworks([data.table("wine"), teacher], (7,), 6, 5, "tanh", **SMALL)


@pytest.fixture
def convolutional_family():
    return networks.ConvolutionalNetworks([data.random_images], (8, 8, 1), (4, 6), 10, **SMALL)


def candidates(instances, rng, number=3):
    """Parameters [M, B, …] around the initial ones."""
    return [
        (p[None] + rng.normal(0, 0.3, (number, *p.shape))).astype("float32") for p in instances["parameters"]
    ]


def crossentropy(logits, y):
    return float(np.mean(np.log(np.exp(logits).sum(-1)) - (logits * y).sum(-1)))


def test_dense_networks_are_those_of_numpy(dense_family, rng):
    instances = dense_family.sample(rng, 2)
    parameters = candidates(instances, rng)
    found = ops.convert_to_numpy(dense_family.loss(parameters, instances, np.int32(3)))
    final = ops.convert_to_numpy(dense_family.final_loss(parameters, instances))
    rows = ops.convert_to_numpy(supervised.minibatch(3, 8, dense_family.orders))
    for m, b in np.ndindex(3, 2):
        first, bias, second, offset = (p[m, b] for p in parameters)

        def logits(x, first=first, bias=bias, second=second, offset=offset):
            return np.tanh(x @ first + bias) @ second + offset

        x, y = instances["x"][b, rows], instances["y"][b, rows]
        assert found[m, b] == pytest.approx(crossentropy(logits(x), y), rel=1e-4)
        held_out = logits(instances["x_validation"][b])
        assert final[m, b] == pytest.approx(crossentropy(held_out, instances["y_validation"][b]), rel=1e-4)


def test_normalized_networks_are_those_of_keras(rng):
    family = networks.NormalizedNetworks([data.table("wine")], (7, 5), 6, 3, **SMALL)
    instances = family.sample(rng, 2)
    parameters = candidates(instances, rng)
    found = ops.convert_to_numpy(family.outputs(parameters, ops.convert_to_tensor(instances["x"][:, :4])))
    for m, b in np.ndindex(3, 2):
        (*hidden, last, shift), gains = [p[m, b] for p in parameters[:6]], [p[m, b] for p in parameters[6:]]
        x = instances["x"][b, :4]
        for kernel, bias, gain in zip(hidden[::2], hidden[1::2], gains, strict=True):
            layer = keras.layers.LayerNormalization(epsilon=1e-5)
            layer.build(kernel.shape)
            layer.set_weights([gain, bias])
            x = np.maximum(ops.convert_to_numpy(layer(x @ kernel)), 0)
        np.testing.assert_allclose(found[m, b], x @ last + shift, rtol=1e-3, atol=1e-4)


def test_both_losses_count_as_their_geometric_mean():
    sources, found = [data.table("wine")], {}
    for final in ("training", "validation", "both"):
        family = networks.DenseNetworks(sources, (5,), 6, 3, final=final, **SMALL)
        instances = family.sample(np.random.default_rng(0), 4)
        found[final] = ops.convert_to_numpy(family.final_loss([p[None] for p in instances["parameters"]], instances))
    assert np.abs(found["training"] - found["validation"]).min() > 1e-3
    np.testing.assert_allclose(found["both"], np.sqrt(found["training"] * found["validation"]), rtol=1e-5)


def test_the_examples_of_a_minibatch_are_not_the_instances_of_a_meta_step(dense_family):
    settings = MetaTrainingSettings(lengths=(2, 3), batch_size=2)
    _, instances, _, _ = draw_tasks(settings, Mixture([dense_family]), 0)
    assert len(instances["x"]) == 2 and dense_family.batch_size == 8


def test_convolutional_networks_are_those_of_keras(convolutional_family, rng):
    instances = convolutional_family.sample(rng, 2)
    parameters = candidates(instances, rng)
    found = ops.convert_to_numpy(convolutional_family.outputs(parameters, ops.convert_to_tensor(instances["x"][:, :5])))
    assert found.shape == (3, 2, 5, 10)
    for m, b in np.ndindex(3, 2):
        first, bias, second, offset, last, shift = (p[m, b] for p in parameters)
        x = instances["x"][b, :5]
        for kernel, added in ((first, bias), (second, offset)):
            padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
            x = np.maximum(ops.convert_to_numpy(keras.ops.conv(padded, kernel, strides=2)) + added, 0)
        np.testing.assert_allclose(found[m, b], x.mean(axis=(1, 2)) @ last + shift, rtol=1e-3, atol=1e-4)


def test_regression_is_half_the_squared_error(rng):
    family = networks.DenseNetworks([data.table("diabetes")], (), 4, 2, loss="squared_error", final="training", **SMALL)
    instances = family.sample(rng, 3)
    kernel, bias = (p[0] for p in candidates(instances, rng, 1))
    found = ops.convert_to_numpy(family.final_loss([kernel[None], bias[None]], instances))
    error = instances["x"][:, :12] @ kernel + bias[:, None] - instances["y"][:, :12]
    np.testing.assert_allclose(found[0], 0.5 * np.square(error).mean(axis=(1, 2)), rtol=1e-4)
    constant = instances["y"].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(
        instances["reference"], 0.5 * np.square(instances["y"] - constant).mean(axis=(1, 2)), rtol=1e-3
    )


def test_every_epoch_shows_every_example_once_in_another_order():
    for examples, batch_size in ((40, 8), (17, 1), (12, 4)):
        orders = supervised.epoch_orders(examples)
        assert all(math.gcd(int(factor), examples) == 1 for factor in orders[1])
        steps = range(3 * examples // batch_size)
        shown = [ops.convert_to_numpy(supervised.minibatch(step, batch_size, orders)) for step in steps]
        epochs = np.concatenate(shown).reshape(3, examples)
        assert (np.sort(epochs, axis=1) == np.arange(examples)).all()
        assert any((epochs[0] != epoch).any() for epoch in epochs[1:])


def test_an_instance_holds_out_examples_of_its_own_source(rng):
    x = np.arange(60.0).reshape(60, 1, 1, 1)
    source = data.DataSet(x, np.arange(60) % 3)
    family = networks.ConvolutionalNetworks([source], (1, 1, 1), (2,), 3, label_noise=0.0, **SMALL)
    instances = family.sample(rng, 4)
    for b in range(4):
        shown, held_out = (instances[name][b].ravel() for name in ("x", "x_validation"))
        assert len(set(shown)) == 40 and len(set(held_out)) == 12 and not set(shown) & set(held_out)
        classes = instances["y"][b].argmax(axis=1)
        permuted = {(int(value) % 3, int(label)) for value, label in zip(shown, classes, strict=True)}
        assert len(permuted) == 3 == len({label for _, label in permuted})
    assert not np.array_equal(instances["x"][0], instances["x"][1])


def test_labels_are_replaced_at_most_as_often_as_asked(rng):
    source = data.DataSet(rng.normal(size=(500, 2)).astype("float32"), np.arange(500, dtype="int32") % 2)
    noisy = networks.DenseNetworks([source], (), 2, 2, label_noise=0.4, examples=300, batch_size=10, scale=1.0)
    drawn = [noisy._with_noise(rng, np.eye(2)[np.zeros(300, int)], 0.4) for _ in range(3)]
    assert all((labels[:, 0] == 1).all() for labels in drawn)  # replaced by labels of the same data
    labels = np.eye(2)[source.y]
    shares = [np.mean(noisy._with_noise(rng, labels, rng.uniform(0, 0.4)) != labels) for _ in range(40)]
    assert 0.02 < np.mean(shares) < 0.2 and max(shares) < 0.25  # half of the replaced ones stay the same


@pytest.mark.parametrize(
    "arguments, message",
    [({"sources": []}, "Received: none"), ({"sources": [(1, 2)]}, "`sources`.*\\(1, 2\\)"),
     ({"loss": "hinge"}, "`loss`.*'hinge'"), ({"hidden": (0,)}, "`hidden`"),
     ({"activation": "gelu"}, "`activation`"), ({"scale": 0.5}, "`scale`"), ({"batch_size": 0}, "`batch_size`"),
     ({"examples": 4}, "`examples`"), ({"label_noise": 1.0}, "`label_noise`"), ({"final": "test"}, "`final`"),
     ({"loss": "squared_error"}, "`sources`.*squared_error"), ({"features": 0}, "`features`")],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        networks.DenseNetworks(**{"sources": [data.table("iris")], "batch_size": 8, **arguments})
    with pytest.raises(errors.InvalidArgumentError, match="`sources` of images.*Received: \\(4,\\)"):
        networks.ConvolutionalNetworks([data.table("iris")])
    with pytest.raises(errors.InvalidArgumentError, match="`filters`"):
        networks.ConvolutionalNetworks([data.random_images], filters=())
