"""Studies as a whole: determinism, legality, variety, and that nothing but NumPy is loaded."""

import subprocess
import sys

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer.corpus import generate_study, generator
from keras_hparam.optformer.study import Status


@pytest.fixture(scope="module")
def studies():
    return [generate_study(seed=11, index=index, max_trials=40) for index in range(300)]


def test_a_study_depends_on_seed_and_index_alone():
    first = generate_study(0, 5)
    generate_study(0, 6)
    again = generate_study(0, 5)
    assert (first.space, first.metadata, first.goal) == (again.space, again.metadata, again.goal)
    np.testing.assert_array_equal(first.tokens, again.tokens)
    np.testing.assert_array_equal(first.objectives, again.objectives)
    for seed, index in ((1, 5), (0, 4)):
        other = generate_study(seed, index)
        assert other.space != first.space


def test_every_row_round_trips_and_marks_inactive_parameters(studies):
    for study in studies:
        active = study.space.activity(np.maximum(study.tokens, 0))
        for tokens in study.tokens[:6]:
            values = study.space.from_tokens(tokens)
            np.testing.assert_array_equal(study.space.to_tokens(values), tokens)
        np.testing.assert_array_equal(study.tokens >= 0, active)


def test_failed_trials_and_only_these_have_no_objective(studies):
    for study in studies:
        failed = study.statuses == Status.FAILED
        np.testing.assert_array_equal(np.isnan(study.objectives), failed)
        assert np.isfinite(study.objectives[~failed]).all()
        assert set(study.statuses) <= {Status.COMPLETED, Status.FAILED}
    assert 0.03 < np.mean([(study.statuses == Status.FAILED).any() for study in studies]) < 0.4


def test_limits_are_kept_and_used(studies):
    lengths = [len(study) for study in studies]
    sizes = [len(study.space) for study in studies]
    assert 1 <= min(lengths) and max(lengths) == 40 and np.mean(np.array(lengths) >= 10) > 0.75
    assert min(sizes) == 1 and max(sizes) == 12 and 3.5 < np.mean(sizes) < 5.5
    tiny = [generate_study(2, index, max_trials=1, max_parameters=1) for index in range(40)]
    assert {len(study) for study in tiny} == {1} and {len(study.space) for study in tiny} == {1}


def test_repeated_trials_are_rare(studies):
    repeating = [len(np.unique(study.tokens, axis=0)) < len(study) for study in studies]
    assert np.mean(repeating) < 0.08


def test_kinds_scales_conditions_directions_and_metadata_vary(studies):
    parameters = [parameter for study in studies for parameter in study.space.parameters]
    assert {p.kind for p in parameters} == {"float", "int", "choice", "boolean", "fixed"}
    assert {p.scale for p in parameters if p.kind == "float"} == {"linear", "log", "reverse_log"}
    assert {p.scale for p in parameters if p.kind == "int"} == {"linear", "log"}
    assert {p.ordered for p in parameters if p.kind == "choice"} == {True, False}
    assert any(p.step is not None for p in parameters if p.kind == "float")
    conditional = np.mean([any(p.conditions for p in study.space.parameters) for study in studies])
    assert 0.12 < conditional < 0.3
    assert 0.25 < np.mean([study.goal == "max" for study in studies]) < 0.75
    for field in ("task", "model", "dataset", "metric"):
        values = [getattr(study.metadata, field) for study in studies]
        assert "" in values and len(set(values)) > 8


def test_scales_span_many_orders_of_magnitude(studies):
    spreads = np.array([np.nanstd(study.objectives) for study in studies if np.isfinite(study.objectives).sum() > 2])
    low, high = np.quantile(np.log10(spreads[spreads > 0]), (0.05, 0.95))
    assert low < -2 and high > 2
    assert np.mean(spreads == 0) < 0.1  # a study without any difference teaches little


def test_shares_are_shares():
    from keras_hparam.optformer.corpus import objectives, outcomes, policies

    for shares in (objectives.FAMILIES, policies.SHARES, outcomes.NOISE_SHARES):
        assert sum(shares.values()) == pytest.approx(1.0)
    assert set(policies.SHARES) == set(policies.POLICIES)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"index": 0.5}, {"max_trials": 0}, {"max_parameters": 0}])
def test_arguments_out_of_range_are_named(wrong):
    arguments = {"seed": 0, "index": 0, **wrong}
    with pytest.raises(errors.InvalidArgumentError, match=f"`{next(iter(wrong))}`.*Received"):
        generate_study(**arguments)


def test_numbers_of_trials_are_within_the_limit():
    rng = np.random.default_rng(0)
    for limit in (1, 5, 200):
        counts = [generator.random_num_trials(rng, limit) for _ in range(300)]
        assert min(counts) >= 1 and max(counts) == limit


def test_numpy_is_enough():
    check = (
        "import sys; from keras_hparam.optformer.corpus import generate_study; generate_study(0, 0); "
        "print([m for m in ('tensorflow', 'keras', 'keras_tuner', 'scipy', 'jax') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
