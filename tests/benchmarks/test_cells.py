"""One search of the benchmark: peers, seeds, caching, the program from end to end."""

import gzip
import json
import pathlib
import subprocess
import sys

import keras_tuner as kt
import numpy as np
import pytest

from benchmarks import cells, jobs, peers, reference, searchers
from keras_hparam import errors
from keras_hparam.oracles import OptFormerOracle
from keras_hparam.spaces.convert import from_hyperparameters

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("peer", ["random", "local", "optuna_tpe", "optuna_cmaes"])
@pytest.mark.parametrize("name", ["trees", "layers"])
def test_a_run_is_deterministic_legal_and_differs_by_seed(formulas, peer, name):
    if peer.startswith("optuna"):
        pytest.importorskip("optuna")
        pytest.importorskip("cmaes")
    problem = formulas[name]
    first, again, other = (cells.run(problem, peer, seed, 14) for seed in (0, 0, 1))
    assert first["objectives"] == again["objectives"] != other["objectives"]
    assert len(first["ask_seconds"]) == len(first["tell_seconds"]) == 14
    assert first["illegal"] == 0


def test_optuna_gp_improves_on_its_random_start(formulas):
    pytest.importorskip("optuna")
    pytest.importorskip("torch")
    found = cells.run(formulas["branin"], "optuna_gp", 0, 16)
    assert min(found["objectives"][10:]) < min(found["objectives"][:10])


def test_problems_that_share_a_space_do_not_share_their_random_trials(formulas):
    seeds = {cells.search_seed(name, seed) for name in formulas for seed in range(5)}
    assert len(seeds) == 5 * len(formulas) and 0 < min(seeds) and max(seeds) < 2**31


def test_local_mutation_stays_near_the_best_trial_after_its_random_start(formulas):
    problem = formulas["log_zakharov8"]
    driver = peers.make("local", problem, 40, seed=1)
    space = from_hyperparameters(problem.build())
    asked, scores, distances = [], [], []
    for _ in range(40):
        values = driver.ask()
        point = np.array([p.to_unit(values[p.name]) for p in space.parameters])
        if len(asked) >= 5:
            distances.append(np.abs(point - asked[int(np.argmax(scores))]).max())
        objective = problem.evaluate(values)
        asked.append(point)
        scores.append(-objective)
        driver.tell(objective)
    assert max(distances) < 0.15 * 5
    assert np.argmax(scores) >= 5


def test_stops_when_a_finite_space_is_exhausted(formulas):
    hp = kt.HyperParameters()
    hp.Boolean("a")
    oracle = searchers.LocalMutationOracle(kt.Objective("value", "min"), 10, hp, seed=0)
    driver = searchers.OracleSearcher(oracle, formulas["branin"])
    seen = []
    while (values := driver.ask()) is not None:
        seen.append(values["a"])
        driver.tell(1.0)
    assert sorted(seen) == [False, True]


def test_an_oracle_that_stops_on_an_error_is_no_short_search(formulas):
    class Broken:
        num_bins = 1000

        def propose(self, study, rng, exclude):
            raise ZeroDivisionError("broken")

    metric = formulas["branin"].metadata.metric
    hyperparameters = formulas["branin"].build()
    oracle = OptFormerOracle(kt.Objective(metric, "min"), 5, hyperparameters, proposer=Broken())
    with pytest.raises(ZeroDivisionError, match="broken"):
        searchers.OracleSearcher(oracle, formulas["branin"]).ask()


def test_the_text_of_a_peer():
    assert peers.parse("optuna_gp") == ("optuna_gp", (), "")
    assert peers.parse("planning:ucb") == ("planning", ("ucb",), "")
    assert peers.parse("planning@some/folder/weights") == ("planning", (), "some/folder/weights")
    several = peers.parse("planning:ucb:num_candidates=256:prior=model")
    assert several.arguments("acquisition") == {"acquisition": "ucb", "num_candidates": 256, "prior": "model"}
    assert peers.parse("optformer:greedy@W/weights").label == "optformer:greedy@weights"
    for wrong in ("nonesuch", "random:fast", "local@weights"):
        with pytest.raises(errors.InvalidArgumentError, match=f"Received: '{wrong}'"):
            peers.parse(wrong)


def test_our_oracles_get_option_weights_and_metadata(formulas, monkeypatch):
    given = {}

    class Planning(kt.oracles.RandomSearchOracle):
        def __init__(self, metadata, acquisition, weights, **kwargs):
            given.update(metadata=metadata, acquisition=acquisition, weights=weights)
            super().__init__(**kwargs)

    monkeypatch.setattr("keras_hparam.oracles.PlanningOracle", Planning)
    found = cells.run(formulas["svm"], "planning:ucb@W/weights", 0, 3)
    assert len(found["objectives"]) == 3 and found["peer"] == "planning:ucb@weights" and found["weights"] == "W/weights"
    assert given == {"metadata": formulas["svm"].metadata, "acquisition": "ucb", "weights": "W/weights"}


def test_cells_are_kept_extended_and_kept_apart_by_weights(tmp_path):
    cell = cells.complete(str(tmp_path), "", "hartmann3", "random", 0, 3)
    file = cells.path(tmp_path, "hartmann3", "random", 0)
    written = file.stat().st_mtime_ns
    assert len(cell["objectives"]) == 3
    assert cells.complete(str(tmp_path), "", "hartmann3", "random", 0, 3) == cell
    assert file.stat().st_mtime_ns == written
    longer = cells.complete(str(tmp_path), "", "hartmann3", "random", 0, 5)
    assert longer["objectives"][:3] == cell["objectives"] and len(longer["objectives"]) == 5
    one = cells.path(tmp_path, "hartmann3", "planning@A/weights", 0)
    one.parent.mkdir(parents=True)
    one.write_text('{"weights": "A/weights", "num_trials": 3}')
    assert cells.read(tmp_path, "hartmann3", "planning@A/weights", 0, 3) is not None
    assert cells.read(tmp_path, "hartmann3", "planning@B/weights", 0, 3) is None
    one.write_text("{")
    with pytest.raises(errors.CorruptFileError, match="delete it"):
        cells.read(tmp_path, "hartmann3", "planning@A/weights", 0, 3)


@pytest.mark.parametrize("num_processes", [1, 2])
def test_a_failed_job_does_not_stop_the_others(num_processes):
    assert jobs.run(divmod, [(8, 2), (1, 0), (9, 3)], num_processes) == [(1, 0)]


def test_cells_go_from_one_workdir_to_another(formulas, tmp_path):
    for peer in ("random", "local"):
        cell = cells.run(formulas["branin"], peer, 1, 5)
        reference.write_json(cells.path(tmp_path / "one", cell["problem"], peer, 1), cell)
    cells.pack(tmp_path / "one", tmp_path / "packed")
    own = {**cell, "num_trials": 7}
    reference.write_json(cells.path(tmp_path / "two", cell["problem"], "local", 1), own)
    cells.unpack(tmp_path / "packed", tmp_path / "two")
    assert cells.read(tmp_path / "two", cell["problem"], "local", 1, 5) == own  # nothing is replaced
    expected = cells.read(tmp_path / "one", cell["problem"], "random", 1, 5)
    assert cells.read(tmp_path / "two", cell["problem"], "random", 1, 5) == expected
    whole = (tmp_path / "packed").read_bytes()
    for content in (whole[:-9], b"", gzip.compress(b'[{"peer": "local"}]'), gzip.compress(b"7")):
        (tmp_path / "packed").write_bytes(content)
        with pytest.raises(errors.CorruptFileError, match="packed to hold cells"):
            cells.unpack(tmp_path / "packed", tmp_path / "two")
    foreign = json.dumps([{**cell, "problem": "../../elsewhere"}]).encode()
    (tmp_path / "packed").write_bytes(gzip.compress(foreign))
    with pytest.raises(errors.CorruptFileError, match="cells within .*elsewhere"):
        cells.unpack(tmp_path / "packed", tmp_path / "two")
    assert not list(tmp_path.rglob("elsewhere"))


def test_the_program_prints_and_saves(tmp_path):
    command = [sys.executable, "-m", "benchmarks.search", f"--workdir={tmp_path}", "--problems=svm,branin"]
    command += ["--peers=random,local", "--trials=12", "--seeds=2", "--base=local", f"--cells={tmp_path / 'packed'}"]
    (tmp_path / "references").mkdir()
    for name, best, median in (("svm", 0.85, 0.74), ("branin", 0.397887, 40.0)):
        content = f'{{"best": {best}, "median": {median}, "source": "test", "version": 1}}'
        (tmp_path / "references" / f"{name}.json").write_text(content)
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(list(tmp_path.glob("cells/*/*/*.json"))) == 8
    assert "== overall: 2 problems, 4 searches" in first.stdout and "rank minus that of local" in first.stdout
    assert (tmp_path / "table.txt").read_text() == first.stdout
    assert (tmp_path / "regret.png").read_bytes().startswith(b"\x89PNG")
    cells.unpack(tmp_path / "packed", tmp_path / "other")
    assert len(list(tmp_path.glob("other/cells/*/*/*.json"))) == 8
