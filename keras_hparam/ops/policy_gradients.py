"""Policy gradients: returns, advantages, and the losses of REINFORCE and PPO.

Losses are to be minimised. Gradients flow through the log-probabilities and values of the current policy alone;
returns, advantages and old log-probabilities are data.

Sources: Williams 1992, Machine Learning 8, 229–256 (REINFORCE); Schulman et al. 2016, arXiv 1506.02438 (generalised
advantage estimation); Schulman et al. 2017, arXiv 1707.06347 (proximal policy optimization); Kool, van Hoof & Welling
2019, "Buy 4 REINFORCE samples, get a baseline for free!" (the baseline of the other samples).

Axes: T decisions, … independent trajectories, K samples of the same situation, A numbers of an action.
"""

import math

from keras import ops


def discounted_sum(increments, factors):
    """y_t = increments_t + factors_t · y_{t+1} along the first axis, with y_T = 0.

    Args:
        increments, factors: float [T, …], T known when the function is traced.

    Example:
        >>> discounted_sum([1.0, 1.0, 1.0], [0.5, 0.5, 0.5])
        [1.75, 1.5, 1.0]
    """

    sums = ops.convert_to_tensor(increments)
    factors = ops.broadcast_to(ops.convert_to_tensor(factors, sums.dtype), sums.shape)
    distance = 1  # after each pass a sum reaches twice as far (Hillis & Steele 1986)
    while distance < sums.shape[0]:
        sums = sums + factors * _earlier(sums, distance)
        factors = factors * _earlier(factors, distance)
        distance *= 2
    return sums


def _earlier(values, distance):
    """values_{t + distance} at t, and 0 where there is none."""
    return ops.concatenate([values[distance:], ops.zeros_like(values[:distance])])


def returns(rewards, discount, continues=None):
    """Discounted sums of the rewards from each decision on: float [T, …].

    Args:
        rewards: float [T, …].
        discount: float in [0, 1].
        continues: float [T, …] of 0 and 1, 0 after the last decision of an episode; None: one episode of T decisions.

    Example:
        >>> returns([0.0, 0.0, 1.0], discount=0.9)
        [0.81, 0.9, 1.0]
    """
    rewards = ops.convert_to_tensor(rewards)
    factors = discount * (ops.ones_like(rewards) if continues is None else ops.convert_to_tensor(continues))
    return discounted_sum(rewards, factors)


def generalized_advantages(rewards, values, discount, trace, continues=None):
    """Advantages of the decisions by generalised advantage estimation: float [T, …].

    δ_t = r_t + γ V_{t+1} − V_t, and A_t = δ_t + γ λ A_{t+1}. With λ = 1 they are `returns` minus values, plus the
    discounted last value; with λ = 0 they are δ.

    Args:
        rewards: float [T, …].
        values: float [T + 1, …], V before each decision and after the last one: 0 there if nothing can follow.
        discount: float in [0, 1], γ.
        trace: float in [0, 1], λ.
        continues: as of `returns`; values after the end of an episode do not count.

    Example:
        >>> generalized_advantages([0.0, 1.0], [0.5, 0.5, 0.0], discount=1.0, trace=1.0)
        [0.5, 0.5]
    """
    rewards, values = ops.convert_to_tensor(rewards), ops.convert_to_tensor(values)
    factors = discount * (ops.ones_like(rewards) if continues is None else ops.convert_to_tensor(continues))
    errors = rewards + factors * values[1:] - values[:-1]
    return discounted_sum(errors, trace * factors)


def normalized(advantages, epsilon=1e-8):
    """Advantages of mean 0 and standard deviation 1; all 0 where they are equal.

    Args:
        advantages: float […].
        epsilon: float > 0, added to the standard deviation.
    """
    advantages = ops.convert_to_tensor(advantages)
    return (advantages - ops.mean(advantages)) / (ops.std(advantages) + epsilon)


def others_mean(rewards):
    """The mean of the other samples' rewards, a baseline that is independent of the own action: float [K, …].

    Args:
        rewards: float [K, …], K ≥ 2 samples of the same situation.

    Example:
        >>> others_mean([1.0, 2.0, 6.0])
        [4.0, 3.5, 1.5]
    """
    rewards = ops.convert_to_tensor(rewards)
    return (ops.sum(rewards, axis=0, keepdims=True) - rewards) / (rewards.shape[0] - 1)


def reinforce_loss(log_probabilities, advantages):
    """−mean(log π(a) · A): its gradient is the policy gradient of REINFORCE.

    Args:
        log_probabilities: float […], of the actions taken, under the current policy.
        advantages: float […], returns minus a baseline.
    """
    return -ops.mean(log_probabilities * ops.stop_gradient(advantages))


def ppo_loss(log_probabilities, old_log_probabilities, advantages, clip=0.2):
    """−mean(min(ρ A, clip(ρ, 1 − c, 1 + c) A)) of the ratios ρ = π(a) / π_old(a).

    Args:
        log_probabilities, old_log_probabilities: float […], under the current policy and the one that acted.
        advantages: float […].
        clip: float in (0, 1), c.

    Example:
        >>> ppo_loss(np.log([0.9]), np.log([0.5]), [1.0])
        -1.2
    """
    ratios = ops.exp(log_probabilities - ops.stop_gradient(old_log_probabilities))
    advantages = ops.stop_gradient(advantages)
    return -ops.mean(ops.minimum(ratios * advantages, ops.clip(ratios, 1.0 - clip, 1.0 + clip) * advantages))


def value_loss(values, targets, old_values=None, clip=0.2):
    """Half the mean squared error of the values; with old values, the larger of that and the clipped values' error.

    Args:
        values: float […], of the current value network.
        targets: float […], advantages plus old values.
        old_values: float […] or None, from when the decisions were made.
        clip: float > 0, how far values may move from the old ones before the loss stops rewarding it.
    """
    targets = ops.stop_gradient(targets)
    squares = ops.square(values - targets)
    if old_values is not None:
        old_values = ops.stop_gradient(old_values)
        moved = old_values + ops.clip(values - old_values, -clip, clip)
        squares = ops.maximum(squares, ops.square(moved - targets))
    return 0.5 * ops.mean(squares)


def normal_log_probability(actions, mean, log_deviation):
    """log of the density of independent normal distributions, summed over the last axis: float […].

    Args:
        actions, mean, log_deviation: float […, A].
    """
    standard = (actions - mean) * ops.exp(-log_deviation)
    return ops.sum(-0.5 * ops.square(standard) - log_deviation - 0.5 * math.log(2 * math.pi), axis=-1)


def normal_entropy(log_deviation):
    """The entropy of independent normal distributions in nats, summed over the last axis: float […].

    Args:
        log_deviation: float […, A].
    """
    return ops.sum(log_deviation + 0.5 * math.log(2 * math.pi * math.e), axis=-1)


def categorical_log_probability(actions, logits):
    """log of the probability of choices: float […].

    Args:
        actions: int […].
        logits: float […, A].
    """
    log_probabilities = ops.log_softmax(logits, axis=-1)
    return ops.squeeze(ops.take_along_axis(log_probabilities, ops.cast(actions, "int32")[..., None], axis=-1), -1)


def categorical_entropy(logits):
    """The entropy of choices in nats: float […].

    Args:
        logits: float […, A].
    """
    return -ops.sum(ops.softmax(logits, axis=-1) * ops.log_softmax(logits, axis=-1), axis=-1)
