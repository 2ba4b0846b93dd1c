"""Metrics against closed forms and NumPy, over batches, weights, saving and replicas."""

import keras
import numpy as np
import pytest
from scipy import special

from keras_hparam import errors, metrics
from keras_hparam.ensembles import losses
from keras_hparam.ops import calibration

N, C = 40, 3


@pytest.fixture
def data(rng):
    """(labels [N], logits [N, C], weights [N])."""
    return rng.integers(C, size=N), rng.standard_normal((N, C)), rng.random(N)


def slow(name, labels, probabilities, weights):
    if name == "BrierScore":
        return np.average(((probabilities - np.eye(C)[labels]) ** 2).sum(-1), weights=weights)
    if name == "NegativeLogLikelihood":
        return np.average(-np.log(probabilities[np.arange(N), labels]), weights=weights)
    confidence, right = probabilities.max(-1), probabilities.argmax(-1) == labels
    bins = np.ceil(confidence * 15).astype(int) - 1  # random confidences lie on no edge
    gaps = [abs((weights * (right - confidence))[bins == index].sum()) for index in range(15)]
    return sum(gaps) / weights.sum()


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("name", ["BrierScore", "NegativeLogLikelihood", "ExpectedCalibrationError"])
def test_metrics_of_classes(data, name, from_logits):
    labels, logits, weights = data
    probabilities = special.softmax(logits, -1)
    metric = getattr(metrics, name)(from_logits=from_logits, dtype="float64")
    for given in (labels, labels[:, None], np.eye(C)[labels], labels.astype("float32")):
        for sample_weight in (None, weights, weights[:, None]):
            metric.reset_state()
            for batch in (slice(0, 7), slice(7, 8), slice(8, N)):  # batches of any size give the same
                part = None if sample_weight is None else sample_weight[batch]
                metric.update_state(given[batch], (logits if from_logits else probabilities)[batch], part)
            expected = slow(name, labels, probabilities, np.ones(N) if sample_weight is None else weights)
            assert float(metric.result()) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["BrierScore", "NegativeLogLikelihood", "ExpectedCalibrationError"])
def test_one_event_is_two_classes(rng, name):
    labels, logits = rng.integers(2, size=N), rng.standard_normal(N)
    probability = special.expit(logits)
    expected = getattr(metrics, name)()(labels, np.stack([1 - probability, probability], axis=-1))
    for predictions, from_logits in ((probability, False), (logits, True)):
        for shaped in (predictions, predictions[:, None]):
            found = getattr(metrics, name)(from_logits=from_logits)(labels, shaped)
            assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_steps_of_a_sequence_are_examples(rng):
    labels, probabilities = rng.integers(C, size=(4, 5)), rng.dirichlet(np.ones(C), size=(4, 5))
    weights = rng.random((4, 5))
    for name in ("BrierScore", "NegativeLogLikelihood", "ExpectedCalibrationError"):
        metric = getattr(metrics, name)
        for shaped, flat in ((weights, weights.ravel()), (weights[:, 0], np.repeat(weights[:, 0], 5)), (None, None)):
            found = metric()(labels, probabilities, shaped)
            expected = metric()(labels.ravel(), probabilities.reshape(20, C), flat)
            assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_closed_forms_of_calibration():
    confident = np.tile([[0.8, 0.2]], (10, 1))
    assert float(metrics.ExpectedCalibrationError()([0] * 8 + [1] * 2, confident)) == pytest.approx(0.0, abs=1e-6)
    assert float(metrics.ExpectedCalibrationError()([0] * 5 + [1] * 5, confident)) == pytest.approx(0.3, abs=1e-6)
    assert float(metrics.ExpectedCalibrationError().result()) == 0.0  # of no examples
    split = np.repeat([[0.6, 0.4], [0.9, 0.1]], 5, axis=0)  # 0.6 always right, 0.9 never
    labels = [0] * 5 + [1] * 5
    assert float(metrics.ExpectedCalibrationError(10)(labels, split)) == pytest.approx(0.65, abs=1e-6)
    assert float(metrics.ExpectedCalibrationError(1)(labels, split)) == pytest.approx(0.25, abs=1e-6)


def test_gaussian_likelihood(rng):
    targets, outputs, weights = rng.standard_normal((N, 2)), rng.standard_normal((N, 4)), rng.random(N)
    values = losses.GaussianNegativeLogLikelihood(reduction="none")(targets, outputs)
    metric = metrics.NegativeLogLikelihood(gaussian=True)
    assert float(metric(targets, outputs, weights)) == pytest.approx(np.average(values, weights=weights), rel=1e-5)


def test_disagreement_has_examples_first(rng):
    members = rng.dirichlet(np.ones(C), size=(4, N))  # [K, n, C]
    metric, weights = metrics.Disagreement(), rng.random(N)
    expected = np.average(calibration.disagreement(members), weights=weights)
    assert float(metric(np.zeros(N), members.transpose(1, 0, 2), weights)) == pytest.approx(expected, rel=1e-5)
    events = np.asarray([[[0.2], [0.7], [0.8]]])
    assert float(metrics.Disagreement()(None, events)) == pytest.approx(2 / 3)
    assert float(metrics.Disagreement(from_logits=True)(None, events)) == 0.0


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("BrierScore", {"from_logits": True, "name": "b"}),
        ("NegativeLogLikelihood", {"gaussian": True, "dtype": "float64"}),
        ("NegativeLogLikelihood", {"from_logits": True}),
        ("Disagreement", {"from_logits": True, "name": "d"}),
        ("ExpectedCalibrationError", {"num_bins": 7, "from_logits": True}),
    ],
)
def test_configurations_come_back(name, arguments):
    metric = getattr(metrics, name)(**arguments)
    assert arguments.items() <= metric.get_config().items()
    clone = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(clone) is type(metric) and clone.get_config() == metric.get_config()


def every_metric():
    return [metrics.BrierScore(), metrics.NegativeLogLikelihood(), metrics.ExpectedCalibrationError(5)]


def softmax_model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(C, "softmax", kernel_initializer="ones")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=every_metric())
    return model


def test_models_are_evaluated_saved_and_loaded(rng, tmp_path):
    inputs, labels, weights = rng.standard_normal((N, 4)), rng.integers(C, size=N), rng.random(N)
    model = softmax_model()
    model.fit(inputs, labels, batch_size=16, verbose=0)
    found = model.evaluate(inputs, labels, sample_weight=weights, batch_size=16, verbose=0, return_dict=True)
    for metric in every_metric():  # compiled metrics take no weights, only weighted_metrics do
        assert found[metric.name] == pytest.approx(float(metric(labels, model.predict(inputs, verbose=0))), rel=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again = loaded.evaluate(inputs, labels, sample_weight=weights, batch_size=16, verbose=0, return_dict=True)
    assert again == pytest.approx(found, rel=1e-6)


def test_two_replicas_count_what_one_device_does(rng, logical_cpus):
    import tensorflow as tf

    inputs, labels = rng.standard_normal((N, 4)), rng.integers(C, size=N)
    alone = softmax_model()
    with tf.distribute.MirroredStrategy(logical_cpus).scope():
        mirrored = softmax_model()
    for model in (alone, mirrored):
        model.set_weights([np.arange(12.0).reshape(4, 3) / 6, np.zeros(3)])
    expected, found = (one.evaluate(inputs, labels, batch_size=10, verbose=0, return_dict=True)
                       for one in (alone, mirrored))  # fmt: skip
    assert {metric.name for metric in every_metric()} < set(found)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("num_bins", [0, -1, 2.0, True, None])
def test_bins_are_counted(num_bins):
    with pytest.raises(errors.InvalidArgumentError, match="`num_bins` to be an int >= 1. Received"):
        metrics.ExpectedCalibrationError(num_bins)


def test_bad_input_is_named(data):
    labels, logits, _ = data
    with pytest.raises(errors.InvalidArgumentError, match="`from_logits` or `gaussian`. Received: both"):
        metrics.NegativeLogLikelihood(from_logits=True, gaussian=True)
    for metric in every_metric():
        with pytest.raises(errors.InvalidArgumentError, match="one-hot labels.*Received"):
            metric.update_state(np.zeros((N, 2)), logits)
    for shape in ((N, C), (N, 1, C), (N, 2, 2, C)):
        with pytest.raises(errors.InvalidArgumentError, match=r"`y_pred` \[n, K, C\] of K > 1 members. Received"):
            metrics.Disagreement().update_state(None, np.zeros(shape))
