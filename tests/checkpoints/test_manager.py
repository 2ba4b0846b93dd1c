"""Checkpoints of a training program: exact resume, damage, kills and pruning."""

import logging
import tempfile

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.checkpoints import CheckpointManager


def save_steps(manager, *steps):
    for step in steps:
        manager.save(step, {"kernel": np.full((2, 3), float(step))}, {"seed": 0, "position": 10 * step})


def damage(manager, step, name="arrays.npz"):
    path = manager.directory / f"step-{step:09d}" / name
    path.write_bytes(path.read_bytes()[:-3])


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    st.dictionaries(
        st.text("abc/", min_size=1), hnp.arrays(hnp.scalar_dtypes().filter(lambda d: d.kind in "biufc"), 3)
    ),
    st.dictionaries(st.text(), st.integers() | st.text() | st.booleans()),
    st.integers(0, 10**12),
)
def test_round_trip_is_exact(arrays, state, step):
    with tempfile.TemporaryDirectory() as directory:
        CheckpointManager(directory).save(step, arrays, state)
        restored = CheckpointManager(directory).restore()
    assert restored.step == step and restored.state == state and restored.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert restored.arrays[name].dtype == array.dtype
        assert restored.arrays[name].tobytes() == array.tobytes()


def test_a_resumed_random_walk_equals_an_uninterrupted_one(tmp_path):
    def walk(generator, position, num_steps):
        for _ in range(num_steps):
            position = position + generator.normal(size=4)
        return position

    expected = walk(np.random.default_rng(0), np.zeros(4), 10)
    generator = np.random.default_rng(0)
    halfway = walk(generator, np.zeros(4), 5)
    CheckpointManager(tmp_path).save(5, {"position": halfway}, {"generator": generator.bit_generator.state})
    _, arrays, state = CheckpointManager(tmp_path).restore()
    resumed = np.random.default_rng(1)
    resumed.bit_generator.state = state["generator"]
    np.testing.assert_array_equal(walk(resumed, arrays["position"], 5), expected)


def test_nothing_saved_is_none(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert CheckpointManager(tmp_path / "absent").restore() is None
    assert CheckpointManager(tmp_path).restore() is None


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_keeps_the_newest(tmp_path, keep):
    (tmp_path / "notes.txt").write_text("mine")
    manager = CheckpointManager(tmp_path, keep=keep)
    save_steps(manager, 1, 5, 20, 100)
    assert manager.steps() == [1, 5, 20, 100][-keep:]
    assert len(list(tmp_path.iterdir())) == keep + 1
    assert manager.restore().state == {"seed": 0, "position": 1000}


@pytest.mark.parametrize("name", ["arrays.npz", "manifest.json"])
def test_falls_back_to_the_previous_with_a_warning(tmp_path, caplog, name):
    manager = CheckpointManager(tmp_path)
    save_steps(manager, 1, 2)
    damage(manager, 2, name)
    with caplog.at_level(logging.WARNING):
        restored = manager.restore()
    assert restored.step == 1 and restored.arrays["kernel"][0, 0] == 1.0
    assert "resuming from step 1" in caplog.text and name in caplog.text


def test_a_sound_restore_warns_of_nothing(tmp_path, caplog):
    manager = CheckpointManager(tmp_path)
    save_steps(manager, 1, 2)
    assert manager.restore().step == 2 and caplog.text == ""


def test_only_damaged_ones_is_an_error_and_no_fresh_start(tmp_path):
    manager = CheckpointManager(tmp_path)
    save_steps(manager, 1, 2)
    damage(manager, 1)
    damage(manager, 2, "manifest.json")
    with pytest.raises(errors.CorruptFileError, match="manifest.json.*arrays.npz"):
        manager.restore()


def test_a_renamed_checkpoint_is_refused(tmp_path):
    manager = CheckpointManager(tmp_path)
    save_steps(manager, 1)
    (tmp_path / "step-000000001").rename(tmp_path / "step-000000009")
    with pytest.raises(errors.CorruptFileError, match="hold step 9"):
        manager.restore()


def test_other_kind_is_refused(tmp_path):
    save_steps(CheckpointManager(tmp_path, kind="controller"), 1)
    with pytest.raises(errors.CorruptFileError, match="kind 'optformer'.*kind 'controller'"):
        CheckpointManager(tmp_path, kind="optformer").restore()


@pytest.mark.parametrize("keep", [1, 2])
def test_a_damaged_future_does_not_push_out_the_present(tmp_path, keep):
    manager = CheckpointManager(tmp_path, keep=keep)
    save_steps(manager, 10, 20)
    damage(manager, 20)
    save_steps(manager, 15)
    assert manager.steps() == [10, 15][-keep:] and manager.restore().step == 15


def test_the_same_step_again_replaces(tmp_path):
    manager = CheckpointManager(tmp_path)
    save_steps(manager, 1)
    manager.save(1, {}, {"again": True})
    assert manager.restore() == (1, {}, {"again": True})


@pytest.mark.parametrize("keep", [0, -1, 1.5, True, None])
def test_refuses_keep(tmp_path, keep):
    with pytest.raises(errors.InvalidArgumentError, match="`keep`.*Received: "):
        CheckpointManager(tmp_path, keep=keep)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((-1, {}, {}), "`step`"),
        ((1.0, {}, {}), "`step`"),
        ((True, {}, {}), "`step`"),
        ((1, {"a": np.array([None])}, {}), "`arrays`"),
        ((1, {}, {"loss": float("inf")}), "`state`"),
        ((1, {}, None), "`state`"),
    ],
)
def test_refuses_before_it_writes(tmp_path, arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=f"{message}.*Received: "):
        CheckpointManager(tmp_path).save(*arguments)
    assert list(tmp_path.iterdir()) == []
