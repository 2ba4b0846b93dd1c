"""KerasTuner Oracles as prior policies: they follow the host's trials, repeat, and leave no traces."""

import keras_tuner as kt
import numpy as np
import pytest

from keras_hparam import errors
from keras_hparam.optformer.prior_oracle import OraclePrior
from tests.optformer.oracles import finish, make, mixed_space, run

OBJECTIVE = kt.Objective("score", "max")


class BestOracle(kt.Oracle):
    """Repeats the best trial's width with a random rate; keeps what it knew when it was asked."""

    def populate_space(self, trial_id):
        self.known = {i: (trial.status, trial.score) for i, trial in self.trials.items()}
        self.running = sorted(trial.trial_id for trial in self.ongoing_trials.values())
        values = self._random_values()
        if self.end_order:
            values["width"] = self.get_best_trials()[0].hyperparameters.values["width"]
        return {"status": "RUNNING", "values": values}


def asked(prior, host, count=3, seed=0):
    return prior(host.study(), np.random.default_rng(seed), count)


def test_it_is_told_every_trial_as_it_is(tmp_path):
    host = make(tmp_path, mixed_space())
    for end in [{"value": 0.25}, {"status": "FAILED"}, {"value": 0.5}, {"value": np.inf}]:
        finish(host, host.create_trial("worker"), **end)
    host.create_trial("other")
    oracle = BestOracle(OBJECTIVE)
    proposals = asked(OraclePrior(oracle, host), host)
    assert [oracle.known[i] for i in host.start_order] == [
        ("COMPLETED", 0.25), ("FAILED", None), ("COMPLETED", 0.5), ("FAILED", None), ("RUNNING", None)
    ]  # fmt: skip
    assert oracle.running == ["0005", "0006", "04"]
    best = host.trials[host.start_order[2]].hyperparameters.values["width"]
    assert len(proposals) == 3 and all(values["width"] == best for values in proposals)
    assert len({values["rate"] for values in proposals}) == 3
    for values in proposals:
        host.space.validate(values)
        assert ("momentum" in values) == (values["optimizer"] == "sgd")


@pytest.mark.parametrize("make_oracle", [
    lambda: kt.oracles.RandomSearchOracle(OBJECTIVE),
    lambda: kt.oracles.BayesianOptimizationOracle(OBJECTIVE, num_initial_points=2),
    lambda: kt.oracles.HyperbandOracle(OBJECTIVE, max_epochs=9),
])  # fmt: skip
def test_kerastuners_oracles_propose_the_same_again(tmp_path, make_oracle):
    host = make(tmp_path, mixed_space())
    run(host, 3)
    host.create_trial("other")
    prior = OraclePrior(make_oracle(), host, most=2)
    first, again, other = (asked(prior, host, 9, seed) for seed in (0, 0, 1))
    assert len(first) == 2 and first == again == asked(OraclePrior(make_oracle(), host, most=2), host, 9)
    assert first != other
    for values in first:
        host.space.validate(values)
    assert sorted(path.name for path in (tmp_path / "project").iterdir()) == [
        "oracle.json", *(f"trial_0{i}" for i in range(4))
    ]  # fmt: skip


def test_failures_in_a_row_do_not_end_it_and_an_oracle_may_stop(tmp_path):
    host = make(tmp_path, mixed_space(), max_consecutive_failed_trials=10)
    for _ in range(5):
        finish(host, host.create_trial("worker"), status="FAILED")
    assert len(asked(OraclePrior(kt.oracles.RandomSearchOracle(OBJECTIVE), host), host)) == 3

    class Stopping(kt.Oracle):
        def populate_space(self, trial_id):
            return {"status": "STOPPED"}

    assert asked(OraclePrior(Stopping(OBJECTIVE), host), host) == []


def test_oracles_that_cannot_serve_are_refused(tmp_path):
    host = make(tmp_path, mixed_space())
    used = make(tmp_path / "used", mixed_space())
    run(used, 1)
    for oracle, message in [
        (kt.oracles.GridSearchOracle(OBJECTIVE), "GridSearchOracle"),
        (kt.oracles.RandomSearchOracle("val_loss"), r"'score' \(max\).*Received: 'val_loss' \(min\)"),
        (used, "without trials.*Received: one with 1"),
    ]:
        with pytest.raises(errors.InvalidArgumentError, match=message):
            OraclePrior(oracle, host)
