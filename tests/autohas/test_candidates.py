"""What a build function calls: the plain model and the supernet compute the same, for each candidate."""

import keras
import keras_tuner as kt
import numpy as np
import pytest
from keras import layers

from keras_hparam import errors
from keras_hparam.autohas import mixtures
from keras_hparam.autohas.candidates import choice, dropout, width
from keras_hparam.spaces.relaxed import RelaxedHyperParameters, with_values

SHAPE = (4, 4, 3)
OPERATIONS = ("wide", "strided", "function", "model", "skip")


def conv(filters, stride=1, size=3):
    return layers.Conv2D(filters, size, strides=stride, padding="same", activation="tanh")


def operations():
    """Candidates of several sizes: new layers, a function, a model, a skip."""
    return {
        "wide": conv(5),
        "strided": conv(2, stride=2),
        "function": lambda x: keras.ops.tanh(conv(4)(x)),
        "model": keras.Sequential([keras.Input(SHAPE), conv(3), layers.BatchNormalization()]),
        "skip": None,
    }


def model_of(hp, make, shape=SHAPE):
    inputs = keras.Input(shape)
    return keras.Model(inputs, make(hp)(inputs))


def both(make, name, value, shape=SHAPE):
    """(supernet with one-hot coefficients, plain model with its weights, the supernet's layer)."""
    supernet, plain = model_of(RelaxedHyperParameters(), make, shape), model_of(with_values({name: value}), make, shape)
    (layer,) = (layer for layer in supernet.layers if isinstance(layer, mixtures.Relaxed))
    index = layer.values.index(value)
    layer.coefficients.assign(np.eye(len(layer.values), dtype="float32")[index])
    if isinstance(layer, mixtures.Choice):
        plain.set_weights(layer.candidates[index].get_weights())
    return supernet, plain, layer


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_supernet_with_one_hot_coefficients_is_the_plain_model(name, normalize, rng):
    supernet, plain, _ = both(lambda hp: choice(hp, "block", operations(), normalize), "block", name)
    x = rng.normal(size=(3, *SHAPE)).astype("float32")
    assert plain.output_shape == supernet.output_shape == (None, 2, 2, 5)
    for training in (False, True):
        np.testing.assert_allclose(plain(x, training=training), supernet(x, training=training), atol=1e-5)
    assert not any(isinstance(layer, mixtures.Relaxed) for layer in plain.layers)


def test_pixels_are_averaged_and_channels_are_zeros(rng):
    x = rng.normal(size=(2, *SHAPE)).astype("float32")
    _, plain, _ = both(lambda hp: choice(hp, "block", operations()), "block", "skip")
    found = np.asarray(plain(x))
    np.testing.assert_allclose(found[..., :3], x.reshape(2, 2, 2, 2, 2, 3).mean(axis=(2, 4)), atol=1e-6)
    np.testing.assert_array_equal(found[..., 3:], 0.0)


@pytest.mark.parametrize("shape", [(6,), (8, 2), (4, 4, 4, 2)])
def test_candidates_of_any_rank_are_aligned(shape, rng):
    pool = {1: lambda size: layers.Dense(5), 2: layers.MaxPooling1D, 4: layers.MaxPooling3D}[len(shape)]

    def make(hp):
        return choice(hp, "block", {"more": layers.Dense(3), "pooled": pool(2), "skip": None})

    x = rng.normal(size=(2, *shape)).astype("float32")
    for name in ("more", "pooled", "skip"):
        supernet, plain, _ = both(make, "block", name, shape)
        np.testing.assert_allclose(plain(x), supernet(x), atol=1e-6)


def test_only_candidates_but_skips_are_normalized(rng):
    _, plain, layer = both(
        lambda hp: choice(hp, "block", {"dense": layers.Dense(3), "skip": None}, True), "block", "dense"
    )
    counts = [sum(isinstance(one, layers.BatchNormalization) for one in c.layers) for c in layer.candidates]
    assert counts == [1, 0]
    x = 5 + 3 * rng.normal(size=(200, *SHAPE)).astype("float32")
    y = np.asarray(plain(x, training=True))
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0.0, atol=1e-3)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1.0, atol=1e-2)


def test_one_candidate_is_allowed(rng):
    supernet, plain, layer = both(lambda hp: choice(hp, "block", {"only": layers.Dense(2)}), "block", "only")
    x = rng.normal(size=(2, *SHAPE)).astype("float32")
    np.testing.assert_allclose(plain(x), supernet(x), atol=1e-6)
    assert np.asarray(layer.coefficients).tolist() == [1.0]


@pytest.mark.parametrize("units", [2, 5, 3])
def test_a_width_is_the_first_channels_of_the_widest(units, rng):
    def make(hp):
        return width(hp, "units", [2, 5, 3], lambda units: layers.Dense(units, "tanh"))

    supernet, plain, layer = both(make, "units", units, (4,))
    widest = supernet.layers[1]
    assert widest.units == 5 and plain.layers[1].units == units and isinstance(layer, mixtures.ChannelMask)
    plain.set_weights([weight[..., :units] for weight in widest.get_weights()])
    x = rng.normal(size=(3, 4)).astype("float32")
    np.testing.assert_allclose(np.asarray(supernet(x))[:, :units], plain(x), atol=1e-6)
    np.testing.assert_array_equal(np.asarray(supernet(x))[:, units:], 0.0)


def test_a_dropout_is_a_layer_of_keras_or_a_mixture():
    plain, relaxed = dropout(with_values({"rate": 0.3}), "rate", [0.0, 0.5]), RelaxedHyperParameters()
    assert type(plain) is layers.Dropout and plain.rate == 0.3
    assert isinstance(dropout(relaxed, "rate", [0, 0.5]), mixtures.RelaxedDropout)
    assert relaxed.bases["rate"].values == (0.0, 0.5) and relaxed.bases["rate"].kind == "continuous"


def test_scopes_are_part_of_the_names():
    def make(hp):
        with hp.name_scope("first"):
            return choice(hp, "block", {"dense": layers.Dense(3), "skip": None})

    hp, relaxed = kt.HyperParameters(), RelaxedHyperParameters()
    model_of(hp, make)
    supernet = model_of(relaxed, make)
    assert [one.name for one in hp.space] == list(relaxed.bases) == ["first/block"]
    assert supernet.layers[-1].basis_name == "first/block"


def call(candidates):
    return lambda hp: model_of(hp, lambda hp: choice(hp, "block", candidates() if callable(candidates) else candidates))


@pytest.mark.parametrize("made", [kt.HyperParameters, RelaxedHyperParameters])
@pytest.mark.parametrize(
    "build, message",
    [
        (call({}), r"Expected `block` to be .*at least one candidate. Received: \(\)"),
        (call({"a": 3}), "Expected `candidates` to be a dict .*Received: {'a': 3}"),
        (call(lambda: [layers.Dense(2)]), "Expected `candidates` to be a dict"),
        (
            call(lambda: {"a": layers.Flatten(), "b": None}),
            "Expected `candidates` of 'block' .*one rank.*Received: shapes",
        ),
        (call(lambda: {"a": layers.Conv2D(2, 2), "b": None}), "Expected `candidates` of 'block' .*multiples.*Received"),
        (lambda hp: width(hp, "units", [], layers.Dense), "Expected `units` .*at least one"),
        (lambda hp: width(hp, "units", [4, 0], layers.Dense), r"Expected `units` .*ints >= 1. Received: \[4, 0\]"),
        (lambda hp: width(hp, "units", [4.0], layers.Dense), "Expected `units` .*ints >= 1"),
        (lambda hp: width(hp, "units", [4, 4], layers.Dense), "Expected `units` .*do not repeat"),
        (
            lambda hp: width(hp, "units", [4], lambda n: layers.Dense(2))(keras.Input((3,))),
            "Expected `layer` .* 4 channels",
        ),
        (lambda hp: dropout(hp, "rate", [0.0, 1.0]), r"Expected `rate` .*in \[0.0, 1.0\)"),
        (lambda hp: dropout(hp, "rate", [0.5, 0.5]), "Expected `rate` .*do not repeat"),
        (lambda hp: dropout(hp, "rate", 0.5), "Expected `rate` .*list of numbers"),
    ],
)
def test_what_cannot_be_chosen_is_refused(made, build, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        build(made())


@pytest.mark.parametrize("make", [choice, width, dropout])
def test_only_hyperparameters_of_keras_tuner_choose(make):
    arguments = {choice: ({"a": None},), width: ([4], layers.Dense), dropout: ([0.5],)}[make]
    with pytest.raises(errors.InvalidArgumentError, match="Expected `hp` to be .*HyperParameters.*Received: 7"):
        make(7, "x", *arguments)


@pytest.mark.parametrize("make", [
    lambda hp: choice(hp, "block", {"dense": layers.Dense(3), "skip": None}),
    lambda hp: width(hp, "block", [2, 3], layers.Dense),
], ids=["choice", "width"])  # fmt: skip
def test_a_choice_stands_in_one_place_of_a_supernet(make):
    inputs = keras.Input((3,))
    shared = make(with_values({}))
    assert shared(inputs).shape == shared(inputs).shape  # a plain layer may be shared
    twice = make(RelaxedHyperParameters())
    x = twice(inputs)
    with pytest.raises(errors.InvalidArgumentError, match="Expected 'block' to be applied to one tensor in a supernet"):
        twice(x)
