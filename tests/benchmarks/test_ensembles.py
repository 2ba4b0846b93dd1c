"""The comparison of ensembles: scores, tables, cells that are kept, the program from end to end."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.special
import scipy.stats

from benchmarks import ensemble_cells as cells
from benchmarks import ensemble_methods as methods
from benchmarks import ensemble_report as report
from benchmarks import ensemble_scores as scores
from benchmarks import ensemble_tasks as tasks
from keras_hparam import errors
from tools import ensemble_data

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = (("epochs", 2), ("trials", 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a small regression: noise of deviation 0.5 around a line."""
    path, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    np.savez(path / "uci_regression.npz", yacht__x=x, yacht__y=10 + x @ [3, -2, 1] + 0.5 * rng.normal(size=120))
    return str(path)


def test_scores_of_gaussians_are_those_of_scipy_in_original_units():
    rng = np.random.default_rng(1)
    targets, mean, log_variance = rng.normal(size=(3, 50))
    data = ensemble_data.Data((), (), (None, targets[:, None]), 7.0, 3.0)
    found = scores.score(data, np.stack([mean, log_variance], axis=1))
    density = scipy.stats.norm(7 + 3 * mean, 3 * np.exp(log_variance / 2)).logpdf(7 + 3 * targets)
    assert found["nll"] == pytest.approx(-density.mean(), rel=1e-12)
    assert found["rmse"] == pytest.approx(3 * np.sqrt(np.mean((targets - mean) ** 2)), rel=1e-12)


def test_scores_of_classes_are_those_of_a_loop():
    rng = np.random.default_rng(2)
    logits, classes = 3 * rng.normal(size=(200, 4)), rng.integers(4, size=200)
    found = scores.class_scores(np.eye(4)[classes], logits)
    probabilities = scipy.special.softmax(logits, axis=1)
    assert found["nll"] == pytest.approx(-np.mean(np.log(probabilities[np.arange(200), classes])), rel=1e-12)
    assert found["accuracy"] == np.mean(probabilities.argmax(axis=1) == classes)
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = [i for i in range(200) if low <= probabilities[i].max() < low + 1 / 15]
        right = sum(probabilities[i].argmax() == classes[i] for i in inside)
        expected += abs(right - sum(probabilities[i].max() for i in inside)) / 200
    assert found["ece"] == pytest.approx(expected, rel=1e-9)
    certain = scores.class_scores(np.eye(2), np.array([[900.0, 0.0], [900.0, 0.0]]))
    assert certain == {"nll": 450.0, "accuracy": 0.5, "ece": 0.5}


def cell(method, seed, nll):
    return {"task": "yacht", "method": method, "seed": seed, "nll": nll, "rmse": 1.0, "parameters": 1234}


def test_differences_are_paired_over_the_seeds_that_both_have():
    made = [cell("single", seed, nll) for seed, nll in enumerate([1.0, 3.0, 2.0])]
    made += [cell("hyper_batch", seed, nll) for seed, nll in enumerate([0.5, 2.0])]
    summary = report.summarise(made)["yacht"]
    single = summary["methods"]["single"]
    assert single["nll"] == {"mean": 2.0, "deviation": 1.0, "values": {"0": 1.0, "1": 3.0, "2": 2.0}}
    (found,) = summary["differences"]
    assert (found["method"], found["base"], found["num_seeds"], found["wins"]) == ("hyper_batch", "single", 2, 2)
    assert found["nll"]["mean"] == pytest.approx(-0.75) and found["nll"]["interval"] == pytest.approx([-1.0, -0.5])
    text = report.render("yacht", summary, "a note")
    assert "2.0000 ± 1.0000" in text and "-0.7500 [-1.0000, -0.5000]" in text and "2 of 2" in text and "1,234" in text
    assert report.render("yacht", report.summarise(made[:1])["yacht"], "").count("\n") == 2


def test_cells_need_their_search_are_kept_and_kept_apart(folder, tmp_path):
    setup = cells.Setup(str(tmp_path), folder, 2, TINY)
    key = ("yacht", "single", 0)
    with pytest.raises(errors.UnavailableError, match="search of yacht, seed 0"):
        cells.complete(setup.workdir, setup, *key)
    search = cells.complete(setup.workdir, setup, "yacht", "search", 0)
    assert sorted(search["trials"]) == search["trials"] and len(search["trials"]) == 2
    assert set(search["best"]) == set(tasks.ranges(tasks.TASKS["yacht"]))
    found = {name: cells.complete(setup.workdir, setup, "yacht", name, 0) for name in ("single", "deep_ensemble")}
    assert found["deep_ensemble"]["parameters"] == 2 * found["single"]["parameters"] == 2 * (3 * 50 + 50 + 50 * 2 + 2)
    file = setup.directory("yacht", 0) / "single.json"
    written = file.stat().st_mtime_ns
    assert cells.complete(setup.workdir, setup, *key) == found["single"] == json.loads(file.read_text())
    assert file.stat().st_mtime_ns == written
    assert cells.read(cells.Setup(str(tmp_path), folder, 3, TINY), *key) is None
    file.write_text("{")
    with pytest.raises(errors.CorruptFileError, match="delete it"):
        cells.read(setup, *key)


def test_stages_are_in_the_order_of_their_needs():
    stages = list(cells.stages(["yacht", "energy"], ["hyper_batch", "single"], 2))
    assert [{method for _, method, _ in stage} for stage in stages] == [{"search"}, {"single"}, {"hyper_batch"}]
    assert [len(stage) for stage in stages] == [4, 4, 4]


def test_the_program_prints_saves_and_refuses(folder, tmp_path):
    command = [sys.executable, "-m", "benchmarks.ensembles", f"--workdir={tmp_path}", f"--data_dir={folder}"]
    command += ["--tasks=yacht", "--seeds=1", "--epochs=2", "--trials=2", "--dropout_samples=3"]
    done = subprocess.run([*command, "--methods=single,mc_dropout"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "== yacht: uci_yacht, table_mlp" in done.stdout and "mc_dropout" in done.stdout
    assert (tmp_path / "ensembles.txt").read_text() in done.stdout
    content = json.loads((tmp_path / "ensembles.json").read_text())
    assert content["tasks"]["yacht"]["methods"]["mc_dropout"]["num_seeds"] == 1
    wrong = subprocess.run([*command, "--methods=bagging"], cwd=ROOT, capture_output=True, text=True)
    assert wrong.returncode != 0 and "bagging" in wrong.stderr and "Expected some of single, mc_dropout" in wrong.stderr


def test_the_program_names_the_tasks_and_the_methods_that_there_are():
    source = (ROOT / "benchmarks" / "ensembles.py").read_text()
    assert all(f'"{name}"' in source for name in (*tasks.TASKS, *methods.METHODS))
