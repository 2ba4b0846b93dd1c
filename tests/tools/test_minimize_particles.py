"""The program that looks for the lowest energies of clusters."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.training_programs import ROOT, TRY_FLAGS
from keras_hparam.learned_optimizers.particles import read_xyz


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


def test_flags_that_do_not_fit():
    wrong = {
        "--num_particles=7 --elements=Au": "--potential=gupta", "--potential=gupta --num_particles=7": "--elements",
        "--potential=gupta --elements=Au,Au --num_particles=7": "--num_particles=2",
        "--potential=gupta --elements=Xx --num_particles=7": "Xx",
    }  # fmt: skip
    command = [sys.executable, "-c", TRY_FLAGS, "minimize_particles", json.dumps([given.split() for given in wrong])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT / "tools", env=environment, capture_output=True, text=True, check=True)
    for complaint, (given, message) in zip(done.stdout.splitlines(), wrong.items(), strict=True):
        assert message in complaint, given
    missing = run()
    assert missing.returncode != 0 and "--num_particles" in missing.stderr and "Traceback" not in missing.stderr
