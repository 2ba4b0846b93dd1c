"""Settings: what they refuse, what they mean, to a dict and back."""

import math

import pytest

from keras_hparam import errors
from keras_hparam.autohas import AutoHAS, SearchSettings
from tests.autohas import problems


@pytest.mark.parametrize(
    "name, value",
    [
        ("method", "random"), ("relaxation", "hard"), ("controller", "best"), ("reward", "auc"),
        ("horizon", 0), ("horizon", 1.0), ("horizon", 2), ("horizon", True), ("iterations", 0), ("iterations", 1.5),
        ("rounds", 0), ("samples", 0), ("samples", 1), ("samples", 2.0), ("validation_batches", 0), ("chunk", 0),
        ("checkpoint_every", 0), ("seed", -1), ("temperature", 0.0), ("final_temperature", -1.0),
        ("encoding_learning_rate", 0.0), ("sampling_rate", math.inf), ("min_change", -0.1), ("min_gradient", math.nan),
        ("entropy", math.nan), ("final_entropy", "a"), ("warm_up", 1.0), ("warm_up", -0.1), ("ema", 1.0),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(errors.InvalidArgumentError) as caught:
        SearchSettings(**{name: value})
    assert f"Expected `{name}` to be" in str(caught.value) and f"Received: {value!r}" in str(caught.value)


def test_unknown_settings_are_refused():
    with pytest.raises(errors.InvalidArgumentError, match="Expected .*'horizon'.*Received: {'horizont': 1}"):
        AutoHAS(problems.simple, horizont=1)


def test_one_sample_is_enough_where_none_are_compared():
    assert SearchSettings(method="differentiable", horizon=1, samples=1).samples == 1
    for settings in ({"method": "differentiable"}, {"horizon": 1}):
        with pytest.raises(errors.InvalidArgumentError, match="Expected `samples` .*compared"):
            SearchSettings(samples=1, **settings)


@pytest.mark.parametrize(
    "method, horizon, is_one_step, is_sampled, has_shared_weights",
    [
        ("reinforce", 0.1, False, True, False),
        ("reinforce", 1, True, True, True),
        ("differentiable", 0.1, False, True, True),
        ("differentiable", 1, True, False, True),
    ],
)
def test_what_a_method_does(method, horizon, is_one_step, is_sampled, has_shared_weights):
    one = SearchSettings(method=method, horizon=horizon)
    assert (one.is_one_step, one.is_sampled, one.has_shared_weights) == (is_one_step, is_sampled, has_shared_weights)


def test_temperatures_fall_geometrically_and_the_entropy_linearly():
    one = SearchSettings(temperature=4.0, final_temperature=0.25, entropy=0.1, final_entropy=-0.1)
    assert [one.temperature_at(share) for share in (0.0, 0.5, 1.0)] == pytest.approx([4.0, 1.0, 0.25])
    assert [one.entropy_at(share) for share in (0.0, 0.5, 1.0)] == pytest.approx([0.1, 0.0, -0.1], abs=1e-12)


def test_a_dict_keeps_everything():
    one = SearchSettings(method="differentiable", horizon=1, rounds=7, temperature=2.0)
    assert SearchSettings.from_dict(one.to_dict()) == one
