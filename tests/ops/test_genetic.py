"""The genetic algorithm's choice, against a loop."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
from keras import ops

from keras_hparam.ops import genetic

ANY_LOSS = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([np.nan, np.inf]))


def brute_choice(losses):
    best, lowest = 0, np.mean(losses[0]) if np.isfinite(losses[0]).all() else np.inf
    for index, row in enumerate(losses):
        if np.isfinite(row).all() and np.mean(row) < lowest:
            best, lowest = index, np.mean(row)
    return best


@hypothesis.given(hnp.arrays("float64", (5, 2), elements=ANY_LOSS))
@hypothesis.settings(max_examples=40)
def test_only_a_candidate_below_the_incumbent_is_adopted(losses):
    population = np.arange(15.0).reshape(5, 3)
    theta, index = genetic.adopt_best(population, losses)
    assert int(index) == brute_choice(losses)
    np.testing.assert_array_equal(ops.convert_to_numpy(theta), population[brute_choice(losses)])


def test_it_climbs_down_a_rough_landscape_and_never_up(rng):
    def loss(x):
        return np.square(x).sum(axis=-1, keepdims=True) + 0.3 * np.sin(40 * x).sum(axis=-1, keepdims=True)

    theta, course = np.array([1.5, -2.0]), []
    for _ in range(60):
        population = ops.convert_to_numpy(genetic.mutants(theta, rng.normal(0, 0.2, (6, 2))))
        np.testing.assert_array_equal(population[0], theta)
        theta = ops.convert_to_numpy(genetic.adopt_best(population, loss(population))[0])
        course.append(loss(theta)[0])
    assert (np.diff(course) <= 0).all() and course[-1] < -0.3  # the minimum is about -.6
