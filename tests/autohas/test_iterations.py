"""Iterations on shared weights: the estimate of the policy gradient, gradients one step ahead, steps of the weights."""

import itertools

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.autohas import encodings, look_ahead
from keras_hparam.autohas.batches import Examples, TrainingBatches
from keras_hparam.autohas.iterations import Iterations
from keras_hparam.autohas.mixtures import sampled_paths
from keras_hparam.autohas.settings import SearchSettings
from keras_hparam.distribute import programs
from keras_hparam.ops.differentiation import value_and_gradient
from tests.autohas import problems, searches

TOTAL = 10


def made(name="sampled_ahead", **settings):
    net = problems.supernet(problems.simple)
    settings = SearchSettings(**searches.METHODS[name] | {"samples": 3, "warm_up": 0.0} | settings)
    batches = TrainingBatches(Examples("train", problems.data(), 8, 0), {"none": None}, (0.0,), 0)
    validation = Examples("validation", problems.data(1), 8, 1)
    return Iterations(net, programs.create(None, jit=False), settings, batches, validation, TOTAL, False)


def pairs(net):
    """All pairs, one-hot [8, E]."""
    names = ("block", "optimizer", "learning_rate")
    every = itertools.product(range(2), repeat=3)
    return np.stack([problems.one_hot(net, **dict(zip(names, indices, strict=True))) for indices in every])


@pytest.fixture(scope="module")
def table():
    """Iterations, all pairs and their losses and right shares one step ahead, as the program computes them."""
    iterations = made()
    every, data = pairs(iterations.supernet), iterations._minibatch(3)
    found = [iterations.programs.sampled_step(iterations.state, one, *data, np.float32(1.0)) for one in every]
    return iterations, every, np.array([[float(one[0][0]), float(one[1][0])] for one in found])


def test_a_sampled_pair_goes_one_step_from_the_shared_weights(table):
    iterations, every, found = table
    net, (x, y, shares, held_x, held_y) = iterations.supernet, iterations._minibatch(3)
    for index in (0, 3, 6):
        with sampled_paths():
            state, _ = net.step(iterations.state, every[index], x, y, shares, np.float32(1.0))
            wanted = net.validation(state["trained"], state["others"], every[index], held_x, held_y)
        np.testing.assert_allclose(found[index], np.array(wanted), rtol=1e-4)
    assert len(set(found[:, 0])) == 8


@pytest.mark.parametrize("reward", ["loss", "accuracy"])
def test_the_mean_estimate_is_the_gradient_of_the_expected_reward(table, monkeypatch, reward):
    """Over many seeds; the baseline, which moves by 5% of the samples' own mean, takes its part."""
    _, every, found = table
    iterations, samples, sizes = made(reward=reward, samples=4), 4, [2, 1, 2, 2, 1, 1, 1, 1, 1]
    assert iterations.sizes == sizes
    rewards = -found[:, 0] if reward == "loss" else found[:, 1]
    known = {one.tobytes(): values for one, values in zip(every, found, strict=True)}

    def looked_up(state, sample, *_):
        loss, right = known[sample.tobytes()]
        return [loss], [right], (), ()

    monkeypatch.setattr(iterations.programs, "sampled_step", looked_up)
    monkeypatch.setattr(iterations, "_advance", lambda *_: None)
    monkeypatch.setattr(iterations, "_minibatch", lambda _: (None,) * 5)
    logits = np.random.default_rng(1).normal(size=12).astype("float32")
    p = np.asarray(encodings.probabilities(logits, sizes))
    monkeypatch.setattr(encodings, "probabilities", lambda *_: p)  # two thousand times the same

    def expected(logits):
        return np.exp(np.asarray(encodings.log_probability(every, logits, sizes), "float64")) @ rewards

    estimates = []
    for seed in range(2000):
        iterations.baseline = float(rewards.mean())
        rng = np.random.default_rng(seed)
        estimates.append(iterations._sampled(3, logits, np.float32(1.0), rng)[1])
    steps = 1e-2 * np.eye(12)
    slopes = np.array([(expected(logits + step) - expected(logits - step)) / 2e-2 for step in steps])
    wanted = -(1 - 0.05 / samples) * slopes  # of what is minimised
    deviations = np.std(estimates, axis=0) / np.sqrt(len(estimates))
    assert np.all(np.abs(np.mean(estimates, axis=0) - wanted) <= 4 * deviations + 1e-6)
    assert np.abs(wanted).max() > 10 * deviations.max()


def test_pairs_that_diverge_are_counted_and_teach_nothing(table, monkeypatch):
    iterations, logits = made(), np.zeros(12, "float32")
    first, second, third = pairs(iterations.supernet)[[0, 3, 5]]
    losses = iter([1.0, np.nan, 2.0, np.nan, np.inf, np.nan])
    monkeypatch.setattr(
        iterations.programs, "sampled_step", lambda *_: ([next(losses)], [0.5], [np.ones(2)], [np.int32(1)])
    )
    monkeypatch.setattr(encodings, "sample", lambda *_: np.stack([first, second, third]))
    advanced = []
    monkeypatch.setattr(iterations, "_advance", lambda parts, *_: advanced.append(parts))
    figures, gradient = iterations.run(0, logits)
    p = np.asarray(encodings.probabilities(logits, iterations.sizes))
    np.testing.assert_allclose(gradient, -(0.5 * (first - p) - 0.5 * (third - p)) / 2, atol=1e-6)
    assert figures["validation_loss"] == 1.5
    assert (iterations.skipped, iterations.gradients) == (1, 3) and len(advanced) == 1
    _, gradient = iterations.run(1, logits)
    assert gradient is None and (iterations.skipped, iterations.gradients) == (4, 6) and len(advanced) == 1


def test_shared_weights_take_the_mean_gradient_of_the_pairs_with_the_encodings_hyperparameters():
    iterations, logits = made(), np.random.default_rng(1).normal(size=12).astype("float32")
    net, before, data = iterations.supernet, iterations.state, iterations._minibatch(0)
    rng = np.random.default_rng([0, 2, 0])
    samples = encodings.sample(rng, logits, iterations.sizes, 3)
    parts = [iterations.programs.sampled_step(before, one, *data, np.float32(1.0))[2] for one in samples]
    mean = [sum(np.asarray(part[i]) for part in parts) / 3 for i in range(len(parts[0]))]
    iterations.run(0, logits)
    coefficients = np.asarray(encodings.probabilities(logits, iterations.sizes))
    (sgd, adam), (fast, slow) = (net.part(coefficients, name) for name in ("optimizer", "learning_rate"))
    rate = 0.1**fast * 0.01**slow
    assert iterations.rates == [pytest.approx(rate, rel=1e-5)]
    for old, new, g in zip(before["trained"], iterations.state["trained"], mean, strict=True):
        first_adam = g / (np.abs(g) + 1e-7 / np.sqrt(1e-3))
        np.testing.assert_allclose(new, old - rate * (sgd * g + adam * first_adam), atol=1e-4)
    assert int(iterations.state["step"]) == 1


def test_gradients_of_minibatches_are_averaged_and_the_entropy_is_part_of_what_is_maximised():
    logits = np.random.default_rng(1).normal(size=12).astype("float32")
    found = {}
    for entropy in (0.0, 0.5):
        iterations = made("differentiable_ahead", samples=2, entropy=entropy, final_entropy=entropy)
        found[entropy] = iterations.run(0, logits)[1]
    wanted = found[0.0] - 0.5 * encodings.entropy_gradient(logits, iterations.sizes)
    np.testing.assert_allclose(found[0.5], wanted, atol=1e-5)
    noise, arguments = np.zeros(12, "float32"), []
    for i in range(2):
        arguments.append((logits, noise, np.float32(1), np.float32(0), iterations.state, *iterations._minibatch(i)))
    parts = [np.asarray(iterations.programs.encoding_gradient(*one, np.float32(1))[2])[0] for one in arguments]
    np.testing.assert_allclose(found[0.0], np.mean(parts, axis=0), atol=1e-6)
    assert np.abs(parts[0] - parts[1]).max() > 1e-4


def test_straight_through_steps_with_one_candidate_and_lets_the_gradient_of_the_sample_pass():
    logits = np.random.default_rng(1).normal(size=12).astype("float32")
    iterations = made("differentiable_ahead", samples=1, relaxation="straight_through", temperature=0.7)
    x, y, shares, *held_out = iterations._minibatch(0)
    gradient = iterations.run(0, logits)[1]
    noise = np.random.default_rng([0, 2, 0]).gumbel(size=12).astype("float32")
    hard = encodings.one_hot(logits + noise, iterations.sizes)
    candidates = np.array([0.1, 0.01])[iterations.supernet.part(hard, "learning_rate") > 0]
    assert iterations.rates == [pytest.approx(one, rel=1e-5) for one in candidates]

    def soft(logits):
        return np.asarray(
            encodings.probabilities(logits + noise, iterations.sizes, iterations.settings.temperature_at(0))
        )

    def loss(coefficients):
        sets = [{}]
        arguments = (iterations.supernet, iterations.state, coefficients, (x, y, shares), held_out, np.float32(1), sets)
        return look_ahead.validation_loss(*arguments)[0]

    _, by_coefficients = value_and_gradient(loss)(hard)
    steps = 0.02 * np.eye(12, dtype="float32")
    jacobian = np.array([(soft(logits + step) - soft(logits - step)) / 0.04 for step in steps])
    np.testing.assert_allclose(gradient, jacobian @ np.asarray(by_coefficients), atol=1e-4)
    assert np.abs(gradient).max() > 0.01


def test_nothing_moves_the_encodings_while_weights_warm_up():
    for name in ("sampled_ahead", "differentiable_ahead"):
        iterations = made(name, warm_up=0.2)
        found = [iterations.run(i, np.zeros(12, "float32"))[1] is None for i in range(3)]
        assert found == [True, True, False]


def test_a_mixture_that_diverges_is_an_error():
    iterations = made("differentiable_ahead")
    broken = [np.full_like(part, np.inf) for part in iterations.state["trained"]]
    iterations.state = iterations.state | {"trained": broken}
    with pytest.raises(
        errors.InvalidArgumentError, match="Expected `learning_rate` .*diverge.*Received: .*iteration 3"
    ):
        iterations.run(3, np.zeros(12, "float32"))


def test_augmentations_of_a_mixture_are_drawn_by_their_coefficients():
    iterations = made("differentiable_ahead")
    iterations.supernet = problems.supernet(problems.everything)
    coefficients, rng = problems.random_coefficients(iterations.supernet), np.random.default_rng(0)
    where = iterations.supernet.slices["augmentation"]
    drawn = np.stack([iterations._with_one_augmentation(coefficients, rng) for _ in range(2000)])
    np.testing.assert_allclose(drawn[:, where].mean(axis=0), coefficients[where], atol=0.03)
    assert set(np.unique(drawn[:, where])) == {0.0, 1.0}
    others = np.delete(drawn, np.r_[where], axis=1)
    np.testing.assert_array_equal(others, np.broadcast_to(np.delete(coefficients, np.r_[where]), others.shape))
