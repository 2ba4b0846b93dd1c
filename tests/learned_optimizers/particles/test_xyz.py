"""XYZ files: what is written can be read, by others too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam import errors
from keras_hparam.learned_optimizers.particles import read_xyz, write_xyz


@settings(max_examples=25, deadline=None)
@given(
    clusters=st.integers(1, 3), particles=st.integers(1, 5), scale=st.floats(1e-6, 1e6), seed=st.integers(0, 1000)
)
def test_round_trip(tmp_path_factory, clusters, particles, scale, seed):
    positions = scale * np.random.default_rng(seed).normal(size=(clusters, particles, 3))
    path = tmp_path_factory.mktemp("xyz") / "clusters.xyz"
    symbols = ["Au", "Ag", "Cu", "X", "Si"][:particles]
    write_xyz(path, positions, symbols, np.arange(clusters))
    found, names = read_xyz(path)
    np.testing.assert_allclose(found, positions, rtol=1e-8, atol=1e-8 * scale)
    assert names == symbols


def test_the_format_of_a_frame(tmp_path):
    write_xyz(tmp_path / "one.xyz", [[0.0, 0.5, -1.0], [1.0, 2.0, 3.0]], "Ar", [-1.25])
    assert (tmp_path / "one.xyz").read_text() == "2\nenergy=-1.25\nAr 0 0.5 -1\nAr 1 2 3\n"


@pytest.mark.parametrize(
    "positions, more, name",
    [
        (np.zeros((2, 3, 2)), {}, "positions"), (np.full((1, 2, 3), np.nan), {}, "positions"),
        (np.zeros((2, 3)), {"elements": ["Ar"]}, "elements"), (np.zeros((2, 4, 3)), {"energies": [1.0]}, "energies"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, positions, more, name):
    with pytest.raises(errors.InvalidArgumentError, match=name):
        write_xyz(tmp_path / "clusters.xyz", positions, **more)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "two\n\nAr 0 0 0\n", "2\n\nAr 0 0 0\n", "1\n\nAr 0 0\n", "1\n\nAr 0 0 x\n"])
def test_files_that_are_none(tmp_path, text):
    (tmp_path / "clusters.xyz").write_text(text)
    with pytest.raises(errors.CorruptFileError, match=r"clusters\.xyz"):
        read_xyz(tmp_path / "clusters.xyz")
