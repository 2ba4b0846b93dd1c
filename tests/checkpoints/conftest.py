"""A small directory of weights."""

import numpy as np
import pytest

from keras_hparam import checkpoints


@pytest.fixture
def saved(tmp_path):
    directory = tmp_path / "tiny"
    kernel = np.linspace(-1, 1, 6).reshape(2, 3)
    checkpoints.save_weights(
        directory,
        {"kernel": kernel, "ids": np.arange(3)},
        {"width": 2},
        kind="mlp",
        files={"pieces.model": b"\x00pieces"},
        flag_file="configs/tiny.flags",
        seed=0,
        figures={"loss": 0.5},
    )
    return directory
