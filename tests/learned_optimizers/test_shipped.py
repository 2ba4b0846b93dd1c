"""The weights that come with the package: that they are there, what made them, and that they are worth having."""

import pathlib

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import keras_hparam as kh
from keras_hparam.learned_optimizers import ElementwiseRule, particles, weights

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name, kind", [("learned-nn", ElementwiseRule.kind), ("learned-particles", "particle_rule")])
def test_their_manifest_says_what_made_them(name, kind):
    assert name in kh.checkpoints.shipped()
    facts = kh.checkpoints.load_weights(name, kind=kind).manifest["training"]
    flags = (ROOT / facts["flag_file"]).read_text()
    assert facts["name"] == name and f"--name={name}\n" in flags
    assert facts["figures"]["score"] < facts["figures"]["first_score"]


def training_loss(optimizer, seed, jit_compile=False):
    """Of a network on digits after 150 steps."""
    x, y = load_digits(return_X_y=True)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(48, "relu"), keras.layers.Dense(10)])
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=jit_compile)
    model.fit(x[:960] / 16, y[:960], batch_size=64, epochs=10, verbose=0)
    return model.evaluate(x[:960] / 16, y[:960], verbose=0)


@pytest.mark.parametrize("seed", [0, 1])
def test_networks_need_no_learning_rate(seed):
    """As good as Adam at the best of three rates, or better."""
    found = training_loss(kh.optimizers.LearnedOptimizer(steps=150), seed, jit_compile=True)
    tuned = min(training_loss(keras.optimizers.Adam(rate), seed) for rate in (1e-3, 1e-2, 3e-2))
    assert found < 1.1 * tuned


def test_clusters_are_found_more_often_than_by_compression_alone():
    """Hits among 128 random starts of 19 particles, with equally many steps; the benchmark has intervals."""
    rule, _ = weights.load("learned-particles", particles.ParticleRule)
    potential, starts = particles.LennardJones(), particles.random_ball(128, 19, seed=0)
    hits = [
        np.mean(particles.minimize(potential, starts, **options).energies < -72.659782 + 1e-3)
        for options in ({}, {"weights": (rule, rule.initial(0))})
    ]
    assert hits[0] > 0.55 and hits[0] > 1.3 * hits[1]
