"""Training of controllers on the user's own models and data."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_hparam import errors
from keras_hparam.learned_schedules import LearnedSchedule, train_controller
from keras_hparam.learned_schedules.config import FEATURES
from keras_hparam.learned_schedules.training import ControllerTrained, ControllerTrainingSettings, user
from tests.learned_schedules.training import small


def build_model():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(2, "softmax")])


def wider():
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), layers.Dense(2, "softmax")])


def examples(number=60, scale=50.0):
    x = np.random.default_rng(0).normal(size=(number, 4)) * scale
    return x, (x[:, 0] > 0).astype("int64")


@pytest.fixture
def calls(monkeypatch):
    """What `train` is given, instead of a training."""
    found = []

    def train(controller, tasks, settings, **arguments):
        found.append((controller, tasks, settings, arguments))
        return ControllerTrained(controller, 0.0, [])

    monkeypatch.setattr(user, "train", train)
    return found


def test_a_controller_is_trained_on_a_users_model(tmp_path):
    seen = []
    trained = train_controller(
        lambda: keras.Sequential([keras.Input((4,)), layers.Dense(2, "softmax")]), examples(), batch_size=8,
        controller=small.controller(features=("rate", "layer")), workdir=tmp_path,
        settings=small.settings(updates=2, method="reinforce"), progress=lambda *line: seen.append(line),
    )  # fmt: skip
    assert np.isfinite(trained.score) and [one["update"] for one in trained.history] == [0, 2]
    assert [update for update, _, _ in seen] == [1, 2] and (tmp_path / "checkpoints").is_dir()
    assert float(LearnedSchedule(0.01, controller=trained.controller)(0)) == pytest.approx(0.01)


def test_a_controller_is_made_if_none_is_given(calls):
    first, again = (train_controller(build_model, examples()).controller for _ in range(2))
    assert first.config.base == "cosine" and first.config.features == FEATURES[:-1] and FEATURES[-1] == "inputs"
    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [settings for _, _, settings, _ in calls] == [ControllerTrainingSettings()] * 2


def test_data_are_taken_as_they_are(calls):
    x, y = examples()
    controller, settings = small.controller(), small.settings()
    found = train_controller(build_model, (x, y[:, None]), controller=controller, settings=settings, label_noise=0.1)
    assert found.controller is controller
    (given, (family,), chosen, arguments), = calls
    assert given is controller and chosen is settings and arguments["resume"] and arguments["workdir"] is None
    (source,) = family.sources
    np.testing.assert_array_equal(source.x, x.astype("float32"))
    np.testing.assert_array_equal(source.y, y)
    assert (family.examples, family.validation_examples, family.batch_size) == (45, 15, 32)
    assert family.label_noise == 0.1


def test_examples_of_a_trainee_are_as_many_as_there_are_up_to_a_bound(calls):
    train_controller(build_model, [examples(2000), examples(10)])
    train_controller(build_model, examples(10))
    (_, (large,), _, _), (_, (tiny,), _, _) = calls
    assert (large.examples, large.validation_examples, large.batch_size) == (512, 128, 32)
    assert (tiny.examples, tiny.validation_examples, tiny.batch_size) == (8, 2, 8)
    instances = large.sample(np.random.default_rng(0), 4)
    assert instances["x"].shape == (4, 512, 4) and instances["x_validation"].shape == (4, 128, 4)


def test_several_architectures_share_the_data(calls):
    train_controller([build_model, wider, wider], [examples(), examples(80)])
    (_, families, _, _), = calls
    assert [len(family.sources) for family in families] == [2, 2, 2] and len({family.name for family in families}) == 3
    assert [family.shapes[0] for family in families] == [(4, 3), (4, 5), (4, 5)]
    with pytest.raises(errors.InvalidArgumentError, match="`sources`.*input shape \\(4,\\). Received: \\(2,\\)"):
        train_controller([build_model, wider], [examples(), (examples()[0][:, :2], examples()[1])])


def test_a_regression_keeps_its_numbers(calls):
    x, _ = examples()
    train_controller(
        lambda: keras.Sequential([keras.Input((4,)), layers.Dense(1)]), (x, 100.0 * x[:, 1]), loss="squared_error"
    )
    (_, (family,), _, _), = calls
    np.testing.assert_allclose(family.sources[0].y, 100.0 * x[:, 1:2], rtol=1e-6)


def test_what_cannot_be_trained_on_is_refused(calls):
    x, y = examples()
    for data, message in [
        (x, "`data` to be \\(x, y\\)"), ([], "`data`"), ([(x, y, y)], "`data`"), ((x, y[:-1]), "Received: float64"),
        ((x[:, 0], y), "\\(60,\\) and"), ((x[:1], y[:1]), "n >= 2"), ((x.astype(str), y), "of numbers"),
        ((np.full_like(x, np.nan), y), "finite"), ((x * 1e300, y), "finite"), ((x, -y), "classes from 0"),
        ((x, y + 1), "classes from 0.*outputs, 2"), ((x, y / 2), "`sources`.*crossentropy"),
        (([[1], [1, 2]], [0, 1]), "`data`"),
        ((x, np.stack([y, y], axis=1)), "y of int \\[n\\]"), ((x[:, :3], y), "`sources`.*\\(3,\\)"),
    ]:  # fmt: skip
        with pytest.raises(errors.InvalidArgumentError, match=message):
            train_controller(build_model, data)
    for arguments, message in [
        ({"build_model": []}, "`build_model`"), ({"build_model": "dense"}, "`build_model`"),
        ({"settings": {"updates": 3}}, "`settings`"), ({"batch_size": 0}, "`batch_size`"), ({"loss": "mse"}, "`loss`"),
        ({"label_noise": 1.0}, "`label_noise`"),
    ]:  # fmt: skip
        with pytest.raises(errors.InvalidArgumentError, match=message):
            train_controller(**{"build_model": build_model, "data": (x, y), **arguments})
    assert not calls
