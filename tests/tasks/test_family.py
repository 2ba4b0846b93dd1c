"""Tasks, mixtures, and losses that can be compared."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.tasks import functions
from keras_hparam.tasks.family import Mixture, Task, relative_log


@hypothesis.given(st.floats(1e-6, 1e6), st.floats(1e-3, 0.5), st.floats(0.5, 5))
@hypothesis.settings(max_examples=20)
def test_relative_losses_increase_within_their_bounds(reference, floor, cap):
    losses = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 30), [np.float32(3e38), np.inf]]) * min(reference, 1.0)
    found = ops.convert_to_numpy(relative_log(losses[None].astype("float32"), np.float32(reference), floor, cap))
    assert np.isfinite(found).all() and (np.diff(found[0]) >= -1e-6).all()
    np.testing.assert_allclose([found[0, 0], found[0, -1]], [np.log(floor / (1 + floor)), cap], rtol=1e-4)
    at_reference = relative_log(np.full((1, 1), reference, "float32"), np.float32(reference), floor, cap)
    np.testing.assert_allclose(ops.convert_to_numpy(at_reference), 0, atol=1e-5)
    assert np.isnan(ops.convert_to_numpy(relative_log(np.full((1, 1), np.nan), np.ones(1), floor, cap)))


def test_a_task_is_always_the_same():
    family = functions.Quadratics(dimension=3)
    task, again = (Task(family, seed=5) for _ in range(2))
    first, second = (one.sample(np.random.default_rng(seed), 2) for seed, one in enumerate((task, again)))
    other = Task(family, seed=6).sample(np.random.default_rng(0), 2)
    np.testing.assert_array_equal(first["parameters"][0], second["parameters"][0])
    assert not np.array_equal(first["parameters"][0], other["parameters"][0])
    start = [first["parameters"][0][None]]
    np.testing.assert_allclose(ops.convert_to_numpy(task.loss(start, first, 0))[0], first["reference"], rtol=1e-6)
    assert task.name != Task(family, seed=6).name


def test_a_mixture_draws_by_its_weights(rng):
    families = [functions.Quadratics(3), functions.Rastrigin(3), functions.Ackley(3)]
    mixture = Mixture(families, weights=[1, 2, 5])
    drawn = [mixture.draw(rng) for _ in range(2000)]
    shares = [sum(family is one for one in drawn) / 2000 for family in families]
    np.testing.assert_allclose(shares, [1 / 8, 2 / 8, 5 / 8], atol=0.05)
    assert Mixture.of(mixture) is mixture and Mixture.of(families[0]).families == (families[0],)


@pytest.mark.parametrize(
    "families, weights, message",
    [
        ([], None, "Received: \\[\\]"), (["rastrigin"], None, "`families`"), ([3, 3], None, "different names"),
        ([3, 4], [1], "2 numbers > 0"), ([3, 4], [1, -1], "Received: \\[1, -1\\]"), ([3], [np.nan], "`weights`"),
    ],
)  # fmt: skip
def test_wrong_mixtures_are_errors(families, weights, message):
    families = [functions.Quadratics(one) if isinstance(one, int) else one for one in families]
    with pytest.raises(errors.InvalidArgumentError, match=message):
        Mixture(families, weights)
    with pytest.raises(errors.InvalidArgumentError, match="`family`"):
        Task("rastrigin")
