"""The program that looks for the lowest energies of clusters."""

import pathlib
import subprocess
import sys

import pytest

from keras_hparam.learned_optimizers.particles import read_xyz

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*arguments):
    command = [sys.executable, "tools/minimize_particles.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_seven_atoms_find_the_bipyramid_and_are_written(tmp_path):
    output = tmp_path / "lj7.xyz"
    done = run("--num_particles=7", "--starts=20", "--batch_size=16", "--weights=", f"--output={output}")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[3].split()
    assert float(first[0]) == pytest.approx(-16.505384, abs=1e-3) and int(first[1]) > 1
    positions, symbols = read_xyz(output)
    assert positions.shape[1:] == (7, 3) and symbols == ["Ar"] * 7


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--num_particles=7", "--elements=Au"], "--potential=gupta"),
        (["--potential=gupta", "--num_particles=7"], "--elements"),
        (["--potential=gupta", "--elements=Au,Au", "--num_particles=7"], "--num_particles=2"),
        (["--potential=gupta", "--elements=Xx", "--num_particles=7"], "Xx"),
        ([], "--num_particles"),
    ],
)
def test_flags_that_do_not_fit(arguments, message):
    done = run(*arguments)
    assert done.returncode != 0 and message in done.stderr and "Traceback" not in done.stderr
