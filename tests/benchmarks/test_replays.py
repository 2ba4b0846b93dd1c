"""Replays of recorded trainings: the files, the orders, and what stopping saves and costs on curves that are known."""

import csv
import gzip

import numpy as np
import pytest

from benchmarks import deepobs, replays
from keras_hparam import errors
from keras_hparam.optformer.study import Status

EPOCHS = 10


def steady_task(num_rows=40, late=()):
    """Curves that rise by 0.1 after the first epoch, and by 2 in the last one for the rows `late`."""
    final = np.random.default_rng(0).permutation(num_rows) / num_rows
    curves = np.repeat(final[:, None] - 0.1, EPOCHS, axis=1)
    curves[:, 1:] += 0.1
    curves[list(late), -1] += 2.0
    tokens = np.stack([np.arange(num_rows), np.arange(num_rows) % 3], axis=1).astype(np.int32)
    return deepobs.Task("steady", deepobs.TASKS["mnist_vae"], "min", tokens, curves)


def saving(**options):
    task = steady_task(**options)
    return replays.replay(task, replays.InRandomOrder(task, 0), 40, replays.Stopping(None, 0.1))


def test_hopeless_trials_are_stopped_and_the_best_is_still_found():
    found = saving()
    assert found["saved"] > 0.5 and found["stopped"] > 20
    assert found["wrong"] == 0 and found["regret"] == 0.0


def test_a_trial_that_rises_late_is_lost_and_counted():
    order = replays.InRandomOrder(steady_task(), 0)
    task = steady_task(late=order._order[-1:])
    full = replays.replay(task, order, 40)
    assert full == {"saved": 0.0, "regret": 0.0, "stopped": 0, "wrong": 0}
    found = replays.replay(task, order, 40, replays.Stopping(None, 0.1))
    assert found["wrong"] == 1
    assert found["regret"] == pytest.approx(
        (np.max(task.curves) - 39 / 40) / (np.max(task.curves) - np.median(task.curves[:, -1]))
    )


def test_the_model_decides_where_it_says_that_all_is_lost_or_won():
    task = steady_task()
    bins = np.arange(replays.NUM_BINS)
    for above, expected in ((0.0, "stopped"), (1.0, "runs")):
        prior = np.where(bins >= 750, above, 1.0 - above) + 1e-12
        order = replays.InRandomOrder(task, 0)
        found = replays.replay(task, order, 20, replays.Stopping(lambda study, tokens, prior=prior: prior[None], 0.05))
        assert (found["stopped"] > 5) == (expected == "stopped")


def test_trials_that_fail_and_those_before_anything_is_known_run_to_their_end():
    task = steady_task()
    task.curves[:] = np.nan
    task.curves[0] = 1.0
    rule = replays.Stopping(None, 0.9)
    study = task.study([0, 1], [1.0, np.nan])
    np.testing.assert_array_equal(study.statuses, [Status.COMPLETED, Status.FAILED])
    assert study.objectives[0] == -1.0 and study.scores[0] == 1.0
    assert rule.epochs(task, study, 2, [0, 1]) == EPOCHS
    healthy = steady_task()
    assert rule.epochs(healthy, healthy.study([0, 1, 2], healthy.curves[:3, -1]), 3, [0, 1, 2]) == EPOCHS


def test_a_planned_order_is_a_search_on_the_table(monkeypatch):
    task, asked = steady_task(), []

    class Worst:
        """Instead of `Proposer`: proposes the last row of the table that has not been tried."""

        model = vocabulary = decoder = None

        def __init__(self, model, vocabulary, settings):
            self.settings = settings

        def propose(self, study, rng, exclude):
            asked.append(len(study))
            rows = self.settings.prior(study, rng, 400)
            return [row for row in rows if row.tobytes() not in exclude][-1]

    monkeypatch.setattr(replays, "Proposer", Worst)
    order = replays.Planned(Worst(None, None, None), task, 0)
    rows = [39, 38]
    assert order.choose(task.study([], [])) == 39
    assert order.choose(task.study(rows, task.curves[rows, -1])) == 37
    assert asked == [0, 2]


def test_figures_are_paired_with_the_search_that_runs_all_epochs():
    task = steady_task()
    repeats = [(task, 0), (task, 1)]
    base = [{"saved": 0.0, "regret": regret, "stopped": 0, "wrong": 0} for regret in (0.1, 0.3)]
    found = [{"saved": saved, "regret": regret, "stopped": 3, "wrong": 1} for saved, regret in ((0.2, 0.1), (0.6, 0.7))]
    compared = replays.compare(repeats, found, base)
    assert compared["saved"]["mean"] == pytest.approx(0.4) and compared["added_regret"]["mean"] == pytest.approx(0.2)
    assert compared["largest_added_regret"] == pytest.approx(0.4)
    assert (compared["stopped"], compared["wrong"]) == (6, 2)
    text = replays.render([{"order": "random", "judge": "curves", "threshold": 0.05, **compared}])
    assert "0.40 [" in text and "0.2000 [" in text and "0.400" in text


def test_recorded_files_become_tasks(tmp_path):
    with pytest.raises(errors.UnavailableError, match="deepobs_runs.csv.gz"):
        deepobs.load(tmp_path)
    names = [(name, stage) for name in deepobs.TASKS for stage in ("lr_search", "lr_search", "best_lr_reseed")]
    with gzip.open(tmp_path / deepobs.RUNS, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["problem", "stage", "num_epochs", "lr", "optimizer"])
        for index, (name, stage) in enumerate(names):
            writer.writerow([name, stage, 3, 10.0 ** -(index % 3), "Momentum"])
    losses = np.tile(np.array([9.0, 3.0, 5.0, np.inf, 0.0], np.float32), (len(names), 1))
    np.savez(tmp_path / deepobs.CURVES, test_losses=losses, test_accuracies=losses / 10)
    tasks = {task.name: task for task in deepobs.load(tmp_path)}
    assert list(tasks) == list(deepobs.TASKS)
    np.testing.assert_allclose(tasks["mnist_vae"].curves, [[-3, -3, -3]] * 2)  # without epoch 0, up to num_epochs
    np.testing.assert_allclose(tasks["cifar10_3c3d"].curves, [[0.3, 0.5, 0.5]] * 2)
    values = deepobs.SPACE.from_tokens(tasks["mnist_vae"].tokens[1])
    assert values["optimizer"] == "Momentum" and values["learning_rate"] == pytest.approx(0.1, rel=0.02)
