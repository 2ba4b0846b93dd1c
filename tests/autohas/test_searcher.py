"""One search step by step: order and numbers of rounds and iterations, reasons to stop, losses that are not finite."""

import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.autohas import encodings
from tests.autohas import problems, searches


def searcher_of(name="sampled", build=problems.simple, data=problems.data, **settings):
    """A searcher that has done nothing yet."""

    class Stop(Exception):
        pass

    def stop(_):
        raise Stop

    search = searches.made(name, build, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_hparam.autohas.searcher.Searcher.advance", stop)
        with pytest.raises(Stop):
            search.search(data(), data(1), epochs=2, batch_size=8)
    return search.searcher


def advanced(searcher, number=None):
    """The figures of all that is left, or of so many advances."""
    found = []
    while (number is None or len(found) < number) and (figures := searcher.advance()) is not None:
        found.append(figures)
    return found


def test_rounds_and_iterations_take_turns():
    found = [(entry["round"], entry["iteration"]) for entry in searches.finished("differentiable").history]
    assert found == [(1, 0), (1, 1), (1, 2), (2, 2), (2, 3), (2, 4), (3, 4), (3, 5), (3, 6)]


@pytest.mark.parametrize(
    "name, rounds, iterations, cost",
    [
        ("sampled", 3, 0, 3 * 3 * 4),
        ("sampled_ahead", 0, 6, 6 * 3),
        ("differentiable", 3, 6, 3 * 3 * 4 + 6 + 4),  # four of the six iterations move encodings
        ("differentiable_ahead", 0, 6, 6 * 3 + 4 * 3),
    ],
)
def test_the_cost_is_the_number_of_gradients(name, rounds, iterations, cost):
    search = searches.finished(name)
    last = search.history[-1]
    assert (last["round"], last["iteration"], last["cost"], search.cost) == (rounds, iterations, cost, cost)


@pytest.mark.parametrize(
    "horizon, chunk, steps", [(0.25, 2, 4), (0.25, 3, 3), (0.01, 2, 2), (0.9, 5, 15), (1, 5, 1), (0.3, 1, 5)]
)
def test_a_horizon_is_a_share_of_a_training_in_whole_chunks(horizon, chunk, steps):
    assert searcher_of(horizon=horizon, chunk=chunk).horizon == steps


@pytest.mark.parametrize("iterations, number", [(1.0, 16), (0.5, 8), (7, 7), (1, 16), (0.001, 1)])
def test_iterations_are_a_share_of_a_training_or_a_number(iterations, number):
    assert searcher_of("differentiable", iterations=iterations).iterations == number


@pytest.mark.parametrize("name", searches.METHODS)
def test_probabilities_of_each_basis_sum_to_1_and_move(name):
    search = searches.finished(name)
    for entry in search.history:
        parts = encodings.split(np.array(entry["probabilities"]), search.searcher.sizes)
        np.testing.assert_allclose([part.sum() for part in parts], 1.0, atol=1e-5)
    rows = np.array([entry["probabilities"] for entry in search.history])
    changes = np.abs(np.diff(rows, axis=0)).max(axis=1)
    np.testing.assert_allclose([entry["change"] for entry in search.history[1:]], changes, atol=1e-6)
    assert np.abs(rows[-1] - 1 / np.repeat(search.searcher.sizes, search.searcher.sizes)).max() > 0.05


def test_entropies_in_the_history_are_those_of_its_probabilities():
    search = searches.finished("differentiable")
    p = dict(zip(("dense", "skip"), search.history[-1]["probabilities"][:2], strict=True))
    wanted = -sum(value * np.log(value) for value in p.values())
    assert search.history[-1]["entropy/block"] == pytest.approx(wanted, rel=1e-4)
    assert search.encodings()["block"] == pytest.approx(p)
    assert {name for name in search.history[-1] if "/" in name} == {
        "entropy/block", "entropy/optimizer", "entropy/learning_rate",
    }  # fmt: skip


def test_gradients_move_the_architecture_and_samples_the_hyperparameters():
    searcher = searcher_of("differentiable", warm_up=0.0)
    (first, second) = (figures and searcher.probabilities() for figures in (searcher.advance() for _ in range(2)))
    uniform = np.full(2, 0.5)
    np.testing.assert_allclose(first[:2], uniform)  # after a round
    assert np.abs(first[3:7] - 0.5).max() > 0.05
    assert np.abs(second[:2] - uniform).max() > 0.01  # after an iteration
    np.testing.assert_array_equal(second[3:], first[3:])


def test_the_best_trial_of_a_round_and_the_mean_are_told(monkeypatch):
    searcher = searcher_of(samples=3)
    losses, rights = np.array([2.0, np.nan, 1.0]), np.array([0.5, 0.9, 0.4])
    monkeypatch.setattr(searcher.trials, "run", lambda *_: (losses, rights))
    figures = searcher.advance()
    assert (figures["validation_loss"], figures["mean_loss"], figures["accuracy"]) == (1.0, 1.5, 0.4)
    assert searcher.diverged == 1


def test_a_trial_that_diverges_is_counted_and_ranked_last(monkeypatch):
    searcher = searcher_of(samples=3, controller="policy_gradient", sampling_rate=6.0)
    before = searcher.probabilities()
    monkeypatch.setattr(searcher.trials, "run", lambda *_: (np.array([5.0, np.nan, 9.0]), np.full(3, 0.5)))
    searcher.advance()
    first, second, _ = searcher.controller.samples - before
    np.testing.assert_allclose(searcher.controller.logits, 6.0 * (0.5 * first - 0.5 * second) / 3, atol=1e-5)


def test_a_reward_may_be_the_share_of_right_classes(monkeypatch):
    searcher = searcher_of(samples=3, reward="accuracy")
    monkeypatch.setattr(searcher.trials, "run", lambda *_: (np.array([5.0, 1.0, 9.0]), np.array([0.9, 0.1, 0.5])))
    figures = searcher.advance()
    np.testing.assert_allclose(searcher.controller.losses, [-0.9, -0.1, -0.5])
    assert (figures["validation_loss"], figures["accuracy"]) == (5.0, 0.9)


def test_if_every_trial_diverges_the_search_says_so():
    searcher = searcher_of()
    searcher.initial["trained"] = [np.full_like(part, np.nan) for part in searcher.initial["trained"]]
    with pytest.raises(errors.InvalidArgumentError, match="Expected `learning_rate` .*diverge.*all 3 samples"):
        searcher.advance()


@pytest.mark.parametrize("name", ["sampled", "differentiable_ahead"])
def test_a_search_ends_when_probabilities_hardly_move(name):
    searcher = searcher_of(name, min_change=0.99, warm_up=0.5)
    found = advanced(searcher)
    assert len(found) == (1 if name == "sampled" else 4)  # three iterations of warming up move nothing
    assert "below `min_change`" in searcher.stopped and searcher.advance() is None


def test_a_search_ends_when_the_gradient_is_small():
    searcher = searcher_of("differentiable_ahead", min_gradient=1e6, warm_up=0.5)
    found = advanced(searcher)
    assert len(found) == 4 and "`min_gradient`" in searcher.stopped
    assert found[-1]["gradient"] < 1e6 and "gradient" not in found[-2]


def test_without_limits_no_search_ends_early():
    searcher = searcher_of("sampled_ahead")
    assert len(advanced(searcher)) == 6 and searcher.stopped is None


def test_labels_that_are_no_classes_cannot_be_right():
    def data(seed=0):
        x, y = problems.data(seed)
        return x, np.eye(3, 5, dtype="float32")[y][:, :2]

    with pytest.raises(errors.InvalidArgumentError, match="Expected `reward` .*'loss'.*Received: 'accuracy'"):
        searcher_of(data=data, reward="accuracy")
