"""One step ahead: gradients against finite differences, the closed form against all steps one by one."""

import itertools

import keras
import numpy as np
import pytest

from keras_hparam.autohas import encodings, look_ahead
from keras_hparam.distribute import compilation
from keras_hparam.ops.differentiation import value_and_gradient
from tests.autohas import problems, steps

STEPS = ("optimizer", "learning_rate", "weight_decay")
FACTOR = np.float32(3.0)  # of the rate: steps are large, so that derivatives are


def loss_of_logits(net, second_order=True, compiled=True):
    """A function of (logits, state): (validation loss one step ahead, its gradient)."""
    sets, sizes, (train, held_out) = (
        look_ahead.gradient_sets(net),
        [len(basis) for basis in net.bases],
        steps.batches(net),
    )

    def function(logits, state):
        def loss(logits):
            coefficients = encodings.relaxed(logits, sizes)
            return look_ahead.validation_loss(net, state, coefficients, train, held_out, FACTOR, sets, second_order)[0]

        return value_and_gradient(loss)(logits)

    return compilation.compile(function, jit=False) if compiled else function


def slopes(function, at, directions, width=0.1):
    """Derivatives of a float32 function along directions, by central differences of fourth order."""
    found = []
    for direction in directions:
        near, far = (function(at + k * width * direction) - function(at - k * width * direction) for k in (1, 2))
        found.append((8 * near - far) / (12 * width))
    return np.array(found)


def directions_of(net, seed=0):
    """A random direction for each basis of two or more candidates, as {name: [E]}."""
    rng, found = np.random.default_rng(seed), {}
    for name in net.names:
        where = net.slices[name]
        if where.stop - where.start > 1:
            found[name] = np.zeros(net.size, "float32")
            found[name][where] = rng.choice([-1, 1]) * np.linspace(1, -1, where.stop - where.start)
    return found


def assert_slopes(net, function, state, logits, wanted=None):
    """Each basis' own part of the gradient is that of finite differences, and not just small."""
    value = wanted or (lambda logits: float(function(logits, state)[0]))
    directions, gradient = directions_of(net), np.asarray(function(logits, state)[1])
    measured = slopes(value, logits, directions.values())
    for name, slope in zip(directions, measured, strict=True):
        assert gradient @ directions[name] == pytest.approx(slope, rel=0.01, abs=4e-6), name
    assert np.median(np.abs(measured)) > 2e-4


@pytest.fixture(scope="module")
def net():
    return problems.supernet(steps.everything)


@pytest.fixture(scope="module")
def exact(net):
    return loss_of_logits(net)


@pytest.mark.parametrize("optimizer", range(4))
def test_the_gradient_is_that_of_finite_differences(net, exact, optimizer):
    logits = (0.5 * np.random.default_rng(optimizer).normal(size=net.size)).astype("float32")
    logits[net.slices["optimizer"]][optimizer] += 3.0
    assert_slopes(net, exact, steps.state_of(net), logits)


def test_the_gradient_is_that_of_finite_differences_with_augmentations_and_integer_classes():
    net = problems.supernet(steps.others)
    assert_slopes(net, loss_of_logits(net), steps.state_of(net), np.full(net.size, 0.1, "float32"))


def test_first_order_keeps_only_what_the_step_itself_contains(net, exact):
    """The reference freezes the coefficients inside of the gradients and moves those outside."""
    state, (train, held_out), sizes = steps.state_of(net), steps.batches(net), [len(basis) for basis in net.bases]
    logits = (0.5 * np.random.default_rng(7).normal(size=net.size)).astype("float32")
    frozen = np.asarray(encodings.relaxed(logits, sizes))
    moves = []  # of each loss
    for index in range(2):
        (_, _), gradients = value_and_gradient(
            lambda trained, i=index: net.training_loss(
                trained, state["others"], frozen, train[0][0], *train[1:], loss_weights=np.eye(2, dtype="float32")[i]
            ),
            has_aux=True,
        )(state["trained"])
        moves.append(net.directions(state["slots"], gradients, state["step"])[0])

    def value(logits):
        coefficients = np.asarray(encodings.relaxed(logits, sizes))
        first, second = net.part(coefficients, "loss")
        mixed = keras.tree.map_structure(lambda one, other: first * one + second * other, *moves)
        moved = net.moved(state["trained"], mixed, coefficients, FACTOR, is_sum=True)
        return float(net.validation(moved, state["others"], coefficients, *held_out)[0])

    function = loss_of_logits(net, second_order=False, compiled=False)
    assert_slopes(net, function, state, logits, value)
    found, gradient = (np.asarray(part) for part in function(logits, state))
    wanted, full = (np.asarray(part) for part in exact(logits, state))
    assert found == pytest.approx(wanted, rel=1e-6)
    for name in ("rate", "label_smoothing", "mixup"):
        np.testing.assert_allclose(gradient[net.slices[name]], 0.0, atol=1e-9)
        assert np.abs(full[net.slices[name]]).max() > 1e-5


def brute_force(net, state, coefficients, train, enumerated):
    """Σ_b C_b W_b: a step for each set of candidates of the enumerated bases, of which the others stay mixtures."""
    step, total = compilation.compile(net.step, jit=False), None
    for indices in itertools.product(*(range(len(net.part(coefficients, name))) for name in enumerated)):
        chosen, weight = coefficients.copy(), 1.0
        for name, index in zip(enumerated, indices, strict=True):
            weight = weight * float(net.part(coefficients, name)[index])
            chosen[net.slices[name]] = np.eye(len(net.part(coefficients, name)))[index]
        moved, _ = step(state, chosen, *train, FACTOR)
        parts = [weight * np.asarray(part, "float64") for part in moved["trained"]]
        total = parts if total is None else [a + b for a, b in zip(total, parts, strict=True)]
    return total


@pytest.mark.parametrize("enumerate_all", [False, True])
def test_the_closed_form_is_the_weighted_sum_of_the_steps_of_all_basis_sets(enumerate_all):
    net = problems.supernet(steps.small)
    state, (train, _) = steps.state_of(net), steps.batches(net)
    coefficients = problems.random_coefficients(net)
    sets = look_ahead.gradient_sets(net, enumerate_all)
    assert len(sets) == (32 if enumerate_all else 4)
    enumerated = (*STEPS, "loss", "augmentation", *(("rate", "label_smoothing", "mixup") if enumerate_all else ()))
    wanted = brute_force(net, state, coefficients, train, enumerated)
    found = look_ahead.combined_step(net, state, coefficients, *train, FACTOR, sets)
    for one, other, start in zip(found, wanted, state["trained"], strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
        assert np.abs(other - start).max() > 1e-3


def test_sums_of_four_optimizers_three_rates_and_two_decays_need_one_gradient(net):
    state, (train, _) = steps.state_of(net), steps.batches(net)
    coefficients = problems.random_coefficients(net, 2)
    coefficients[net.slices["loss"]] = [0.0, 1.0]
    wanted = brute_force(net, state, coefficients, train, STEPS)
    found = look_ahead.combined_step(net, state, coefficients, *train, FACTOR, [{"loss": 1}])
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_looking_ahead_leaves_state_and_model_to_the_last_bit(net, exact):
    state, logits = steps.state_of(net), np.zeros(net.size, "float32")
    everything = [*keras.tree.flatten(state), *(v.numpy() for v in net.model.variables)]
    before = [np.array(part) for part in everything]
    exact(logits, state)
    after = [*keras.tree.flatten(state), *(v.numpy() for v in net.model.variables)]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_bases_of_two_or_more_candidates_make_sets():
    net = problems.supernet(problems.simple)
    assert look_ahead.gradient_sets(net) == look_ahead.gradient_sets(net, True) == [{}]
