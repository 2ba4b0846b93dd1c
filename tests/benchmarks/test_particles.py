"""The particles benchmark: its figures, its peers, its program."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import particle_figures as figures

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_evaluations_of_a_hit_count_the_failures():
    cell = {"energies": [-3.0, -2.9995, -1.0, -2.0], "evaluations": [10, 20, 30, 60]}
    found = figures.of_tries(cell, -3.0, 1e-3)
    assert (found["tries"], found["hits"], found["per_hit"], found["per_try"]) == (4, 2, 60.0, 30.0)
    low, high = found["interval"]
    assert low < 60.0 and (high is None or high > 60.0)


def test_the_interval_covers_the_truth():
    """Of tries with probability p and mean cost c, a hit costs c / p; 95% intervals miss it about 5 times in 100."""
    rng, missed = np.random.default_rng(0), 0
    for _ in range(100):
        hits, costs = rng.random(200) < 0.3, rng.integers(50, 151, 200)
        low, high = figures.of_tries({"energies": -hits.astype(float), "evaluations": costs}, -1.0, 1e-3)["interval"]
        missed += not low <= 100 / 0.3 <= high
    assert missed <= 12


def test_without_hits_there_is_no_figure():
    found = figures.of_tries({"energies": [0.0, 1.0], "evaluations": [5, 5]}, -3.0, 1e-3)
    assert found["per_hit"] is None and found["interval"] == [None, None]
    assert figures.row("x", found) == ["x", "0 of 2", "5", "–"]


def test_the_program_runs_all_methods_and_resumes(tmp_path):
    command = [sys.executable, "-m", "benchmarks.particles", f"--workdir={tmp_path}", "--tries=32"]
    command += ["--clusters=lennard_jones_5", "--methods=untrained,basin_hopping,multistart,adam,fire_multistart"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "particles.json").read_text())["lennard_jones_5"]
    for method in ("untrained", "basin_hopping", "multistart", "fire_multistart"):
        assert found[method]["hits"] > 0.5 * found[method]["tries"], method  # five atoms have one minimum
    assert found["basin_hopping"]["tries"] == 8
    cell = tmp_path / "lennard_jones_5-adam-32-0.json"
    cell.write_text(json.dumps({"energies": [-9.103852] * 32, "evaluations": [7] * 32}))
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0 and "7 [7, 7]" in again.stdout


def test_names_of_clusters():
    assert figures.make_problem("lennard_jones_13").minimum == pytest.approx(-44.326801)
    gold = figures.make_problem("gupta_Au_13")
    assert gold.minimum is None and gold.num_particles == 13 and gold.name == "gupta_Au_13"
