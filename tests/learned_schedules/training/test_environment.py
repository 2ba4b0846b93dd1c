"""Rollouts against a plain loop over steps and trainees."""

import functools

import numpy as np
import pytest
from keras import ops

from keras_hparam.distribute import compilation
from keras_hparam.learned_schedules import ControllerConfig, decisions, observation
from keras_hparam.learned_schedules.training import environment, trainees
from keras_hparam.learned_schedules.training.environment import Situation
from keras_hparam.ops.differentiation import value_and_gradient
from tests.learned_schedules.training import small

T, K, G, N = 3, 2, 3, 4
FEATURES = ("rate", "budget", "training_loss", "validation_loss", "layer", "outputs", "inputs")


def situation(family, seed=0):
    rng = np.random.default_rng(seed)
    kinds = trainees.kinds_of(["momentum", "adam", "rmsprop"])
    rates = np.array([0.02, 0.01, 0.005], "float32")
    return Situation(family.sample(rng, G), kinds, rates, np.array([1.0, 1.0, 0.0], "float32"), np.int32(N))


def act(features, states):
    """A controller: half the last change of the training loss."""
    return 0.5 * features[:, 5] - 0.1, states


@functools.cache
def program(config, cap):
    return compilation.compile(
        lambda one, noise: tuple(
            environment.rollout(small.family(), config, cap, act, [], Situation(**one), noise)
        )
    )  # fmt: skip


def rollout(config, cap, noise, one):
    found = program(config, cap)(one._asdict(), noise)
    return environment.Rollout(*(ops.convert_to_numpy(part) for part in found))


def plain(config, cap, noise, one):
    """The same step by step: rates, final validation losses, features of the last decision."""
    family, instances = small.family(), one.instances
    parameters = [np.broadcast_to(p[None], (K, *p.shape)).astype("float32") for p in instances["parameters"]]
    parameters, total = [ops.convert_to_tensor(p) for p in parameters], (T + 1) * N
    kinds = {name: ops.convert_to_tensor(value) for name, value in one.kinds.items()}
    state, rate = trainees.init(parameters), ops.convert_to_tensor(np.tile(one.first_rate, (K, 1)))
    _, gradients = value_and_gradient(lambda p: family.loss(p, instances, 0))(parameters)
    length = trainees.update(kinds, state, parameters, gradients, rate, 0)[2]
    memory, rates, losses = observation.initial_state(config, (K, G)), [], []
    for step in range(total):
        if step % N == 0:
            before, losses = ops.softmax(family.outputs(parameters, instances["x_validation"])), []
        factor = np.where(one.is_known > 0, 0.5 * (1 + np.cos(np.pi * step / total)), 1.0).astype("float32")
        norms = ops.sqrt(sum(ops.sum(ops.square(p), axis=tuple(range(2, len(p.shape)))) for p in parameters))
        if cap is not None:
            rate = ops.minimum(rate * factor, cap * norms / length) / factor
        value, gradients = value_and_gradient(lambda p, s=step: family.loss(p, instances, s))(parameters)
        losses.append(value)
        parameters, state, length = trainees.update(kinds, state, parameters, gradients, rate * factor, step)
        if step % N == N - 1 and step < total - 1:
            outputs = family.outputs(parameters, instances["x_validation"])
            after, kernel = ops.softmax(outputs), parameters[-2]
            x = ops.reshape(ops.convert_to_tensor(instances["x"]), (G, -1))
            measured = observation.Measurements(
                rate, sum(losses) / N, family.mean_loss(outputs, instances["y_validation"]),
                ops.mean(kernel, (2, 3)), ops.var(kernel, (2, 3)), ops.var(before, (2, 3)), ops.var(after, (2, 3)),
                ops.var(after - before, (2, 3)), ops.mean(x, 1) * ops.ones((K, G)), ops.var(x, 1) * ops.ones((K, G)),
            )  # fmt: skip
            told, kept = observation.observe(config, memory, measured, (step + 1) / total)
            untold, _ = observation.observe(config, memory, measured, None)
            features, memory = ops.where(one.is_known[:, None] > 0, told, untold), kept
            actions = act(ops.reshape(features, (K * G, -1)), None)[0]
            actions = ops.reshape(actions, (K, G)) + noise[(step + 1) // N - 1]
            rate = decisions.next_rate(config, rate, one.first_rate, actions)
            rates.append(ops.convert_to_numpy(rate))
    return np.stack(rates), ops.convert_to_numpy(family.final_loss(parameters, instances)), features


@pytest.mark.parametrize("cap", [None, 0.02])
def test_a_rollout_is_a_loop_over_steps(cap):
    config, one = ControllerConfig(features=FEATURES, base="cosine"), situation(small.family())
    noise = np.random.default_rng(1).normal(size=(T, K, G)).astype("float32")
    found, (rates, final, features) = rollout(config, cap, noise, one), plain(config, cap, noise, one)
    np.testing.assert_allclose(found.rates, rates, rtol=1e-3)
    np.testing.assert_allclose(found.final, final, rtol=1e-3)
    np.testing.assert_allclose(found.features[-1], features, rtol=1e-2, atol=2e-3)
    np.testing.assert_allclose(found.actions - found.means, noise, atol=1e-5)
    assert found.losses.shape == (T + 1, K, G)


def test_trainings_that_are_no_longer_finite_count_as_the_worst():
    family, config = small.family(), ControllerConfig(features=FEATURES, base="cosine")
    one = situation(family)._replace(first_rate=np.full(G, 1e30, "float32"))
    found = rollout(config, None, np.zeros((T, K, G), "float32"), one)
    assert np.isfinite(found.losses).all() and np.isfinite(found.features).all()
    assert (found.losses[-1] > 2.5).any()
