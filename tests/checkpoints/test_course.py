"""The course of a training: facts are saved and compared, one process writes, the directory is held meanwhile."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.checkpoints import CheckpointManager, Course, is_due

KIND = "a training"


def test_what_was_saved_is_restored_with_the_facts(tmp_path):
    course = Course(tmp_path, KIND, facts=lambda: {"seed": 3})
    assert course.restore() is None
    course.save(4, {"a": np.arange(3)}, {"loss": 0.5})
    found = Course(tmp_path, KIND, facts=lambda: {"seed": 3}).restore()
    assert (found.step, found.state) == (4, {"facts": {"seed": 3}, "loss": 0.5})
    np.testing.assert_array_equal(found.arrays["a"], [0, 1, 2])
    with pytest.raises(errors.InvalidArgumentError, match="`directory` .* {'seed': 4}. Received: {'seed': 3}."):
        Course(tmp_path, KIND, facts=lambda: {"seed": 4}, name="directory").restore()


def test_without_facts_the_state_is_the_callers(tmp_path):
    Course(tmp_path, KIND).save(1, {}, {"own": 1})
    assert Course(tmp_path, KIND).restore().state == {"own": 1}


def test_without_a_directory_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Course(None, KIND) as course:
        course.save(1, {})
        assert course.restore() is None and not course.writes
    assert list(tmp_path.iterdir()) == []


def test_a_second_training_is_refused_until_the_first_ends_however_it_ends(tmp_path):
    first, second = Course(tmp_path, KIND), Course(tmp_path, KIND, name="directory")
    with pytest.raises(KeyboardInterrupt):
        with first:
            first.save(1, {})
            with pytest.raises(errors.InUseError, match="Expected `directory` .*one program at a time"):
                with second:
                    pytest.fail("never here")
            raise KeyboardInterrupt
    with second as course:
        assert course.restore().step == 1


def test_those_that_only_read_neither_wait_nor_write(tmp_path):
    with Course(tmp_path, KIND) as writer, Course(tmp_path, KIND, is_writer=False) as reader:
        writer.save(1, {})
        reader.save(2, {})
        assert reader.restore().step == 1 and CheckpointManager(tmp_path).steps() == [1]


@pytest.mark.parametrize(
    "step, every, last, due", [(4, 2, 9, True), (5, 2, 9, False), (9, 2, 9, True), (9, 0, 9, False), (1, 1, 9, True)]
)
def test_every_so_many_steps_and_after_the_last(step, every, last, due):
    assert is_due(step, every, last) is due
