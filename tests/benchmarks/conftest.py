"""What the tests of the benchmarks share."""

import pathlib

import pytest

from benchmarks.problems import conditional, mixed, synthetic

DATA_DIR = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir():
    """The folder with YAHPO Gym's archives; a test that asks for it is skipped where there is none."""
    pytest.importorskip("onnxruntime")
    if not (DATA_DIR / "yahpo_lcbench.zip").exists():
        pytest.skip("needs ../shared/data")
    return DATA_DIR


@pytest.fixture(scope="session")
def formulas():
    """The problems that need neither data nor libraries, by name."""
    every = [*synthetic.problems(), *mixed.problems(), *conditional.problems()]
    return {problem.name: problem for problem in every}
