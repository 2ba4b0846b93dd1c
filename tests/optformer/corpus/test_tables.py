"""Tables of recorded trainings: spaces that fit, distinct rows, interpolation against its definition."""

import gzip
import math

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer.corpus import tables
from keras_hparam.optformer.corpus.table_spaces import inferred_parameter, inferred_space, parsed

METHODS = ("LogisticRegression", "SVC")


def _write(path, header, rows):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join([header, *rows]) + "\n")


@pytest.fixture
def data_dir(tmp_path):
    """A directory with a table of two classifiers, in which each configuration is recorded twice, and one of SGD."""
    header = "dataset,method,params,source,n_splits,mean_score,std_score"
    rows = []
    for repeat in (0, 1):
        for exponent in range(-15, 15):
            params = f"C={2.0**exponent};penalty=l{1 + exponent % 2}"
            rows.append(f"iris,LogisticRegression,{params},s,3,{0.6 + 0.01 * exponent + 0.02 * repeat},0")
        rows.extend(f"iris,SVC,C={2.0**e};gamma={g},s,3,{0.5 + 0.01 * g},0" for e in range(3) for g in (1, 2, 3))
        rows.extend(f"flat,LogisticRegression,C={2.0**e};penalty=l1,s,3,0.5,0" for e in range(30))
    _write(tmp_path / "sklearn_olson2016.csv.gz", header, rows)
    runs = [f"toy_net,SGD,{10.0 ** (0.1 * i)},{0.5 if i < 20 else ''},{1.0 + i if i < 20 else ''}" for i in range(30)]
    _write(tmp_path / "deepobs_runs.csv.gz", "problem,optimizer,lr,final_test_acc,final_test_loss", runs)
    return tmp_path


def test_tables_of_single_methods_and_of_all_methods_together(data_dir):
    single, together, loss = tables.load_tables(data_dir)[:3]
    assert (single.metadata.dataset, single.metadata.model, single.goal) == ("iris", "LogisticRegression", "max")
    assert [(p.name, p.kind, p.scale) for p in single.space.parameters] == [
        ("C", "float", "log"),
        ("penalty", "choice", "linear"),
    ]
    assert single.tokens.shape == (30, 2) and single.values.shape == (30,)
    np.testing.assert_allclose(np.sort(single.values), 0.61 + 0.01 * np.arange(-15, 15))  # repeats are averaged
    assert [p.name for p in together.space.parameters] == ["classifier", "C", "penalty", "gamma"]
    assert together.tokens.shape == (39, 4)
    active = together.space.activity(together.tokens)
    np.testing.assert_array_equal(active.sum(axis=0), [39, 39, 30, 9])
    np.testing.assert_array_equal(together.tokens >= 0, active)
    assert (loss.goal, np.isnan(loss.values).sum()) == ("min", 10)
    np.testing.assert_allclose(loss.latent[:20], -1.0 - np.arange(20))


def test_constant_and_small_groups_are_left_out(data_dir):
    assert "flat" not in {table.metadata.dataset for table in tables.load_tables(data_dir)}
    assert ("iris", "SVC") not in {(t.metadata.dataset, t.metadata.model) for t in tables.load_tables(data_dir)}


@pytest.mark.parametrize("neighbors", [1, 3, 8])
def test_recorded_rows_have_their_own_values(data_dir, neighbors):
    for table in tables.load_tables(data_dir):
        found = tables.Interpolation(table, neighbors, power=2.0)(table.tokens)
        np.testing.assert_allclose(found, table.latent, atol=1e-9)


def test_interpolation_is_that_of_its_definition(data_dir):
    table = tables.load_tables(data_dir)[1]
    rng = np.random.default_rng(0)
    queries = table.space.random_tokens(rng, 20)
    found = tables.Interpolation(table, num_neighbors=5, power=3.0)(queries)
    for query, value in zip(queries, found, strict=True):
        distances = [math.sqrt(_squared_distance(table.space, query, row)) for row in table.tokens]
        nearest = np.argsort(distances, kind="stable")[:5]
        weights = np.asarray([distances[row] ** -3.0 for row in nearest])
        assert value == pytest.approx(np.sum(weights * table.values[nearest]) / weights.sum(), abs=2e-3)
        first = tables.Interpolation(table, 1, 1.0)(query[None])[0]
        assert first in table.values[np.isclose(distances, min(distances))]


def _squared_distance(space, a, b):
    total = 0.0
    for parameter, x, y in zip(space.parameters, a, b, strict=True):
        if parameter.is_categorical or (x < 0) != (y < 0):
            total += float(x != y)
        else:
            total += ((int(x) - int(y)) / 1000.0) ** 2
    return total


def test_losses_are_averaged_in_their_logarithm(data_dir):
    table = tables.load_tables(data_dir)[2]
    middle = (table.tokens[4] + table.tokens[5]) // 2
    value = tables.Interpolation(table, 2, 1.0)(middle[None])[0]
    assert value == pytest.approx(-math.sqrt(5.0 * 6.0), rel=0.01)


def test_failed_runs_fail_and_so_do_configurations_nearest_to_them(data_dir):
    table = tables.load_tables(data_dir)[2]
    values = tables.Interpolation(table, 4, 2.0)(np.arange(1000)[:, None])
    boundary = table.tokens[19:21].mean()
    assert np.isfinite(values[: int(boundary)]).all() and np.isnan(values[math.ceil(boundary) :]).all()


def test_objectives_are_deterministic_and_differ(data_dir):
    table = tables.load_tables(data_dir)[0]
    tokens = table.space.random_tokens(np.random.default_rng(1), 50)
    drawn = [table.objective(np.random.default_rng(seed))(tokens) for seed in range(6)]
    np.testing.assert_array_equal(drawn[0], table.objective(np.random.default_rng(0))(tokens))
    assert len({tuple(values) for values in drawn}) > 1
    assert all(table.values.min() <= v.min() and v.max() <= table.values.max() + 1e-12 for v in drawn)


def test_inferred_parameters():
    assert inferred_parameter("a", [1, 2, 4]).range_text == "int in [1, 4], step 1"
    assert inferred_parameter("a", [0.001, 1.0]).scale == "log"
    assert inferred_parameter("a", [0.0, 0.001, 1.0]).values == (0.0, 0.001, 1.0)
    assert inferred_parameter("a", [0.0, 0.5, 1]).kind == "float"
    assert inferred_parameter("a", [False, True, True]).kind == "boolean"
    unlimited = inferred_parameter("a", ["None", 10, 2])
    assert unlimited.values == (2, 10, "None") and unlimited.ordered
    assert not inferred_parameter("a", ["None", "sqrt", 0.5]).ordered
    assert [parsed(text) for text in ("3", "0.5", "False", "nan", "l1")] == [3, 0.5, False, "nan", "l1"]


def test_inferred_space_leaves_out_constants_and_rare_keys():
    rows = [{"kind": "ab"[i % 2], "same": 1, "x": i, **({"rare": i} if i < 2 else {})} for i in range(10)]
    assert [p.name for p in inferred_space(rows, "kind", least_share=0.3).parameters] == ["kind", "x"]
    assert [p.name for p in inferred_space(rows, "kind").parameters] == ["kind", "x", "rare"]


def test_errors_name_what_is_wrong(tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match="data_dir"):
        tables.load_tables(tmp_path)
    (tmp_path / "rtdl_runs.csv.gz").write_bytes(b"no table")
    with pytest.raises(errors.CorruptFileError, match="rtdl_runs"):
        tables.load_tables(tmp_path)
    _write(tmp_path / "rtdl_runs.csv.gz", "a,b", ["1,2"])
    with pytest.raises(errors.CorruptFileError, match="rtdl_runs"):
        tables.load_tables(tmp_path)
