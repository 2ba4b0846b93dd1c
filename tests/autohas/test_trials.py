"""Short trainings of sampled pairs: those of a loop by hand, on any number of replicas."""

import keras
import numpy as np
import pytest

from keras_hparam.autohas.batches import Examples, TrainingBatches
from keras_hparam.autohas.mixtures import sampled_paths
from keras_hparam.autohas.trials import Trials, cosine
from keras_hparam.distribute import programs, strategies
from tests.autohas import problems

FIRST, STEPS, CHUNK = 5, 4, 2


@pytest.fixture(scope="module")
def net():
    return problems.supernet(problems.simple)


@pytest.fixture(scope="module")
def batches():
    return TrainingBatches(Examples("train", problems.data(), 8, 0), {"none": None}, (0.0,), 0)


@pytest.fixture(scope="module")
def held_out():
    return Examples("validation", problems.data(1), 8, 1).stack(0, 3)


def samples_of(net):
    pairs = [{}, {"block": 1}, {"optimizer": 1}, {"block": 1, "optimizer": 1, "learning_rate": 1}, {"learning_rate": 1}]
    return np.stack([problems.one_hot(net, **pair) for pair in pairs])


def by_hand(net, sample, batches, held_out, decays):
    """(loss, right share) of one pair after steps one by one."""
    state = net.initial_state()
    with sampled_paths():
        for i in range(STEPS):
            x, y, shares = (part[0] for part in batches.stack(FIRST + i, 1))
            factor = 0.5 * (1 + np.cos(np.pi * i / STEPS)) if decays else 1.0
            state, _ = net.step(state, sample, x, y, shares, np.float32(factor))
        found = [
            net.validation(state["trained"], state["others"], sample, x, y) for x, y in zip(*held_out, strict=True)
        ]
    return np.mean(np.array(found, "float64"), axis=0)


def run(net, samples, batches, held_out, decays=True, strategy=None):
    trials = Trials(net, programs.create(strategy, jit=False), CHUNK)
    return trials.run(net.initial_state(), samples, batches, held_out, FIRST, STEPS, decays)


def test_the_cosine_begins_at_1_and_ends_at_0():
    np.testing.assert_allclose(cosine(np.array([0, 5, 10, 12]), 10), [1.0, 0.5, 0.0, 0.0], atol=1e-7)


@pytest.mark.parametrize("decays", [False, True])
def test_trials_are_loops_of_steps(net, batches, held_out, decays):
    samples = samples_of(net)[:3]
    losses, rights = run(net, samples, batches, held_out, decays)
    wanted = np.array([by_hand(net, sample, batches, held_out, decays) for sample in samples])
    np.testing.assert_allclose(losses, wanted[:, 0], rtol=1e-4)
    np.testing.assert_allclose(rights, wanted[:, 1], atol=1e-6)
    assert np.ptp(losses) > 0.01


def test_replicas_divide_the_samples(net, batches, held_out, logical_cpus):
    samples = samples_of(net)
    one = run(net, samples, batches, held_out)
    two = run(net, samples, batches, held_out, strategy=strategies.mirrored(*logical_cpus))
    assert one[0].shape == (5,)
    for single, divided in zip(one, two, strict=True):
        np.testing.assert_allclose(divided, single, rtol=1e-5)


def test_a_trial_that_diverges_has_no_loss_and_leaves_the_others(net, batches, held_out):
    samples = samples_of(net)[:2]
    broken = keras.tree.map_structure(np.array, net.initial_state())
    names = [v.path for v in net.model.trainable_variables]
    (dense,) = (i for i, (n, v) in enumerate(zip(names, broken["trained"], strict=True)) if v.shape == (6, 6))
    broken["trained"][dense][0, 0] = np.inf  # of the first pair's operation
    trials = Trials(net, programs.create(None, jit=False), CHUNK)
    losses, _ = trials.run(broken, samples, batches, held_out, FIRST, STEPS, True)
    assert np.isnan(losses[0])
    np.testing.assert_allclose(losses[1], run(net, samples[1:], batches, held_out)[0][0], rtol=1e-5)
