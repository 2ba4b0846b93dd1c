"""Networks of a Keras model, all at once, against the model itself, one network at a time."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_hparam import errors
from keras_hparam.distribute import compilation
from keras_hparam.ops.differentiation import value_and_gradient
from keras_hparam.tasks.data import DataSet
from keras_hparam.tasks.keras_networks import KerasNetworks
from keras_hparam.tasks.supervised import minibatch

SMALL = {"batch_size": 8, "examples": 30, "validation_examples": 10, "label_noise": 0.0}
EPSILON = 1e-7


class Described(keras.Model):
    """A model of another class: its layers learn from it whether they train."""

    def __init__(self):
        super().__init__()
        self.first, self.normalize, self.last = layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)

    def call(self, x, training=None):
        return self.last(ops.tanh(self.normalize(self.first(x))))


def dense():
    return keras.Sequential([keras.Input((4,)), layers.Dense(6, "tanh"), layers.Dense(3, "softmax")])


def convolutional():
    first = [keras.Input((5, 5, 2)), layers.Conv2D(3, 3, activation="tanh"), layers.BatchNormalization()]
    return keras.Sequential([*first, layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")])


def logits():
    return keras.Sequential([layers.Dense(6, "tanh"), layers.LayerNormalization(), layers.Dense(3)])


def embedding():
    return keras.Sequential([keras.Input((4,)), layers.Embedding(5, 2), layers.Flatten(), layers.Dense(3, "softmax")])


def regression():
    return keras.Sequential([keras.Input((4,)), layers.Dense(2)])


def make_family(build_model=dense, shape=(4,), classes=3, **arguments):
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 20.0, size=(40, *shape)).astype("float32")
    return KerasNetworks(build_model, [DataSet(x, np.arange(40) % classes)], **{**SMALL, **arguments})


def candidates(instances, rng, number=2):
    """Parameters [M, B, …] around the initial ones."""
    return [(p[None] + rng.normal(0, 0.3, (number, *p.shape))).astype("float32") for p in instances["parameters"]]


def one_model(build_model, parameters, x):
    """A model with parameters […], built for x [n, …]."""
    model = build_model()
    model(x)
    for variable, value in zip(model.trainable_variables, parameters, strict=True):
        variable.assign(value)
    return model


@pytest.mark.parametrize(
    "build_model, shape, from_logits",
    [(dense, (4,), False), (convolutional, (5, 5, 2), False), (logits, (4,), True), (Described, (4,), True)],
)
def test_outputs_are_those_of_models_one_by_one(build_model, shape, from_logits, rng):
    family = make_family(build_model, shape, from_logits=from_logits)
    instances = family.sample(rng, 3)
    parameters, x = candidates(instances, rng), instances["x"][:, :7] / 20
    kept = [ops.convert_to_numpy(variable) for variable in family.model.variables]
    found = ops.convert_to_numpy(family.outputs(parameters, x))
    assert found.shape == (2, 3, 7, 3) and found.dtype == np.float32
    for m, b in np.ndindex(2, 3):
        model = one_model(build_model, [p[m, b] for p in parameters], x[b])
        expected = ops.convert_to_numpy(model(x[b], training=True))
        expected = expected if from_logits else np.log(np.clip(expected, EPSILON, 1))
        np.testing.assert_allclose(found[m, b], expected, atol=1e-5)
    predictions = ops.convert_to_numpy(family.predictions(found))
    np.testing.assert_allclose(predictions, np.exp(found) / np.exp(found).sum(-1, keepdims=True), atol=1e-5)
    for variable, value in zip(family.model.variables, kept, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), value)


def gradients_of_one(build_model, parameters, x, y, loss):
    """(loss, gradients) of one model by TensorFlow's tape and Keras' loss."""
    import tensorflow as tf

    model = one_model(build_model, parameters, x)
    with tf.GradientTape() as tape:
        value = loss(y, model(x, training=True))
    gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])
    return float(value), [ops.convert_to_numpy(tf.convert_to_tensor(gradient)) for gradient in gradients]


@pytest.mark.parametrize("build_model", [dense, embedding])
def test_gradients_are_those_of_one_model(build_model, rng):
    family, loss = make_family(build_model), keras.losses.CategoricalCrossentropy()
    instances = family.sample(rng, 2)
    instances["x"] = np.abs(np.round(instances["x"])) % 5
    parameters = candidates(instances, rng)
    values, gradients = value_and_gradient(lambda p: family.loss(p, instances, 0))(parameters)
    rows = ops.convert_to_numpy(minibatch(0, 8, family.orders))
    for m, b in np.ndindex(2, 2):
        x, y = instances["x"][b, rows], instances["y"][b, rows]
        value, expected = gradients_of_one(build_model, [p[m, b] for p in parameters], x, y, loss)
        assert float(values[m, b]) == pytest.approx(value, rel=1e-4)
        for one, other in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(one)[m, b], other, atol=1e-5)


def test_a_compiled_loop_of_steps_trains_each_network_as_keras_does(rng):
    family, loss = make_family(convolutional, (5, 5, 2)), keras.losses.CategoricalCrossentropy()
    instances = family.sample(rng, 2)
    x, y = instances["x"][:, :6] / 20, instances["y"][:, :6]
    parameters = candidates(instances, rng)

    def train(parameters, x, y):
        def step(index, parameters):
            _, gradients = value_and_gradient(lambda p: family.mean_loss(family.outputs(p, x), y))(parameters)
            return index + 1, [p - 0.1 * gradient for p, gradient in zip(parameters, gradients, strict=True)]

        return ops.while_loop(lambda index, _: index < 2, step, (ops.zeros((), "int32"), parameters))[1]

    found = compilation.compile(train)(parameters, x, y)
    for m, b in np.ndindex(2, 2):
        expected = [p[m, b] for p in parameters]
        for _ in range(2):
            _, gradients = gradients_of_one(convolutional, expected, x[b], y[b], loss)
            expected = [p - 0.1 * gradient for p, gradient in zip(expected, gradients, strict=True)]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(one)[m, b], other, atol=1e-5)


def test_examples_and_targets_stay_as_given(rng):
    family = make_family()
    source = family.sources[0]
    instances = family.sample(rng, 2)
    for part in ("", "_validation"):
        x, y = (instances[name + part].reshape(-1, number) for name, number in (("x", 4), ("y", 3)))
        rows = np.argmax((source.x[None] == x[:, None]).all(-1), axis=1)
        np.testing.assert_array_equal(source.x[rows], x)
        np.testing.assert_array_equal(np.eye(3)[source.y[rows]], y)
    numbers = DataSet(source.x, (1e-4 * source.x[:, :2]).astype("float32"))
    family = KerasNetworks(regression, [numbers], loss="squared_error", **SMALL)
    instances = family.sample(rng, 2)
    np.testing.assert_array_equal(instances["y"], (1e-4 * instances["x"][..., :2]).astype("float32"))
    np.testing.assert_allclose(instances["reference"], 0.5 * instances["y"].var(axis=1).mean(axis=-1), rtol=1e-4)


def test_initial_parameters_are_those_of_models_built_after_a_seed():
    family = make_family()
    first, again = (family.initial(np.random.default_rng(3), 4) for _ in range(2))
    assert [p.shape for p in first] == [(4, 4, 6), (4, 6), (4, 6, 3), (4, 3)]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    for b, seed in enumerate(np.random.default_rng(3).integers(64, size=4)):
        keras.utils.set_random_seed(int(seed))
        for p, variable in zip(first, dense().trainable_variables, strict=True):
            np.testing.assert_array_equal(p[b], ops.convert_to_numpy(variable))
    assert not np.array_equal(first[0][0], first[0][1])


def test_the_layer_is_the_last_kernel():
    assert make_family().layer == 2
    assert make_family(convolutional, (5, 5, 2)).layer == 4
    family = make_family(lambda: keras.Sequential([layers.Dense(3), layers.BatchNormalization()]), from_logits=True)
    assert family.layer == 0 and len(family.shapes) == 4


@pytest.mark.parametrize("from_logits", [False, True])
def test_one_output_is_the_probability_of_class_1(from_logits, rng):
    activation = None if from_logits else "sigmoid"

    def build_model():
        return keras.Sequential([keras.Input((4,)), layers.Dense(1, activation)])

    family = make_family(build_model, classes=2, from_logits=from_logits)
    instances = family.sample(rng, 2)
    kernel, bias = (p / 20 for p in candidates(instances, rng))
    outputs = family.outputs([kernel, bias], instances["x"])
    p = 1 / (1 + np.exp(-np.einsum("bnd,mbdo->mbno", instances["x"], kernel) - bias[:, :, None]))
    np.testing.assert_allclose(ops.convert_to_numpy(family.predictions(outputs)), p, atol=1e-5)
    y = instances["y"][..., 1:]
    expected = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p), axis=(2, 3))
    np.testing.assert_allclose(ops.convert_to_numpy(family.mean_loss(outputs, instances["y"])), expected, rtol=1e-3)


def two_inputs():
    given = [keras.Input((4,), name="left"), keras.Input((4,), name="right")]
    return keras.Model(given, layers.Dense(3)(layers.Add()(given)))


def two_outputs():
    given = keras.Input((4,))
    return keras.Model(given, [layers.Dense(3)(given), layers.Dense(2)(given)])


def with_layer(*layer):
    return lambda: keras.Sequential([keras.Input((4,)), *layer, layers.Dense(3, "softmax")])


def changing():
    width = int(np.random.randint(2, 1000))  # NumPy's global numbers are seeded before
    return keras.Sequential([keras.Input((4,)), layers.Dense(width), layers.Dense(3)])


def test_models_of_another_form_are_refused(rng):
    recurrent = with_layer(layers.Reshape((4, 1)), layers.GRU(2, name="memory"))
    for build_model, message in [
        (with_layer(layers.Dropout(0.5, name="noisy")), "draw random numbers.*Received: 'noisy', a Dropout"),
        (recurrent, "without recurrent layers. Received: 'memory'"),
        (two_inputs, "one input. Received: \\['left', 'right'\\]"), (two_outputs, "one output.*\\(None, 2\\)"),
        (lambda: keras.Sequential([keras.Input((4,)), layers.BatchNormalization()]), "a kernel"),
        (lambda: layers.Dense(3), "`build_model`.*Dense"), ("dense", "`build_model`.*'dense'"),
    ]:  # fmt: skip
        with pytest.raises(errors.InvalidArgumentError, match=message):
            make_family(build_model)
    with pytest.raises(errors.InvalidArgumentError, match="always gives variables"):
        make_family(changing).sample(rng, 4)
    with pytest.raises(errors.InvalidArgumentError, match="known input shape.*not built"):
        KerasNetworks(logits, [lambda rng, number: None])


def test_data_that_do_not_fit_the_model_are_refused(rng):
    x = rng.normal(size=(40, 4)).astype("float32")
    for source, arguments, message in [
        (DataSet(x[:, :3], np.zeros(40, int)), {}, "`sources`.*input shape \\(4,\\). Received: \\(3,\\)"),
        (DataSet(x, x[:, :1]), {}, "`sources`.*crossentropy.*float32"),
        (DataSet(x, np.arange(40)), {}, "`sources` to be of classes.*outputs, 3. Received: \\(0, 39\\)"),
        (DataSet(x, np.arange(40) % 3 - 1), {}, "`sources` to be of classes from 0.*Received: \\(-1, 1\\)"),
        (DataSet(x, x[:, :1]), {"loss": "squared_error"}, "`sources` to be with y.* 3 outputs.*\\(40, 1\\)"),
    ]:  # fmt: skip
        with pytest.raises(errors.InvalidArgumentError, match=message):
            KerasNetworks(dense, [source], **SMALL, **arguments)
    family = KerasNetworks(dense, [lambda rng, number: DataSet(x[:, :3], np.zeros(40, int))], **SMALL)
    with pytest.raises(errors.InvalidArgumentError, match="input shape \\(4,\\). Received: \\(3,\\)"):
        family.sample(rng, 1)
    with pytest.raises(errors.InvalidArgumentError, match="`sources`.*takes. Received: \\(2,\\)"):
        KerasNetworks(unfitting, [DataSet(x[:, :2], np.zeros(40, int))], **SMALL)


def unfitting():
    return keras.Sequential([layers.Reshape((2, 2)), layers.Flatten(), layers.Dense(3)])
