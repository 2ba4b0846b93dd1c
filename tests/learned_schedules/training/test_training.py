"""Training of controllers: what is learned, exact resume, refusals."""

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_schedules.training import train
from keras_hparam.learned_schedules.training.policy import Policy, unrolled, weights_of
from keras_hparam.tasks import functions
from tests.learned_schedules.training import small


def arrays(controller):
    return [ops.convert_to_numpy(weight) for weight in controller.weights]


def assert_equal_weights(one, other, **tolerance):
    for a, b in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 0, "atol": 0, **tolerance})


@pytest.mark.parametrize("method, network", [("reinforce", "mlp"), ("ppo", "gru")])
def test_too_small_rates_are_learned_to_be_raised(method, network):
    """The rate is 30 times too small: everything that raises it helps."""
    chosen = small.settings(
        method=method, updates=30, rates=(0.03, 0.03), validation_rates=(0.03,), steps=(6, 6), validate_every=30,
        learning_rate=0.01, final_learning_rate=0.003, total_steps_known=1.0,
    )  # fmt: skip
    trained = train(small.controller(network=network), small.family(), chosen)
    assert trained.score == min(validated["score"] for validated in trained.history)
    assert trained.history[-1]["score"] < trained.history[0]["score"] - 0.05


@pytest.mark.parametrize("network", ["mlp", "gru"])
def test_a_training_that_stops_and_resumes_is_one_that_never_stopped(tmp_path, network):
    family, chosen = small.family(), small.settings()
    whole = train(small.controller(network=network), family, chosen)

    def intrude(*_):
        with pytest.raises(errors.InUseError, match="`workdir`"):
            train(small.controller(), family, chosen, workdir=tmp_path)

    train(small.controller(network=network), family, chosen, workdir=tmp_path, stop_after=3, progress=intrude)
    resumed = train(small.controller(1, network=network), family, chosen, workdir=tmp_path)
    assert resumed.history == whole.history
    assert_equal_weights(resumed.controller, whole.controller)


def test_another_training_is_not_resumed(tmp_path):
    train(small.controller(), small.family(), small.settings(updates=1), workdir=tmp_path)
    with pytest.raises(errors.InvalidArgumentError, match="settings.*'trace': 0.5"):
        train(small.controller(), small.family(), small.settings(trace=0.5), workdir=tmp_path)


def test_progress_tells_figures():
    seen = []
    train(small.controller(), small.family(), small.settings(updates=2), progress=lambda *line: seen.append(line))
    assert [update for update, _, _ in seen] == [1, 2]
    figures = seen[-1][1]
    assert figures["family"] == "tiny" and "score" in figures
    assert all(np.isfinite(v) for v in figures.values() if not isinstance(v, str))


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="`tasks`"):
        train(small.controller(), functions.Quadratics(3), small.settings())
    with pytest.raises(errors.InvalidArgumentError, match="`controller`"):
        train("schedule-controller", small.family(), small.settings())


@pytest.mark.parametrize("network", ["mlp", "gru", "lstm"])
def test_unrolled_is_the_controller_decision_by_decision(network):
    controller = small.controller(network=network)
    controller.head.kernel.assign(np.random.default_rng(0).normal(size=controller.head.kernel.shape))
    features = np.random.default_rng(1).normal(size=(4, 3, controller.num_features)).astype("float32")
    states, expected = controller.initial_states(3), []
    for row in features:
        action, states = controller(ops.convert_to_tensor(row), states)
        expected.append(ops.convert_to_numpy(action))
    found = unrolled(controller, weights_of(controller), ops.convert_to_tensor(features))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=1e-5)


def test_values_are_normalised_like_the_controller():
    policy = Policy(small.controller(), small.settings())
    policy.absorb(np.random.default_rng(0).normal(2.0, 3.0, (50, policy.controller.num_features)))
    for name in ("seen", "mean", "variance"):
        one, other = (getattr(network, name) for network in (policy.controller, policy.values))
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
