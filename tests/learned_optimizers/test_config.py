"""Configurations: round trips, refusals."""

import json

import pytest

from keras_hparam import errors
from keras_hparam.learned_optimizers.config import OptimizerConfig


def test_a_configuration_survives_json():
    config = OptimizerConfig(widths=(8, 4), features=["time", "momentum"], learned=("gamma",), scale="parameter_rms")
    assert OptimizerConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert hash(config) != hash(OptimizerConfig()) and OptimizerConfig.from_dict({}) == OptimizerConfig()


@pytest.mark.parametrize(
    "name, value",
    [
        ("widths", (0,)), ("widths", 4), ("widths", (True,)), ("activation", "sine"), ("features", ()),
        ("features", ("time", "time")), ("features", ("times",)), ("features", "time"), ("momentum_decays", ()),
        ("momentum_decays", (1.0,)), ("second_moment_decays", (0.9, 0.9)), ("factored_decay", 0.0),
        ("time_scales", (0.0,)), ("epsilon", 0.0), ("epsilon", float("nan")), ("residual", 1), ("scale", "rms"),
        ("decay", "cosine"), ("decay_steps", 0), ("rms_floor", 0), ("alpha", -1.0),
        ("beta", float("inf")), ("gamma", "1"), ("learned", ("delta",)),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(errors.InvalidArgumentError, match=f"Expected `{name}` to be .* Received: "):
        OptimizerConfig(**{name: value})


@pytest.mark.parametrize("values", [{"width": 4}, None])
def test_unknown_fields_are_refused(values):
    with pytest.raises(errors.InvalidArgumentError, match="Expected `config` to be a dict of the fields"):
        OptimizerConfig.from_dict(values)
