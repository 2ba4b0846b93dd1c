"""The tuner, over functions instead of networks."""

import json
import threading

import keras
import keras_tuner as kt
import pytest

from keras_hparam import errors
from keras_hparam.optformer.tuner import OptFormer


class RandomProposer:
    """The planner's contract with random rows."""

    num_bins = 100

    def propose(self, study, rng, exclude):
        rows = study.space.random_tokens(rng, 256, self.num_bins)
        return next((row for row in rows if row.tobytes() not in exclude), None)


class BrokenProposer(RandomProposer):
    def propose(self, study, rng, exclude):
        raise FloatingPointError("broken")


class FunctionTuner(OptFormer):
    """Tunes a function of the hyperparameters that trials declare themselves."""

    fails_at = None

    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        x = hp.Float("x", -1.0, 1.0)
        if trial.trial_id == self.fails_at:
            raise KeyboardInterrupt
        if hp.Choice("kind", ["flat", "steep"]) == "steep":
            return x * x * hp.Int("power", 1, 4)
        return x * x


def make(tmp_path, cls=FunctionTuner, hypermodel=None, **kwargs):
    defaults = {"max_trials": 8, "seed": 0, "proposer": RandomProposer()}
    return cls(hypermodel, directory=str(tmp_path), project_name="project", **{**defaults, **kwargs})


def values(tuner):
    return [tuner.oracle.trials[trial_id].hyperparameters.values for trial_id in tuner.oracle.start_order]


def build(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    if hp.Boolean("use_momentum"):
        with hp.conditional_scope("use_momentum", [True]):
            hp.Float("momentum", 0.1, 0.9)
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def build_nothing(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def build_repeating(hp):
    hp.Choice("a", [1, 1])
    return build_nothing(hp)


def test_a_search_over_a_function_discovers_its_space(tmp_path):
    tuner = make(tmp_path)
    tuner.search(verbose=0)
    assert len(tuner.oracle.trials) == 8
    assert values(tuner)[0] == {"x": -1.0, "kind": "flat"}
    assert {p.name for p in tuner.oracle.space.parameters} == {"x", "kind", "power"}
    best = tuner.get_best_hyperparameters()[0].values["x"]
    assert best**2 <= min(v["x"] ** 2 for v in values(tuner) if v["kind"] == "flat") + 1e-12


@pytest.mark.parametrize("killed_at", ["0", "1", "5"])
def test_a_search_killed_in_a_trial_continues_exactly(tmp_path, killed_at):
    whole = make(tmp_path / "whole", seed=None if killed_at == "1" else 0)
    whole.search(verbose=0)
    parts = make(tmp_path / "parts", seed=whole.oracle.seed)
    parts.fails_at = killed_at
    with pytest.raises(KeyboardInterrupt):
        parts.search(verbose=0)
    parts = make(tmp_path / "parts", seed=77)
    parts.search(verbose=0)
    assert values(parts) == values(whole)
    assert [t.score for t in parts.oracle.trials.values()] == [t.score for t in whole.oracle.trials.values()]


def test_reload_returns_to_the_saved_state_and_overwrite_begins_anew(tmp_path):
    tuner = make(tmp_path, max_trials=4)
    tuner.search(verbose=0)
    first = values(tuner)
    tuner.oracle.max_trials = 6
    tuner.search(verbose=0)
    tuner.reload()
    assert values(tuner)[:4] == first and len(values(tuner)) == 6
    assert values(make(tmp_path, overwrite=True)) == []


def test_a_project_with_a_tuner_id_of_its_own_continues(tmp_path):
    tuner = make(tmp_path, max_trials=3, tuner_id="mine")
    tuner.search(verbose=0)
    assert values(make(tmp_path, max_trials=3, tuner_id="mine")) == values(tuner)


def test_the_error_of_a_proposal_is_raised_after_the_search(tmp_path):
    tuner = make(tmp_path, proposer=BrokenProposer())
    with pytest.raises(FloatingPointError, match="broken"):
        tuner.search(verbose=0)
    assert len(tuner.oracle.end_order) == 1  # the defaults, for which no proposal is needed
    tuner = make(tmp_path)
    tuner.search(verbose=0)
    assert len(tuner.oracle.end_order) == 8


def test_hypermodels_are_checked_before_any_trial(tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match="at least one hyperparameter.*Received"):
        make(tmp_path / "a", OptFormer, build_nothing, objective="loss")
    with pytest.raises(errors.InvalidArgumentError, match="'?a'?"):
        make(tmp_path / "b", OptFormer, build_repeating, objective="loss")
    with pytest.raises(errors.InvalidArgumentError, match="max_trials"):
        make(tmp_path / "c", OptFormer, build, objective="loss", max_trials=0)
    with pytest.raises(errors.InvalidArgumentError, match="objective"):
        make(tmp_path / "d", OptFormer, build, objective="score")


def test_hyperparameters_may_be_declared_by_fit(tmp_path):
    class Model(kt.HyperModel):
        def build(self, hp):
            return build_nothing(hp)

        def fit(self, hp, model, *args, **kwargs):
            return (hp.Int("epochs", 1, 3) - 2) ** 2

    tuner = make(tmp_path, OptFormer, Model())
    tuner._build_and_fit_model = lambda trial, *args, **kwargs: tuner.hypermodel.fit(trial.hyperparameters, None)
    tuner.search(verbose=0)
    assert sorted(v["epochs"] for v in values(tuner)) == [1, 2, 3]
    assert tuner.get_best_hyperparameters()[0].values == {"epochs": 2}


@pytest.mark.parametrize("given", [False, True])
def test_initial_trials_are_checked_against_all_that_the_hypermodel_declares(tmp_path, given):
    hp = None
    if given:
        hp = kt.HyperParameters()
        hp.Float("rate", 1e-3, 1e-2)
    common = {"objective": "loss", "hyperparameters": hp}
    good = [{"use_momentum": True, "momentum": 0.5, "rate": 0.005}]
    tuner = make(tmp_path, OptFormer, build, initial_trials=good, **common)
    assert tuner.oracle.create_trial("worker").hyperparameters.values == good[0]
    for bad in ({"momentun": 0.5}, {"momentum": 0.95}):
        with pytest.raises(errors.InvalidArgumentError, match="initial_trials"):
            make(tmp_path / "bad", OptFormer, build, initial_trials=[bad], **common)
    assert not list((tmp_path / "bad").glob("project/trial_*"))


def test_workers_of_one_oracle_in_threads(tmp_path):
    first = make(tmp_path, max_trials=16, tuner_id="0")
    tuners = [first] + [make(tmp_path / str(i), tuner_id=str(i)) for i in range(1, 4)]
    for tuner in tuners:
        tuner.oracle = first.oracle
    first.oracle.verbose = 0
    threads = [threading.Thread(target=tuner.search, daemon=True) for tuner in tuners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads) and first.oracle.error is None
    assert len({json.dumps(v, sort_keys=True) for v in values(first)}) == 16
