"""The problems of the benchmarks: published minima, independent formulas, legal and finite everywhere."""

import itertools

import numpy as np
import pytest

from benchmarks import problems
from benchmarks.problems import bbob, conditional, mixed, sampling, synthetic
from keras_hparam import errors
from keras_hparam.spaces.convert import from_hyperparameters

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
FORMULAS = [problem.name for problem in (*synthetic.problems(), *mixed.problems(), *conditional.problems())]
LCBENCH_TASKS = (168910, 189354, 189862, 189865, 189866, 189873, 189905, 189906, 189908, 189909)
RPART_TASKS = (40975, 40983, 41138, 41157, 41164, 41212)


@pytest.mark.parametrize("name", LITERATURE)
def test_function_reaches_its_published_minimum(formulas, name):
    problem = formulas[name]
    assert problem.evaluate(problem.best_values) == pytest.approx(LITERATURE[name], abs=2e-5)


def check_random_configurations(problem):
    """Legal, finite, not constant and not better than the optimum where that is known."""
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


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_are_legal_finite_and_not_better_than_the_optimum(formulas, name):
    check_random_configurations(formulas[name])


def test_bbob_is_legal_finite_and_not_better_than_the_optimum():
    pytest.importorskip("ioh")
    for problem in bbob.problems():
        check_random_configurations(problem)


def test_bbob_has_every_function_once_and_every_dimension_twice():
    pytest.importorskip("ioh")
    names = [problem.name for problem in bbob.problems()]
    assert sorted(name.split("_", 1)[1].rsplit("_", 1)[0] for name in names) == sorted(bbob.FUNCTIONS)
    assert sorted(name.rsplit("_", 1)[1] for name in names) == sorted(2 * ["2d", "4d", "8d", "16d"])
    assert set(names) < {problem.name for problem in bbob.all_problems()} and len(bbob.all_problems()) == 32


def test_bbob_functions_are_those_that_their_names_say():
    ioh = pytest.importorskip("ioh")
    names = [ioh.get_problem(number, 1, 2, ioh.ProblemClass.BBOB).meta_data.name for number in bbob.FUNCTIONS.values()]
    first = ["Discus", "BentCigar", "SharpRidge", "DifferentPowers", "Weierstrass"]
    assert names == [*first, "Schaffers10", "Katsuura", "LunacekBiRastrigin"]


def test_the_discus_has_one_steep_direction_and_the_bent_cigar_one_flat():
    pytest.importorskip("ioh")
    directions = np.random.default_rng(0).normal(size=(2000, 4))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    spread = {}
    for name in ("discus", "bent_cigar"):
        problem = bbob.problem(name, 4)
        lowest = problem.evaluate(problem.best_values)
        points = np.array([problem.best_values[f"x{i}"] for i in range(4)]) + 0.5 * directions
        rises = np.array([problem.evaluate({f"x{i}": x for i, x in enumerate(point)}) - lowest for point in points])
        spread[name] = np.median(rises) / np.quantile(rises, [0.0, 0.1])
    # All directions across the steep one are flat, three dimensions of them; along one alone few random ones lie.
    assert np.all(spread["discus"] > [1e4, 10]) and spread["bent_cigar"][0] > 20 and spread["bent_cigar"][1] < 5


def configurations(problem, count):
    space = from_hyperparameters(problem.build())
    rng = np.random.default_rng(0)
    return space, [sampling.random_values(space, rng) for _ in range(count)]


@pytest.mark.parametrize("name, shapes", [("svm", 3), ("trees", 3), ("optimizers", 3), ("layers", 4)])
def test_conditional_problems_depend_on_their_conditional_parameters(formulas, name, shapes):
    problem = formulas[name]
    space, drawn = configurations(problem, 200)
    assert len({frozenset(values) for values in drawn}) == shapes
    matters = set()
    for values, parameter in itertools.product(drawn, space.parameters):
        if parameter.conditions and parameter.name in values:
            other = {**values, parameter.name: sampling.random_value(parameter, np.random.default_rng(5))}
            other = space.complete(other)  # what becomes active takes its default
            if problem.evaluate(other) != problem.evaluate(values):
                matters.add(parameter.name)
    assert matters == {parameter.name for parameter in space.parameters if parameter.conditions}


@pytest.mark.parametrize("name", ["mixed_levy", "mlp", "boosting", "svm", "trees", "optimizers", "layers"])
def test_responses_are_no_needles(formulas, name):
    """A tenth of random configurations is clearly better than the median, and none of them is the best known."""
    problem = formulas[name]
    scores = problem.sign * np.array([problem.evaluate(values) for values in configurations(problem, 1000)[1]])
    low, median, good, best = np.quantile(scores, [0.0, 0.5, 0.9, 1.0])
    assert good - median > 0.05 * (best - low) and best - median < 0.98 * (best - low)


def test_suites_do_not_overlap_and_load_keeps_each_problem_once(data_dir):
    pytest.importorskip("ioh")
    every = problems.load(list(problems.SUITES), data_dir)
    names = [problem.name for problem in every]
    assert len(names) == len(set(names)) == 10 + 27 + 32 + 4 + 4 + 9
    default = problems.load(problems.DEFAULT, data_dir)
    assert len(default) == 32
    assert {p.suite for p in default} == set(problems.DEFAULT)


@pytest.mark.parametrize("name", ["lcbench_189909", "rpart_41212", "bbob_katsuura_16d", "mixed_levy", "branin"])
def test_a_single_problem_is_found_by_name(data_dir, name):
    if name.startswith("bbob"):
        pytest.importorskip("ioh")
    assert [problem.name for problem in problems.load([name, name], data_dir)] == [name]


def test_unknown_names_and_missing_data_are_refused():
    with pytest.raises(errors.InvalidArgumentError, match="Received: 'nonesuch'"):
        problems.load(["nonesuch"], "no_such_folder")
    pytest.importorskip("onnxruntime")
    for suite in ("lcbench", "rpart"):
        with pytest.raises(errors.UnavailableError, match="data_dir"):
            problems.load([suite], "no_such_folder")


def test_a_foreign_archive_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "yahpo_lcbench.zip").write_bytes(b"no archive")
    with pytest.raises(errors.CorruptFileError, match="model.onnx"):
        problems.load(["lcbench"], tmp_path)


def test_lcbench_agrees_with_the_table_sampled_from_it(data_dir):
    tasks = problems.load(["lcbench"], data_dir)
    assert [task.name for task in tasks] == [f"lcbench_{task_id}" for task_id in LCBENCH_TASKS]
    table = np.load(data_dir / "yahpo_lcbench_table.npz", allow_pickle=False)
    names, column = list(table["hp_names"]), list(table["y_names"]).index("val_accuracy")
    for task in tasks:
        i = list(table["task_ids"]).index(task.metadata.dataset.split()[1])
        for j in range(3):
            values = dict(zip(names, table["X"][i, j].tolist(), strict=True))
            assert task.evaluate(values) == pytest.approx(float(table["Y"][i, j, column]), abs=1e-3)


def test_rpart_takes_evaluation_tasks_only_and_prefers_trees_that_are_grown(data_dir):
    every, tasks = problems.load(["rpart_all"], data_dir), problems.load(["rpart"], data_dir)
    assert [task.name for task in tasks] == [f"rpart_{task_id}" for task_id in RPART_TASKS]
    ids = [int(task.name.split("_")[1]) for task in every]
    assert len(ids) == 27 and ids == sorted(ids) and min(ids) == 40975
    grown = {"cp": 0.002, "maxdepth": 25, "minbucket": 5, "minsplit": 10, "num.impute.selected.cpo": "impute.mean"}
    for task in every:
        assert 0.0 <= task.evaluate({**grown, "cp": 0.9}) < task.evaluate(grown) <= 1.0
