"""Features of numbers and smooth logits over bins."""

import numpy as np

from keras_hparam.networks.values import FREQUENCIES, NUM_FEATURES, BinLogits, bin_centres, cosine_features


def test_features_are_cosines_of_the_place():
    unit = np.array([0.0, 0.25, 1.0], "float32")
    features = np.asarray(cosine_features(unit))
    assert features.shape == (3, NUM_FEATURES)
    np.testing.assert_allclose(features[:, 1], [-1.0, -0.5, 1.0])
    np.testing.assert_allclose(features[:, 2:], np.cos(np.pi * unit[:, None] * np.array(FREQUENCIES)), atol=1e-4)


def test_neighbouring_bins_are_nearer_than_distant_ones():
    features = np.asarray(cosine_features(np.array([0.5, 0.501, 0.9], "float32")))
    assert np.linalg.norm(features[0] - features[1]) < 0.3 * np.linalg.norm(features[0] - features[2])


def test_logits_are_the_cosine_series_of_the_coefficients():
    layer = BinLogits(num_bins=50, num_frequencies=6)
    x = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
    logits = np.asarray(layer(x))
    coefficients = np.asarray(layer.coefficients(x))
    k = np.arange(1, 7)
    waves = np.cos(np.pi * bin_centres(50)[:, None] * k) / np.sqrt(1 + k / 4)
    np.testing.assert_allclose(logits, coefficients @ waves.T, atol=1e-5)
