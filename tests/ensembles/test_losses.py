"""The Gaussian likelihood against SciPy, in training, and after saving."""

import keras
import numpy as np
import pytest
from scipy import stats

from keras_hparam import errors
from keras_hparam.ensembles.losses import GaussianNegativeLogLikelihood


@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 2), (6, 3, 2)])
def test_the_loss_is_the_likelihood_of_all_targets(rng, shape):
    targets = rng.standard_normal(shape)
    wide = targets if len(shape) > 1 else targets[:, None]
    outputs = rng.standard_normal((*wide.shape[:-1], 2 * wide.shape[-1]))
    means, log_variances = np.split(outputs, 2, axis=-1)
    expected = -stats.norm(means, np.exp(log_variances / 2)).logpdf(wide).sum(-1)
    found = GaussianNegativeLogLikelihood(reduction="none", dtype="float64")(targets, outputs)
    np.testing.assert_allclose(found, expected)
    weights = rng.random(expected.shape)
    found = GaussianNegativeLogLikelihood(dtype="float64")(targets, outputs, sample_weight=weights)
    assert float(found) == pytest.approx((weights * expected).mean())


@pytest.mark.parametrize("targets, outputs", [((6,), (6, 3)), ((6, 2), (6, 2)), ((6, 1), (6, 4)), ((6, 1, 1), (6, 2))])
def test_shapes_that_do_not_fit_are_refused(targets, outputs):
    with pytest.raises(errors.InvalidArgumentError, match=r"`y_pred` \[n, 2D\].*Received: shapes"):
        GaussianNegativeLogLikelihood()(np.zeros(targets), np.zeros(outputs))


def test_training_finds_mean_and_variance_and_the_model_is_saved(rng, tmp_path):
    targets = np.tile(rng.normal(2.0, 3.0, 64).astype("float32"), 200)  # one batch, 200 times
    inputs = np.ones((len(targets), 1), "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizers.Adam(0.1), GaussianNegativeLogLikelihood())
    model.fit(inputs, targets, batch_size=64, shuffle=False, verbose=0)
    mean, log_variance = model.get_weights()[0][0]
    assert mean == pytest.approx(targets.mean(), abs=0.05)
    assert log_variance == pytest.approx(np.log(targets.var()), abs=0.05)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.loss, GaussianNegativeLogLikelihood)
    evaluated = [one.evaluate(inputs[:64], targets[:64], verbose=0) for one in (model, loaded)]
    assert evaluated[0] == pytest.approx(evaluated[1], rel=1e-6)
