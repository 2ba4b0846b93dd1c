"""Functions, against loops in NumPy."""

import math

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.tasks import functions


def quadratic(y, eigenvalues):
    return sum(0.5 * value * number**2 for value, number in zip(eigenvalues, y, strict=True))


def rastrigin(y):
    return sum(number**2 - 10 * math.cos(2 * math.pi * number) + 10 for number in y) / len(y)


def ackley(y):
    rms = math.sqrt(sum(number**2 for number in y) / len(y))
    waves = sum(math.cos(2 * math.pi * number) for number in y) / len(y)
    return -20 * math.exp(-0.2 * rms) - math.exp(waves) + 20 + math.e


@pytest.mark.parametrize("kind", ["Quadratics", "Rastrigin", "Ackley"])
def test_values_are_those_of_the_textbook(kind, rng):
    family = getattr(functions, kind)(dimension=4)
    instances = family.sample(rng, 3)
    x = rng.normal(0, 2, (2, 3, 4)).astype("float32")
    found = ops.convert_to_numpy(family.loss([x], instances, 0))
    for m, b in np.ndindex(2, 3):
        y = instances["rotation"][b].T.astype("float64") @ (x[m, b] - instances["shift"][b])
        expected = {
            "Quadratics": lambda y, b: quadratic(y, instances["eigenvalues"][b]),
            "Rastrigin": lambda y, b: rastrigin(y), "Ackley": lambda y, b: ackley(y),
        }[kind](y, b)  # fmt: skip
        assert found[m, b] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    at_minimum = ops.convert_to_numpy(family.loss([instances["shift"][None]], instances, 0))
    np.testing.assert_allclose(at_minimum, 0, atol=1e-4)
    start = ops.convert_to_numpy(family.loss([instances["parameters"][0][None]], instances, 7))
    np.testing.assert_allclose(family.normalize(start, instances), 0, atol=1e-5)
    np.testing.assert_allclose(instances["rotation"] @ instances["rotation"].swapaxes(1, 2), [np.eye(4)] * 3, atol=1e-6)


def test_conditions_and_starts_are_within_what_was_asked_for(rng):
    instances = functions.Quadratics(30, condition=100.0, scale=5.0, spread=3.0, shift=0.0).sample(rng, 50)
    ratios = instances["eigenvalues"].max(axis=1) / instances["eigenvalues"].min(axis=1)
    assert 20 < ratios.min() and ratios.max() <= 100.1 and not instances["shift"].any()
    assert 1 / 500 <= instances["eigenvalues"].min() and 2.5 < instances["eigenvalues"].max() <= 5.01
    assert instances["parameters"][0].std() == pytest.approx(3, rel=0.1)
    straight = functions.Rastrigin(3, rotate=False).sample(rng, 2)
    np.testing.assert_array_equal(straight["rotation"], [np.eye(3)] * 2)


@pytest.mark.parametrize(
    "arguments, message",
    [({"dimension": 0}, "`dimension`"), ({"spread": 0.0}, "`spread`"), ({"shift": -1.0}, "`shift`"),
     ({"condition": 0.5}, "`condition`"), ({"scale": math.nan}, "Received: nan")],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        functions.Quadratics(**arguments)
    with pytest.raises(errors.InvalidArgumentError, match="`amplitude`.*-1"):
        functions.Rastrigin(amplitude=-1)
