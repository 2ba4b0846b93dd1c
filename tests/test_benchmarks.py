"""The search benchmark: problems are consistent, regret and ranks are right, a tiny run works and resumes."""

import json
import pathlib

import numpy as np
import pytest

from benchmarks import cells, peers, problems, reference, searchers, tables
from benchmarks.problems import sampling, synthetic
from keras_hparam import errors
from keras_hparam.spaces.convert import from_hyperparameters

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA_DIR = ROOT.parent / "shared" / "data"
SYNTHETIC = {problem.name: problem for problem in synthetic.problems()}
EVALUATION_TASKS = (168910, 189354, 189862, 189865, 189866, 189873, 189905, 189906, 189908, 189909)
LITERATURE = {  # minima as published
    "branin": 0.397887,
    "six_hump_camel": -1.031628,
    "hartmann3": -3.862782,
    "hartmann6": -3.322368,
    "levy4": 0.0,
    "log_dixon_price5": 0.0,
    "michalewicz5": -4.687658,
    "styblinski_tang7": -39.166165 * 7,
    "log_zakharov8": 0.0,
    "pressure_vessel": np.log(6059.7143),
}


@pytest.mark.parametrize("name", LITERATURE)
def test_function_reaches_its_published_minimum(name):
    problem = SYNTHETIC[name]
    assert problem.evaluate(problem.best_values) == pytest.approx(LITERATURE[name], abs=2e-5)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_random_configurations_are_legal_finite_and_not_better_than_the_optimum(name):
    problem = SYNTHETIC[name]
    space = from_hyperparameters(problem.build())
    rng = np.random.default_rng(1)
    drawn = [sampling.random_values(space, rng) for _ in range(300)]
    drawn += [sampling.neighbour(space, values, rng, 0.15, 0.3) for values in drawn]
    for values in drawn:
        space.validate(values)
    scores = problem.sign * np.array([problem.evaluate(values) for values in drawn])
    assert np.all(np.isfinite(scores)) and np.ptp(scores) > 0
    if problem.best_values is not None:
        space.validate(problem.best_values)
        assert scores.max() <= problem.sign * problem.evaluate(problem.best_values)


def test_conditional_responses_use_active_values_only():
    for name in ("svm", "trees"):
        problem = SYNTHETIC[name]
        space = from_hyperparameters(problem.build())
        rng = np.random.default_rng(0)
        shapes = {frozenset(sampling.random_values(space, rng)) for _ in range(100)}
        assert len(shapes) == 3


def test_reference_finds_a_known_optimum_by_itself():
    problem = SYNTHETIC["branin"]
    blind = problems.Problem("blind", problem.suite, problem.build, problem.metadata, problem.goal, problem.evaluate)
    found = reference.search(blind, num_random=500, num_starts=2, num_steps=400)
    assert found["source"] == "search"
    assert found["best"] == pytest.approx(LITERATURE["branin"], abs=1e-3)
    assert found["best"] >= LITERATURE["branin"] - 1e-5
    assert found["median"] > 5 * found["best"]


def test_reference_is_cached_and_a_foreign_file_is_refused(tmp_path):
    problem = SYNTHETIC["svm"]
    options = {"num_random": 200, "num_starts": 1, "num_steps": 20}
    first = reference.load_or_search(problem, tmp_path, **options)
    assert reference.load_or_search(problem, tmp_path) == first  # a search with other options would differ
    (tmp_path / "svm.json").write_text(json.dumps({"version": -1}))
    with pytest.raises(errors.CorruptFileError, match="version"):
        reference.load_or_search(problem, tmp_path)


def test_regret_by_hand():
    levels = {"best": 10.0, "median": 6.0}
    np.testing.assert_allclose(reference.regret([2.0, 6.0, 5.0, 9.0, 11.0], levels, 1.0), [2, 1, 1, 0.25, 0])
    levels = {"best": -3.0, "median": 1.0}
    np.testing.assert_allclose(reference.regret([1.0, 3.0, -1.0, -3.5], levels, -1.0), [1, 1, 0.5, 0])


def test_ranks_average_ties():
    values = np.array([[0.1, 0.0], [0.3, 0.0], [0.2, 1.0]])
    np.testing.assert_allclose(tables.ranks(values), [[1, 1.5], [3, 1.5], [2, 3]])


def test_only_repeats_that_all_peers_finished_are_compared():
    def cell(peer, seed, objectives):
        return {"problem": "a", "suite": "s", "peer": peer, "seed": seed, "objectives": objectives}

    made = [cell("x", 0, [4.0, 2.0]), cell("x", 1, [8.0, 8.0]), cell("y", 0, [3.0])]
    found, repeats, curves = tables.regrets(made, {"a": {"best": 0.0, "median": 4.0}}, {"a": -1.0}, 2)
    assert (found, repeats) == (["x", "y"], [("a", 0)])
    np.testing.assert_allclose(curves, [[[1.0, 0.5]], [[0.75, 0.75]]])


@pytest.mark.parametrize("peer", ["random", "local"])
def test_a_run_is_deterministic_legal_and_differs_by_seed(peer):
    problem = SYNTHETIC["trees"]
    first, again, other = (cells.run(problem, peer, seed, 12) for seed in (0, 0, 1))
    assert first["objectives"] == again["objectives"] != other["objectives"]
    assert len(first["ask_seconds"]) == len(first["tell_seconds"]) == 12
    assert first["illegal"] == 0


def test_problems_that_share_a_space_do_not_share_their_random_trials():
    seeds = {cells.search_seed(name, seed) for name in SYNTHETIC for seed in range(5)}
    assert len(seeds) == 5 * len(SYNTHETIC) and 0 < min(seeds) and max(seeds) < 2**31


def test_local_mutation_stays_near_the_best_trial_after_its_random_start():
    problem = SYNTHETIC["log_zakharov8"]
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


def test_stops_when_a_finite_space_is_exhausted():
    import keras_tuner as kt

    hp = kt.HyperParameters()
    hp.Boolean("a")
    oracle = searchers.LocalMutationOracle(kt.Objective("value", "min"), 10, hp, seed=0)
    driver = searchers.OracleSearcher(oracle, SYNTHETIC["branin"])
    seen = []
    while (values := driver.ask()) is not None:
        seen.append(values["a"])
        driver.tell(1.0)
    assert sorted(seen) == [False, True]


def test_unknown_names_are_refused():
    with pytest.raises(errors.InvalidArgumentError, match="Received: 'nonesuch'"):
        peers.make("nonesuch", SYNTHETIC["branin"], 3, 1)
    with pytest.raises(errors.InvalidArgumentError, match="Received: 'bbob'"):
        problems.load(["bbob"], DATA_DIR)
    with pytest.raises(errors.UnavailableError, match="data_dir"):
        pytest.importorskip("onnxruntime")
        problems.load(["lcbench"], "no_such_folder")


def test_three_trials_of_random_end_to_end_and_resumed(tmp_path):
    problem = SYNTHETIC["hartmann3"]
    cell = cells.complete(str(tmp_path), str(DATA_DIR), problem.name, "random", 0, 3)
    assert len(cell["objectives"]) == 3
    path = cells.path(tmp_path, problem.name, "random", 0)
    written = path.stat().st_mtime_ns
    assert cells.complete(str(tmp_path), str(DATA_DIR), problem.name, "random", 0, 3) == cell
    assert path.stat().st_mtime_ns == written
    longer = cells.complete(str(tmp_path), str(DATA_DIR), problem.name, "random", 0, 5)
    assert longer["objectives"][:3] == cell["objectives"]
    levels = {problem.name: {"best": -3.862782, "median": -0.5}}
    summary = tables.summarise([longer], levels, {problem.name: -1.0}, 5)
    figures = summary["peers"]["random"]
    expected = (min(longer["objectives"]) + 3.862782) / (3.862782 - 0.5)
    assert figures["regret"] == pytest.approx([expected]) and figures["rank"] == [1.0]
    assert f"{expected:.3f}" in tables.render("synthetic", summary)
    tables.plot({"synthetic": summary}, tmp_path / "regret.png")
    assert (tmp_path / "regret.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not (DATA_DIR / "yahpo_lcbench.zip").exists(), reason="needs ../shared/data")
def test_lcbench_agrees_with_the_table_sampled_from_it():
    pytest.importorskip("onnxruntime")
    tasks = problems.load(["lcbench"], DATA_DIR)
    assert [task.name for task in tasks] == [f"lcbench_{task_id}" for task_id in EVALUATION_TASKS]
    table = np.load(DATA_DIR / "yahpo_lcbench_table.npz", allow_pickle=False)
    names, column = list(table["hp_names"]), list(table["y_names"]).index("val_accuracy")
    for task in tasks:
        i = list(table["task_ids"]).index(task.metadata.dataset.split()[1])
        for j in range(3):
            values = dict(zip(names, table["X"][i, j].tolist(), strict=True))
            assert task.evaluate(values) == pytest.approx(float(table["Y"][i, j, column]), abs=1e-3)
