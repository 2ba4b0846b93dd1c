"""Regret, ranks and intervals against hand-made and independent figures; tables and pictures."""

import json

import numpy as np
import pytest

from benchmarks import pictures, proposals, reference, statistics, tables


def cell(peer, problem, seed, objectives, suite="s"):
    return {
        "problem": problem,
        "suite": suite,
        "peer": peer,
        "seed": seed,
        "objectives": objectives,
        "ask_seconds": [0.001 * (t + 1) for t in range(len(objectives))],
        "illegal": 0,
    }


def test_only_repeats_that_all_peers_finished_are_compared():
    made = [cell("x", "a", 0, [4.0, 2.0]), cell("x", "a", 1, [8.0, 8.0]), cell("y", "a", 0, [3.0])]
    found, repeats, curves = statistics.align(made, {"a": {"best": 0.0, "median": 4.0}}, {"a": -1.0}, 2)
    assert (found, repeats) == (["x", "y"], [("a", 0)])
    np.testing.assert_allclose(curves, [[[1.0, 0.5]], [[0.75, 0.75]]])


def test_ranks_average_ties():
    values = np.array([[0.1, 0.0], [0.3, 0.0], [0.2, 1.0]])
    np.testing.assert_allclose(statistics.ranks(values), [[1, 1.5], [3, 1.5], [2, 3]])


def test_every_problem_counts_the_same():
    repeats = [("a", 0), ("a", 1), ("a", 2), ("b", 0)]
    np.testing.assert_allclose(statistics.mean_weights(repeats), [1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_bootstrap_draws_problems_and_then_seeds(rng):
    repeats = [(problem, seed) for problem in "abcde" for seed in range(3)]
    weights = statistics.bootstrap_weights(repeats, 20_000)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_allclose(weights.mean(axis=0), statistics.mean_weights(repeats), atol=2e-3)
    values = rng.normal(size=15) + np.repeat(5 * rng.normal(size=5), 3)
    chosen = rng.integers(5, size=(20_000, 5))  # the same procedure by indices instead of weights
    drawn = values.reshape(5, 3)[chosen[..., None], rng.integers(3, size=(20_000, 5, 3))].mean(axis=(1, 2))
    for q in (0.025, 0.5, 0.975):
        assert np.quantile(weights @ values, q) == pytest.approx(np.quantile(drawn, q), abs=0.1 * np.std(drawn))


def test_the_interval_of_a_mean_covers_as_often_as_it_says(rng):
    repeats = [(problem, 0) for problem in range(30)]
    means = statistics.Means(repeats)
    hits = 0
    for _ in range(300):
        low, high = means.of(rng.exponential(size=30))["interval"]
        hits += low <= 1.0 <= high
    assert 0.88 <= hits / 300 <= 0.98


def test_differences_are_paired():
    """Two peers that always differ by 0.1: each is uncertain, their difference is not."""
    made = []
    for problem, level in (("a", 0.2), ("b", 0.9), ("c", 0.5)):
        for seed in range(2):
            made += [cell("ours", problem, seed, [level]), cell("other", problem, seed, [level + 0.1])]
    references = dict.fromkeys("abc", {"best": 0.0, "median": 1.0})
    found = statistics.figures(made, references, dict.fromkeys("abc", -1.0), 1, base="ours")["peers"]
    low, high = found["other"]["regret"]["interval"][0]
    assert high - low > 0.2
    assert found["other"]["regret_difference"]["mean"] == pytest.approx([0.1])
    np.testing.assert_allclose(found["other"]["regret_difference"]["interval"], [[0.1, 0.1]])
    assert found["other"]["rank"]["mean"] == pytest.approx([2.0])
    assert found["other"]["rank_difference"]["mean"] == pytest.approx([1.0])
    assert "regret_difference" not in found["ours"]


def test_figures_by_hand_their_table_and_their_picture(formulas, tmp_path):
    chosen = [formulas["hartmann3"], formulas["svm"]]
    references = {"hartmann3": {"best": -3.0, "median": -1.0}, "svm": {"best": 0.9, "median": 0.5}}
    made = [
        cell("x", "hartmann3", 0, [-2.0] * 12, "synthetic"),
        cell("x", "svm", 0, [0.7] * 11 + [0.95], "conditional"),
    ]
    made += [cell("y", "hartmann3", 0, [-2.5] * 12, "synthetic"), cell("y", "svm", 0, [0.6] * 12, "conditional")]
    summaries = statistics.summarise(made, chosen, references, 12, base="y")
    assert list(summaries) == ["overall", "synthetic", "conditional"]
    overall = summaries["overall"]
    assert overall["horizons"] == [10] and overall["num_problems"] == overall["num_repeats"] == 2
    assert overall["peers"]["x"]["regret"]["mean"] == pytest.approx([0.5])
    assert overall["peers"]["y"]["regret"]["mean"] == pytest.approx([0.5])  # (0.25 + 0.75) / 2
    assert overall["peers"]["x"]["rank"]["mean"] == [1.5]
    assert overall["peers"]["x"]["regret_curve"]["mean"][-1] == pytest.approx(0.25)
    assert overall["peers"]["x"]["beat_best_known"] == 1 and overall["peers"]["x"]["milliseconds"] == {"10": 10.0}
    text = tables.render("overall", overall)
    assert "0.500 [0.500, 0.500]" in text and "1 searches beat the best" in text
    assert len({len(line) for line in tables.align([["a", "b"], ["long", "1"]])}) == 1
    reference.write_json(tmp_path / "summary.json", summaries)
    assert json.loads((tmp_path / "summary.json").read_text()) == summaries
    pictures.plot(summaries, tmp_path / "regret.png")
    assert (tmp_path / "regret.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_in_common_is_no_table(formulas):
    made = [cell("x", "svm", 0, [0.7]), cell("y", "svm", 1, [0.7])]
    levels = {"svm": {"best": 0.9, "median": 0.5}}
    summary = statistics.figures(made, levels, {"svm": 1.0}, 1)
    assert summary["num_repeats"] == 0 and tables.render("t", summary) == "== t: 0 problems, 0 searches of each peer"


def test_latencies_are_medians_around_a_trial():
    seconds = [9.0, *(0.001 * t for t in range(2, 61))]  # trial t takes t ms; the first one is slow
    assert proposals.around(seconds, 10) == pytest.approx(0.010)
    assert proposals.around(seconds, 2) == pytest.approx(0.003)  # of 2, 3, 4
    assert proposals.around(seconds, 60) == pytest.approx(0.059)  # of 58, 59, 60
    assert proposals.around(seconds, 61) is None


def test_latency_of_a_peer(tmp_path):
    found = proposals.measure("random", "hartmann3", "", 12)
    assert found["peer"] == "random" and found["num_parameters"] == 3
    assert found["first"] > 0 and list(found["proposals"]) == ["10"]
    assert proposals.render([found]).splitlines()[1].split()[0] == "random"
