"""Policy gradients against loops, closed forms, and problems whose optimum is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy import stats

from keras_hparam.distribute.compilation import compile
from keras_hparam.ops import policy_gradients as pg
from keras_hparam.ops.differentiation import value_and_gradient


def numpy(x):
    return ops.convert_to_numpy(x)


def drawn(seed, decisions, trajectories=3):
    rng = np.random.default_rng(seed)
    rewards, values = rng.normal(size=(decisions, trajectories)), rng.normal(size=(decisions + 1, trajectories))
    return [x.astype("float32") for x in (rewards, values, rng.random((decisions, trajectories)) < 0.7)]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), decisions=st.integers(1, 9), discount=st.floats(0, 1), trace=st.floats(0, 1))
def test_returns_and_advantages_are_those_of_a_loop(seed, decisions, discount, trace):
    rewards, values, continues = drawn(seed, decisions)
    total, advantage, expected = 0.0, 0.0, []
    for t in reversed(range(decisions)):
        total = rewards[t] + discount * continues[t] * total
        error = rewards[t] + discount * continues[t] * values[t + 1] - values[t]
        advantage = error + discount * trace * continues[t] * advantage
        expected.append((total, advantage))
    found = [pg.returns(rewards, discount, continues)]
    found.append(pg.generalized_advantages(rewards, values, discount, trace, continues))
    for one, other in zip(found, zip(*expected[::-1], strict=True), strict=True):
        np.testing.assert_allclose(numpy(one), np.stack(other), rtol=1e-4, atol=1e-5)


def test_the_ends_of_the_trace():
    """λ = 1: discounted returns with the last value, minus values; λ = 0: one-step errors."""
    rewards, values, _ = drawn(0, 6)
    last = rewards + 0.9 * np.eye(6)[:, [5]] * values[6]
    expected = numpy(pg.returns(last.astype("float32"), 0.9)) - values[:-1]
    np.testing.assert_allclose(numpy(pg.generalized_advantages(rewards, values, 0.9, 1.0)), expected, atol=1e-5)
    expected = rewards + 0.9 * values[1:] - values[:-1]
    np.testing.assert_allclose(numpy(pg.generalized_advantages(rewards, values, 0.9, 0.0)), expected, atol=1e-5)


def test_baselines(rng):
    rewards = rng.normal(size=(5, 2)).astype("float32")
    expected = [np.delete(rewards, k, axis=0).mean(axis=0) for k in range(5)]
    np.testing.assert_allclose(numpy(pg.others_mean(rewards)), expected, rtol=1e-4, atol=1e-5)
    normalized = numpy(pg.normalized(rewards))
    assert abs(normalized.mean()) < 1e-5 and normalized.std() == pytest.approx(1.0, abs=1e-5)
    assert not numpy(pg.normalized(np.full(4, 3.0, "float32"))).any()


def test_distributions_are_those_of_scipy(rng):
    actions, mean, log_deviation = rng.normal(size=(3, 7, 2)).astype("float32")
    expected = stats.norm(mean, np.exp(log_deviation))
    found = numpy(pg.normal_log_probability(actions, mean, log_deviation))
    np.testing.assert_allclose(found, expected.logpdf(actions).sum(-1), rtol=1e-3)
    np.testing.assert_allclose(numpy(pg.normal_entropy(log_deviation)), expected.entropy().sum(-1), rtol=1e-4)
    logits, chosen = rng.normal(size=(6, 4)).astype("float32"), rng.integers(4, size=6)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(
        numpy(pg.categorical_log_probability(chosen, logits)), np.log(probabilities[np.arange(6), chosen]), rtol=1e-4
    )
    np.testing.assert_allclose(numpy(pg.categorical_entropy(logits)), stats.entropy(probabilities, axis=-1), rtol=1e-4)


@pytest.mark.parametrize(
    "ratio, advantage, loss, slope",
    [
        (1.1, 2.0, -2.2, -2.0), (1.5, 2.0, -2.4, 0.0), (0.5, 2.0, -1.0, -2.0), (0.5, -2.0, 1.6, 0.0),
        (1.5, -2.0, 3.0, 2.0),
    ],
)  # fmt: skip
def test_the_clipped_objective(ratio, advantage, loss, slope):
    """The loss, and its derivative to the ratio: none where a further change would only be rewarded."""
    old = np.log(np.array([0.3], "float32"))
    log_ratio, advantages = np.log(np.array([ratio], "float32")), np.array([advantage], "float32")
    found, gradient = value_and_gradient(lambda x: pg.ppo_loss(x + old, old, advantages))(log_ratio)
    assert float(found) == pytest.approx(loss, rel=1e-5)
    assert float(numpy(gradient)[0]) == pytest.approx(slope * ratio, abs=1e-5)


def test_clipped_values():
    values, targets, old = (np.array(x, "float32") for x in ([1.0, 3.0], [2.0, 2.0], [1.0, 1.0]))
    assert float(pg.value_loss(values, targets)) == pytest.approx(0.5)
    assert float(pg.value_loss(values, targets, old, clip=0.5)) == pytest.approx(0.5 * (1.0 + 1.0) / 2)
    assert float(pg.value_loss(np.float32(2.0), np.float32(2.0), np.float32(1.0), 0.5)) == pytest.approx(0.125)


def test_the_gradient_of_reinforce_is_that_of_the_expectation():
    """Averaged over all actions by their probabilities, the estimate is exact, whatever the baseline."""
    logits, rewards = np.array([0.2, -0.5, 0.9], "float32"), np.array([1.0, 3.0, -2.0], "float32")

    def expected(x):
        return -ops.sum(ops.softmax(x) * rewards)

    def estimate(x):
        probabilities = ops.stop_gradient(ops.softmax(x))
        log_probabilities = pg.categorical_log_probability(np.arange(3), ops.broadcast_to(x, (3, 3)))
        return 3.0 * pg.reinforce_loss(log_probabilities, probabilities * (rewards - 7.0))

    _, exact = value_and_gradient(expected)(logits)
    _, found = value_and_gradient(estimate)(logits)
    np.testing.assert_allclose(numpy(found), numpy(exact), atol=1e-5)


def train_bandit(method, rng):
    """Logits after learning three arms of mean rewards 0, 1 and .5, with noise."""
    logits, means = np.zeros(3, "float32"), np.array([0.0, 1.0, 0.5])

    def loss(x, actions, rewards, old):
        now = pg.categorical_log_probability(actions, ops.broadcast_to(x, (32, 3)))
        if method == "reinforce":
            return pg.reinforce_loss(now, rewards - pg.others_mean(rewards))
        return pg.ppo_loss(now, old, pg.normalized(rewards))

    gradient = compile(lambda x, *seen: value_and_gradient(lambda x: loss(x, *seen))(x)[1], jit=False)
    for _ in range(60):
        probabilities = np.exp(logits) / np.exp(logits).sum()
        actions = rng.choice(3, size=32, p=probabilities / probabilities.sum())
        rewards = (means[actions] + 0.3 * rng.normal(size=32)).astype("float32")
        old = np.log(probabilities[actions])
        for _ in range(1 if method == "reinforce" else 4):
            logits = logits - 0.5 * numpy(gradient(logits, actions, rewards, old))
    return logits


@pytest.mark.parametrize("method", ["reinforce", "ppo"])
def test_a_bandit_is_learned(method):
    for seed in range(5):
        assert train_bandit(method, np.random.default_rng(seed)).argmax() == 1


def test_a_chain_is_learned():
    """Five places; only the last step to the right pays, every step to the left pays a little at once.

    With γ = .95 going right is best everywhere; a greedy learner (γ = 0) goes left.
    """
    places, length = 5, 12

    def walk(logits, rng):
        place, visited, chosen, rewards = 0, [], [], []
        for _ in range(length):
            right = rng.random() < 1 / (1 + np.exp(logits[place, 0] - logits[place, 1]))
            visited.append(place)
            chosen.append(int(right))
            place = min(place + 1, places - 1) if right else max(place - 1, 0)
            rewards.append(1.0 if right and place == places - 1 else 0.0 if right else 0.1)
        return visited, chosen, rewards

    def loss(x, visited, chosen, advantages):
        now = pg.categorical_log_probability(chosen, ops.take(x, visited, axis=0))
        return pg.reinforce_loss(now, advantages)

    gradient = compile(lambda x, *seen: value_and_gradient(lambda x: loss(x, *seen))(x)[1], jit=False)
    for discount, best in ((0.95, 1), (0.0, 0)):
        rng, logits = np.random.default_rng(0), np.zeros((places, 2), "float32")
        for _ in range(80):
            walks = [walk(logits, rng) for _ in range(16)]
            visited, chosen, rewards = (np.array(x).T for x in zip(*walks, strict=True))
            gains = numpy(pg.returns(rewards.astype("float32"), discount))
            advantages = gains - gains.mean(axis=1, keepdims=True)

            logits = logits - 4.0 * numpy(gradient(logits, visited, chosen, advantages))
        assert logits[0].argmax() == best and (discount == 0.0 or (logits.argmax(axis=1) == 1).all())
