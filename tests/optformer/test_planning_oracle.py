"""The planning Oracle and its tuner: what the arguments do, with a small model."""

import keras_tuner as kt
import pytest

from keras_hparam import errors
from keras_hparam.optformer import planning, weights
from keras_hparam.optformer.decoding import Decoder
from keras_hparam.optformer.planning_oracle import PlanningOracle
from keras_hparam.optformer.planning_tuner import Planning
from tests.optformer.oracles import finish, mixed_space, run, small_space

OBJECTIVE = kt.Objective("score", "max")


@pytest.fixture(scope="module")
def folder(model, vocabulary, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small"
    weights.save(path, model, vocabulary)
    return str(path)


@pytest.fixture(scope="module")
def decoder(model):
    return Decoder(model)


@pytest.fixture(autouse=True)
def compile_once(monkeypatch, decoder):
    """All Oracles here load the same weights: they share one decoder, which is compiled once."""
    monkeypatch.setattr(planning, "Decoder", lambda model: decoder)


def make(tmp_path, folder, hyperparameters, **kwargs):
    options = {"num_candidates": 20, "refined_candidates": 4, "gaussian_process": False, "seed": 0, **kwargs}
    oracle = PlanningOracle(OBJECTIVE, 12, hyperparameters, weights=folder, **options)
    oracle._set_project_dir(str(tmp_path), "project")
    oracle.verbose = 0
    return oracle


def test_a_search_with_every_kind_of_prior(tmp_path, folder):
    asked = []

    def own(study, rng, count):
        asked.append((len(study), count))
        return [{"rate": 0.01, "width": 16, "optimizer": "adam"}]

    bayesian = kt.oracles.BayesianOptimizationOracle(OBJECTIVE, num_initial_points=2)
    prior = {"model": 1, "local": 1, "random": 1, own: 1, bayesian: 1}
    values = run(make(tmp_path, folder, mixed_space(), prior=prior), 5)
    assert len({tuple(v.items()) for v in values}) == 5
    assert asked == [(number, 4) for number in range(5)] and len(bayesian.start_order) >= 4


def test_workers_at_once_exhaust_a_small_space_without_a_duplicate(tmp_path, folder):
    oracle = make(tmp_path, folder, small_space(), acquisition="thompson")
    trials = [oracle.create_trial(f"worker{i}") for i in range(8)]
    assert len({tuple(trial.hyperparameters.values.items()) for trial in trials}) == 8 and oracle.error is None
    assert oracle.create_trial("another").status == "STOPPED"
    for trial in trials:
        finish(oracle, trial, 1.0)


@pytest.mark.parametrize("options", [{"prior": lambda *_: "nonsense"}, {"acquisition": lambda *_: "nonsense"}])
def test_what_functions_return_ends_the_search_with_an_error_that_names_them(tmp_path, folder, options):
    oracle = make(tmp_path, folder, mixed_space(), **options)
    assert oracle.create_trial("worker").status == "STOPPED"
    assert isinstance(oracle.error, errors.InvalidArgumentError) and f"`{next(iter(options))}`" in str(oracle.error)


@pytest.mark.parametrize("options, message", [
    ({"acquisition": "best"}, "acquisition"), ({"prior": "grid"}, "prior"), ({"num_candidates": 0}, "num_candidates"),
    ({"prior": kt.oracles.RandomSearchOracle("val_loss")}, "prior.*'score'"), ({"pending": "liar"}, "pending"),
])  # fmt: skip
def test_wrong_arguments_are_named_before_the_weights_are_read(tmp_path, options, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        make(tmp_path, "no-such-weights", mixed_space(), **options)


def test_the_tuner_passes_its_arguments_on_and_continues(tmp_path, folder):
    class FunctionTuner(Planning):
        def run_trial(self, trial, *args, **kwargs):
            return (trial.hyperparameters.Float("x", -1.0, 1.0) - 0.3) ** 2

    def search(path, max_trials, **kwargs):
        tuner = FunctionTuner(
            max_trials=max_trials, acquisition="ucb", beta=1.0, prior=["model", "local"], num_candidates=20,
            refined_candidates=0, gaussian_process=False, weights=folder, seed=3, initial_trials=[{"x": 0.5}],
            pending="placeholder", directory=str(path), project_name="project", **kwargs,
        )  # fmt: skip
        tuner.search(verbose=0)
        return tuner

    whole = search(tmp_path / "whole", 6)
    settings = whole.oracle.proposer.settings
    assert (settings.acquisition, settings.beta, settings.pending) == ("ucb", 1.0, "placeholder")
    search(tmp_path / "parts", 3)
    parts = search(tmp_path / "parts", 6)
    values = [[tuner.oracle.trials[i].hyperparameters.values["x"] for i in tuner.oracle.start_order]
              for tuner in (whole, parts)]  # fmt: skip
    assert values[0] == values[1] and len(set(values[0])) == 6 and values[0][1] == 0.5
    with pytest.raises(TypeError, match="decoding"):
        search(tmp_path / "wrong", 1, decoding="greedy")
