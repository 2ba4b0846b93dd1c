"""What the programs that train have in common."""

import pytest

from benchmarks import trainers
from benchmarks.training_programs import finish
from keras_hparam import checkpoints


@pytest.mark.parametrize("name", trainers.TABLE)
def test_a_workdir_in_use_is_refused_before_keras_is_loaded(name, tmp_path):
    """With a backend that Keras does not know, loading it would be the error."""
    with checkpoints.Exclusive(tmp_path):
        code, _, said = finish(trainers.TABLE[name].program.start(tmp_path, KERAS_BACKEND="none"))
    assert code == 1 and said.startswith("InUseError: Expected `--workdir` "), said
