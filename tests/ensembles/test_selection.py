"""Greedy selection against a loop that combines the members anew for every candidate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from keras_hparam import errors
from keras_hparam.ensembles import outputs, selection
from keras_hparam.ensembles.selection import greedy_selection


def gaussian_nll(targets, combined):
    means, log_variances = np.split(combined, 2, axis=-1)
    return -stats.norm(means, np.exp(log_variances / 2)).logpdf(targets).sum(-1).mean()


LOSSES = {  # of labels and the combined output, and the kind of the members
    "nll": (lambda labels, p: -np.log(p[np.arange(len(labels)), labels]).mean(), "probabilities"),
    "brier": (lambda labels, p: ((p - np.eye(p.shape[-1])[labels]) ** 2).sum(-1).mean(), "probabilities"),
    "error": (lambda labels, p: (p.argmax(-1) != labels).mean(), "probabilities"),
    "mse": (lambda targets, y: ((y - targets) ** 2).sum(-1).mean(), "point"),
    "gaussian_nll": (gaussian_nll, "gaussian"),
}


def problem(rng, kind, num_candidates=7, n=30):
    """Candidates that are right about different examples, and labels."""
    if kind == "probabilities":
        labels = rng.integers(3, size=n)
        hints = rng.normal(1, 1, (num_candidates, n, 1)) * np.eye(3)[labels]
        return special.softmax(hints + rng.standard_normal(hints.shape), -1), labels
    targets = 100 + rng.standard_normal((n, 2))
    predictions = targets + rng.normal(0, rng.uniform(0.5, 2.0, (num_candidates, 1, 1)), (num_candidates, n, 2))
    if kind == "gaussian":
        predictions = np.concatenate([predictions, rng.normal(0, 0.5, predictions.shape)], axis=-1)
    return predictions, targets


def slow_selection(members, labels, ensemble_size, loss, kind, replacement, unique):
    """(members, losses): every candidate's ensemble is combined by `outputs.combine`."""
    chosen, losses, repeats = [], [], 0
    while len(set(chosen) if unique else chosen) < ensemble_size:
        step = {k: loss(labels, outputs.combine(members[[*chosen, k]], kind).numpy()) for k in range(len(members))}
        new = {k: value for k, value in step.items() if k not in chosen}
        best = min(step, key=step.get)
        useless = best in chosen and (step[best] >= losses[-1] or repeats >= ensemble_size)
        if not replacement or (unique and useless):
            best = min(new, key=new.get)
        repeats = repeats + 1 if best in chosen else 0
        chosen.append(best)
        losses.append(step[best])
    return tuple(chosen), losses


@pytest.mark.parametrize("replacement, unique", [(True, False), (False, False), (True, True)])
@pytest.mark.parametrize("name", LOSSES)
def test_selection_is_that_of_a_loop(rng, name, replacement, unique):
    loss, kind = LOSSES[name]
    for _ in range(2):
        members, labels = problem(rng, kind)
        found = greedy_selection(members, labels, 4, name, replacement, unique)
        expected, losses = slow_selection(members, labels, 4, loss, kind, replacement, unique)
        assert found.members == expected
        np.testing.assert_allclose(found.losses, losses, rtol=1e-9, atol=1e-12)


def test_weights_give_the_ensemble_of_the_last_step(rng):
    members, labels = problem(rng, "probabilities")
    found = greedy_selection(members, labels, 9)
    assert len(found.members) == 9 and len(found.unique_members) < 9
    assert list(found.unique_members) == sorted(set(found.members), key=found.members.index)
    combined = outputs.combine(members[list(found.unique_members)], "probabilities", weights=found.weights).numpy()
    assert LOSSES["nll"][0](labels, combined) == pytest.approx(found.losses[-1])


def test_memory_is_bounded_without_a_change(rng, monkeypatch):
    members, labels = problem(rng, "probabilities")
    expected = greedy_selection(members, labels, 4, "brier")
    monkeypatch.setattr(selection, "_BLOCK", 200)  # two candidates at a time
    assert greedy_selection(members, labels, 4, "brier") == expected


def test_accuracy_is_raised_not_lowered():
    right, wrong = [[0.9, 0.1]] * 4, [[0.1, 0.9]] * 4
    assert greedy_selection([wrong, right], [0] * 4, 1, "error") == ((1,), (1.0,), (0.0,))


def test_ties_go_to_the_lowest_index(rng):
    member, labels = problem(rng, "probabilities", num_candidates=1)
    same = np.repeat(member, 4, axis=0)
    for name in ("nll", "brier", "error"):
        assert greedy_selection(same, labels, 3, name, replacement=False).members == (0, 1, 2)
        assert greedy_selection(same, labels, 3, name).members == (0, 0, 0)
        assert greedy_selection(same, labels, 3, name, unique=True).members == (0, 1, 2)


def test_a_candidate_that_always_helps_does_not_keep_the_others_out():
    """A blend of 0 and 1 at the golden ratio, which repeats approach for ever."""
    share = (np.sqrt(5) - 1) / 2
    members, targets = np.asarray([[1.0], [0.0], [50.0]]), np.asarray([share])
    found = greedy_selection(members, targets, 3, "mse", unique=True)
    assert sorted(found.unique_members) == [0, 1, 2] and len(found.members) <= 9
    assert len(found.losses) == len(found.members) > 3


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_unique_selection_ends(seed, ensemble_size):
    members, labels = problem(np.random.default_rng(seed), "probabilities", num_candidates=5, n=4)
    found = greedy_selection(members, labels, ensemble_size, unique=True)
    assert len(found.unique_members) == ensemble_size and len(found.members) <= ensemble_size**2
    assert sum(found.weights) == pytest.approx(1.0)


def test_a_function_is_given_labels_and_the_mean(rng):
    members, labels = problem(rng, "probabilities")
    by_name = greedy_selection(members, labels, 4, "brier")
    by_function = greedy_selection(members, labels, 4, LOSSES["brier"][0])
    assert by_function.members == by_name.members
    np.testing.assert_allclose(by_function.losses, by_name.losses)


def test_an_impossible_label_is_survived():
    found = greedy_selection([[[1.0, 0.0]], [[0.0, 1.0]]], [1], 2)
    assert found.members == (1, 1) and found.losses == (0.0, 0.0)
    assert np.isfinite(greedy_selection([[[1.0, 0.0]]], [1], 1).losses[0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"ensemble_size": 0}, "`ensemble_size` to be an int >= 1"),
        ({"ensemble_size": 2.0}, "`ensemble_size`"),
        ({"ensemble_size": True}, "`ensemble_size`"),
        ({"ensemble_size": 8, "replacement": False}, "`ensemble_size` <= 7"),
        ({"ensemble_size": 8, "unique": True}, "`ensemble_size` <= 7"),
        ({"loss": "accuracy"}, "`loss` in .*'nll'.*or a function"),
        ({"loss": lambda labels, mean: float("nan")}, "`loss` to give finite numbers"),
    ],
)
def test_bad_arguments_are_named(rng, arguments, message):
    members, labels = problem(rng, "probabilities")
    with pytest.raises(errors.InvalidArgumentError, match=f"{message}.*Received"):
        greedy_selection(members, labels, **{"ensemble_size": 2, **arguments})
