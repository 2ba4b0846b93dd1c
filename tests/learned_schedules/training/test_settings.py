"""How a controller is trained, and what its updates and validations draw."""

import dataclasses
import itertools
import json
import math
import re

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.learned_schedules.training import ControllerTrainingSettings, settings
from keras_hparam.learned_schedules.training.trainees import KINDS, kinds_of
from keras_hparam.tasks import data, networks
from keras_hparam.tasks.family import Mixture, TaskFamily

GIVEN = ControllerTrainingSettings(
    decisions=3, copies=2, trainees=10, minibatches=5, steps=(4, 25), rates=(0.05, 5.0), total_steps_known=0.7, seed=2,
    optimizers=("sgd", "rmsprop", "adam"), validation_trainees=7, validation_rates=(0.1, 1.0, 3.0),
)  # fmt: skip
WRONG = {
    **dict.fromkeys(
        ["updates", "decisions", "trainees", "epochs", "validate_every", "validation_trainees", "checkpoint_every"],
        [0, -3, 1.0, True, "5", None],
    ),
    "copies": [1, 2.0, None], "minibatches": [0, 2.0, 3], "seed": [-1, 0.0, None],
    "steps": [(5, 4), (0, 4), (5,), (1, 2, 3), (1.0, 2.0), (True, 5), 5, "12"],
    "rates": [(2.0, 1.0), (0.0, 1.0), (0.1, math.inf), (math.nan, 1.0), (0.1,), ("a", "b"), 0.5],
    "optimizers": [(), ("sgd", "sgd"), ("adamw",), "sgd", None], "method": ["PPO", "", None], "reward": ["loss", 1],
    **dict.fromkeys(["total_steps_known", "discount", "trace"], [-0.1, 1.1, math.nan, "1", None, True]),
    "clip": [0, 1, 1.5, math.nan, None], **dict.fromkeys(["cap", "entropy"], [-0.1, math.inf, math.nan, None, True]),
    **dict.fromkeys(["deviation", "learning_rate", "final_learning_rate"], [0, -1.0, math.inf, math.nan, "1", True]),
    "validation_rates": [(), (0.0,), (1.0, -1.0), (math.inf,), ("a",), 1.0],
}  # fmt: skip


class Points(TaskFamily):
    """What is drawn without any data."""

    def __init__(self, name):
        self.name = name

    def sample(self, rng, batch_size):
        return {"parameters": [rng.normal(size=(batch_size, 2)).astype("float32")]}


MIXTURE = Mixture([Points("first"), Points("second")], weights=[3, 1])


def same(found, expected):
    """Whether two situations hold the same arrays."""
    flat = [
        [*one.instances["parameters"], *one.kinds.values(), one.first_rate, one.is_known, one.steps]
        for one in (found, expected)
    ]
    return all(np.array_equal(*pair) for pair in zip(*flat, strict=True))


@pytest.mark.parametrize("given", [GIVEN, ControllerTrainingSettings()])
def test_settings_are_themselves_again_after_json(given):
    assert ControllerTrainingSettings.from_dict(json.loads(json.dumps(given.to_dict()))) == given


def test_the_limits_themselves_are_allowed():
    least = {"copies": 2, "trainees": 1, "minibatches": 2, "steps": (1, 1), "rates": (0.5, 0.5), "seed": 0}
    ends = {"total_steps_known": 0, "discount": 1, "trace": 0.0, "cap": 0, "entropy": 0.0, "optimizers": ("adam",)}
    made = ControllerTrainingSettings(**least, **ends)
    assert {name: getattr(made, name) for name in (*least, *ends)} == least | ends


@pytest.mark.parametrize("name, value", [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_field_is_named(name, value):
    with pytest.raises(errors.InvalidArgumentError, match=f"`{name}` to be .*Received: {re.escape(repr(value))}"):
        ControllerTrainingSettings(**{name: value})


def test_every_field_can_be_wrong_and_others_are_unknown():
    names = [field.name for field in dataclasses.fields(ControllerTrainingSettings)]
    assert sorted(names) == sorted(WRONG)
    with pytest.raises(errors.InvalidArgumentError, match="'discount'.*Received: {'gamma': 1}"):
        ControllerTrainingSettings.from_dict({"gamma": 1})


def test_the_course_is_all_but_what_a_resumed_training_may_change():
    course = GIVEN.course()
    assert course == {k: v for k, v in GIVEN.to_dict().items() if k not in ("updates", "checkpoint_every")}
    assert len(course) == len(WRONG) - 2 and json.loads(json.dumps(course)) == course
    assert course == dataclasses.replace(GIVEN, updates=7, checkpoint_every=3).course()
    assert course != dataclasses.replace(GIVEN, seed=3).course()


def test_a_rollout_is_a_function_of_seed_and_update():
    family, situation, noise = settings.draw_rollout(GIVEN, MIXTURE, 9)
    again = settings.draw_rollout(dataclasses.replace(GIVEN, updates=7, checkpoint_every=3), MIXTURE, 9)
    assert again[0] is family and same(again[1], situation) and np.array_equal(again[2], noise)
    others = [settings.draw_rollout(GIVEN, MIXTURE, update) for update in (0, 8, 10)]
    others.append(settings.draw_rollout(dataclasses.replace(GIVEN, seed=9), MIXTURE, 2))
    others.append(settings.draw_rollout(dataclasses.replace(GIVEN, seed=3), MIXTURE, 9))
    for _, other, other_noise in others:
        assert not np.array_equal(other.instances["parameters"][0], situation.instances["parameters"][0])
        assert not np.array_equal(other.first_rate, situation.first_rate)
        assert not np.array_equal(other_noise, noise)


def test_a_rollout_has_the_shapes_that_its_settings_say():
    sizes = {"batch_size": 8, "examples": 20, "validation_examples": 6}
    family = networks.DenseNetworks([data.table("wine")], (5,), 4, 3, **sizes)
    drawn, situation, noise = settings.draw_rollout(GIVEN, Mixture([family]), 0)
    assert drawn is family and noise.shape == (3, 2, 10) and noise.dtype == np.float32
    assert situation.instances["x"].shape == (10, 20, 4) and situation.instances["x_validation"].shape == (10, 6, 4)
    assert [p.shape for p in situation.instances["parameters"]] == [(10, 4, 5), (10, 5), (10, 5, 3), (10, 3)]
    for array in (*situation.kinds.values(), situation.first_rate, situation.is_known):
        assert array.shape == (10,) and array.dtype == np.float32
    assert np.shape(situation.steps) == () and np.asarray(situation.steps).dtype == np.int32


def test_rollouts_are_spread_over_what_is_allowed():
    drawn = [settings.draw_rollout(GIVEN, MIXTURE, update) for update in range(400)]
    situations = [situation for _, situation, _ in drawn]
    rates = np.concatenate([one.first_rate / one.kinds["usual_rate"] for one in situations])
    assert 0.05 * (1 - 1e-6) <= rates.min() < 0.051 and 4.9 < rates.max() <= 5 * (1 + 1e-6)
    shares, _ = np.histogram(np.log(rates), bins=4, range=(np.log(0.049), np.log(5.1)))
    np.testing.assert_allclose(shares / 4000, 0.25, atol=0.04)  # log-uniform
    is_known = np.concatenate([one.is_known for one in situations])
    assert set(is_known.tolist()) == {0.0, 1.0} and abs(is_known.mean() - 0.7) < 0.04
    kinds = np.concatenate([np.stack(list(one.kinds.values()), axis=1) for one in situations])
    found, counts = np.unique(kinds, axis=0, return_counts=True)
    expected = np.stack(list(kinds_of(GIVEN.optimizers).values()), axis=1)
    np.testing.assert_array_equal(found, np.unique(expected, axis=0))
    np.testing.assert_allclose(counts / 4000, 1 / 3, atol=0.04)
    steps = np.array([one.steps for one in situations])
    assert steps.min() == 4 and steps.max() == 25 and abs(np.mean(steps <= 10) - 0.52) < 0.1  # log-uniform
    assert abs(np.mean([family is MIXTURE.families[0] for family, _, _ in drawn]) - 0.75) < 0.08
    noise = np.stack([noise for *_, noise in drawn])
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03


@pytest.mark.parametrize("share", [0, 1])
def test_all_or_none_are_told_the_number_of_steps(share):
    given = dataclasses.replace(GIVEN, total_steps_known=share, rates=(2, 2), steps=(6, 6))
    for update in range(20):
        _, situation, _ = settings.draw_rollout(given, MIXTURE, update)
        np.testing.assert_array_equal(situation.is_known, np.full(10, share))
        np.testing.assert_allclose(situation.first_rate, 2 * situation.kinds["usual_rate"], rtol=1e-6)
        assert situation.steps == 6


def test_validations_have_each_family_with_each_rate():
    found = settings.held_out(GIVEN, MIXTURE)
    assert list(found) == list(itertools.product(["first", "second"], GIVEN.validation_rates))
    usual = [KINDS[name].usual_rate for name in ["sgd", "rmsprop", "adam", "sgd", "rmsprop", "adam", "sgd"]]
    for (name, rate), (family, situation) in found.items():
        assert family.name == name and situation.steps == 10 and np.asarray(situation.steps).dtype == np.int32
        np.testing.assert_allclose(situation.first_rate, np.multiply(usual, rate), rtol=1e-6)
        np.testing.assert_array_equal(situation.is_known, np.ones(7))
        assert situation.first_rate.dtype == situation.is_known.dtype == np.float32
    starts = {key: situation.instances["parameters"][0] for key, (_, situation) in found.items()}
    assert all(start.shape == (7, 2) for start in starts.values())
    for rate in (0.1, 3.0):
        np.testing.assert_array_equal(starts["first", rate], starts["first", 1.0])
    assert not np.array_equal(starts["first", 1.0], starts["second", 1.0])


def test_validations_depend_on_the_seed_alone():
    found = settings.held_out(GIVEN, MIXTURE)
    changes = {"updates": 7, "trainees": 5, "copies": 5, "decisions": 9, "rates": (1, 2), "total_steps_known": 0.0}
    again = settings.held_out(dataclasses.replace(GIVEN, **changes), MIXTURE)
    assert list(again) == list(found) and all(same(again[key][1], found[key][1]) for key in found)
    other = settings.held_out(dataclasses.replace(GIVEN, seed=3), MIXTURE)
    starts = {one["first", 1.0][1].instances["parameters"][0].tobytes() for one in (found, other)}
    given = dataclasses.replace(GIVEN, trainees=7, minibatches=1)
    drawn = [settings.draw_rollout(given, MIXTURE, update)[1] for update in range(50)]
    starts |= {situation.instances["parameters"][0].tobytes() for situation in drawn}
    assert len(starts) == 52
