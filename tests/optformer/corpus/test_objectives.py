"""Families of objectives against closed forms, brute force and what they are meant to show."""

import numpy as np
import pytest

from keras_hparam.optformer.corpus import objectives
from keras_hparam.optformer.corpus.features import CENTRE, Features, relevance
from keras_hparam.optformer.corpus.objectives import black_box, gaussian_processes, responses, role_shapes, trees
from keras_hparam.spaces import Condition, Parameter, SearchSpace

SPACE = SearchSpace(
    (
        Parameter("learning_rate", "float", low=1e-5, high=1.0, scale="log"),
        Parameter("optimizer", "choice", values=("adam", "sgd", "rmsprop")),
        Parameter("momentum", "float", low=0.0, high=0.99, conditions=(Condition("optimizer", ("sgd",)),)),
        Parameter("batch_size", "choice", values=(16, 64, 256), ordered=True),
        Parameter("one", "fixed", values=(1,)),
    )
)


@pytest.mark.parametrize("family", sorted(objectives.FAMILIES))
def test_inactive_parameters_do_not_matter(family):
    rng = np.random.default_rng(0)
    for _ in range(5):
        objective = objectives.random_objective(rng, SPACE, family)
        full = SPACE.random_tokens(rng, 50)
        full[:, 2] = rng.integers(1000, size=50)
        active = SPACE.activity(full)[:, 2]
        masked = SPACE.mask_inactive(full)
        other = np.where(active, full[:, 2], rng.integers(1000, size=50))
        changed = SPACE.mask_inactive(np.column_stack([full[:, :2], other, full[:, 3:]]).astype(np.int32))
        np.testing.assert_array_equal(objective(masked), objective(changed))
        assert (masked[~active, 2] == -1).all() and (~active).sum() > 5
        one_by_one = [objective(row[None])[0] for row in masked]
        np.testing.assert_allclose(one_by_one, objective(masked), rtol=1e-4, atol=1e-5)  # rows are independent
        assert len(np.unique(objective(masked))) > 1


def test_features_place_values():
    features = Features(np.random.default_rng(0), SPACE, num_bins=1000, embedding_size=2)
    tokens = SPACE.to_tokens({"learning_rate": 1e-5, "optimizer": "adam", "batch_size": 64})[None]
    x = features(tokens)[0]
    assert features.size == len(x) == 5  # three numeric ones, two for the optimizer, none for the fixed one
    np.testing.assert_allclose(x[:3], [0.0005, CENTRE, 0.5], atol=1e-3)
    assert features(np.full_like(tokens, -1)) == pytest.approx(CENTRE)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_relevance_leaves_at_least_one(count):
    weights = np.array([relevance(np.random.default_rng(seed), count) for seed in range(50)])
    assert (weights.max(axis=1) == 1.0).all() and (weights >= 0.0).all()


@pytest.mark.parametrize("kernel", sorted(gaussian_processes.KERNELS))
def test_fourier_features_have_the_kernel_they_are_named_for(kernel):
    rng = np.random.default_rng(1)
    r = np.array([0.2, 0.7, 1.5])
    direction = np.array([0.6, 0.8])
    frequencies = gaussian_processes.spectral_frequencies(rng, kernel, 200_000, 2)
    expected = {
        "squared_exponential": np.exp(-(r**2) / 2),
        "exponential": np.exp(-r),
        "matern32": (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r),
        "matern52": (1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-np.sqrt(5) * r),
        "rational_quadratic": 1 / (1 + r**2 / 2),
    }[kernel]
    np.testing.assert_allclose(np.cos(np.outer(r, frequencies @ direction)).mean(axis=1), expected, atol=0.01)


def test_gaussian_process_samples_have_unit_variance_and_no_mean():
    x = np.full((1, 3), 0.3)
    values = []
    for seed in range(600):
        sample = gaussian_processes.GaussianProcess(np.random.default_rng(seed), 3)
        values.append(float(sample(x)[0] - (x @ sample._trend)[0]))
    assert np.mean(values) == pytest.approx(0.0, abs=0.15)
    assert np.var(values) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("name", [name for name, f in black_box.FUNCTIONS.items() if f and name != "linear_slope"])
@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_black_box_functions_are_least_at_their_optimum(name, dimension):
    function = black_box.FUNCTIONS[name]
    zero = function(np.zeros((1, dimension)))
    assert zero == pytest.approx(0.0, abs=1e-3)
    z = np.random.default_rng(0).uniform(-4, 4, (500, dimension))
    assert (function(z) >= zero - 1e-3).all() and np.median(function(z)) > 0.01


def test_black_box_functions_against_values_worked_by_hand():
    z = np.array([[1.0, 2.0]])
    assert black_box.sphere(z) == pytest.approx(5.0)
    assert black_box.ellipsoid(z) == pytest.approx(1.0 + 4e6)
    assert black_box.rastrigin(z) == pytest.approx(5.0)
    assert black_box.rosenbrock(z) == pytest.approx(100.0 * (4.0 - 3.0) ** 2 + 1.0)  # w = (2, 3)
    assert black_box.griewank(z) == pytest.approx(1 + 50 / 4000 - np.cos(3.0) * np.cos(6.0 / np.sqrt(2.0)))
    assert black_box.step_ellipsoid(np.array([[0.7, 0.12]]), 100.0) == pytest.approx(1.0 + 100.0 * 0.01)
    assert black_box.attractive_sector(np.array([[-2.0]])) == pytest.approx(4.0**0.9)
    assert black_box.attractive_sector(np.array([[2.0]])) == pytest.approx(40_000.0**0.9)


def test_gallagher_peaks_equal_their_definition():
    peaks = black_box.Gallagher(np.random.default_rng(0), 3)
    z = np.random.default_rng(1).uniform(-5, 5, (20, 3))
    centres = peaks._centres / peaks._shapes
    distances = np.sum(peaks._shapes * (z[:, None] - centres) ** 2, axis=2)
    expected = (10 - (peaks._heights * np.exp(-distances / peaks._widths)).max(axis=1)) ** 2
    np.testing.assert_allclose(peaks(z), expected)
    assert peaks(centres[:1]) == pytest.approx(0.0)


@pytest.mark.parametrize("name", sorted(black_box.FUNCTIONS))
def test_every_black_box_function_varies_on_the_cube(name):
    for seed in range(4):
        function = black_box.BlackBox(np.random.default_rng(seed), 4, name)
        values = function(np.random.default_rng(9).random((200, 4)))
        assert np.isfinite(values).all() and np.std(values) > 0.0


def test_leaves_agree_with_a_walk_and_with_their_boxes():
    rng = np.random.default_rng(0)
    features, thresholds, low, high = trees.grow(rng, 3, 4, np.array([1.0, 0.5, 0.0]))
    x = rng.random((40, 3))
    found = trees.leaves(x, features, thresholds)
    for point, row in zip(x, found, strict=True):
        for tree, leaf in enumerate(row):
            node = 0
            for level in range(4):
                node = 2 * node + int(point[features[level][tree, node]] > thresholds[level][tree, node])
            assert node == leaf
            assert (low[tree, leaf] <= point).all() and (point <= high[tree, leaf]).all()
    assert all((feature < 2).all() for feature in features)  # the third feature has no weight


def test_forests_have_plateaus():
    x = np.random.default_rng(0).random((400, 2))
    distinct = [len(np.unique(objectives.Forest(np.random.default_rng(seed), 2)(x))) for seed in range(10)]
    assert min(distinct) >= 2 and min(distinct) < 64 and max(distinct) < 400


def test_natural_values_are_those_of_the_tokens():
    for parameter in (
        Parameter("a", "float", low=1e-4, high=1.0, scale="log"),
        Parameter("b", "float", low=1e-4, high=1.0, scale="reverse_log"),
        Parameter("c", "float", low=-2.0, high=3.0),
        Parameter("d", "int", low=16, high=256, step=2, scale="log"),
        Parameter("e", "float", low=0.0, high=0.5, step=0.1),
        Parameter("f", "int", low=3, high=40),
        Parameter("g", "choice", values=(1, 4, 9), ordered=True),
    ):
        values = role_shapes.natural_values(parameter, 1000)
        for token in parameter.legal_tokens(1000)[::7]:
            assert values[token] == pytest.approx(parameter.from_token(token, 1000), rel=1e-9)


def test_valley_is_zero_at_the_optimum_and_keeps_its_sides():
    np.testing.assert_allclose(responses.valley(np.array([-2.0, 0.0, 2.0]), 1.0, 0.25), [4 / 3, 0.0, 1 / 3])


def test_the_learning_rate_has_a_valley_where_people_find_it_and_a_cliff_above():
    space = SearchSpace((Parameter("lr", "float", low=1e-6, high=10.0, scale="log"), Parameter("x", "boolean")))
    tokens = np.column_stack([np.arange(1000), np.zeros(1000, int)]).astype(np.int32)
    optima, diverged = [], 0
    for seed in range(80):
        values = responses.Response(np.random.default_rng(seed), space)(tokens)
        if np.nanstd(values) == 0.0:  # irrelevant in this one
            continue
        best = int(np.nanargmax(values))
        optima.append(np.log10(space.parameters[0].from_token(best, 1000)))
        above = values[-1]
        diverged += bool(np.isnan(above) or above < values[best] - 2.0)
        assert not np.isnan(values[: best + 1]).any() and (np.diff(values[: best + 1]) >= 0).all()
    assert len(optima) > 60 and -3.2 < np.mean(optima) < -2.4 and 0.3 < np.std(optima) < 1.0
    assert diverged > 0.8 * len(optima)


def test_sgd_wants_a_larger_learning_rate_than_adam():
    shifts = []
    for seed in range(60):
        response = responses.Response(np.random.default_rng(seed), SPACE)
        best = []
        for optimizer in ("adam", "sgd"):
            row = SPACE.to_tokens({"optimizer": optimizer, "momentum": 0.0, "batch_size": 64})
            tokens = np.tile(row, (1000, 1))
            tokens[:, 0] = np.arange(1000)
            best.append(int(np.nanargmax(response(tokens))))
        shifts.append(best[1] - best[0])
    assert np.median(shifts) > 100  # of 200 tokens a decade
