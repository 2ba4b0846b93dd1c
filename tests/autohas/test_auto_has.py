"""`AutoHAS` as its user sees it: what is found, plain models, refusals."""

import keras
import keras_tuner as kt
import numpy as np
import pytest
from keras import layers

from keras_hparam import errors
from keras_hparam.autohas import AutoHAS, encodings
from keras_hparam.autohas.mixtures import Relaxed, sampled_paths
from keras_hparam.autohas.trials import cosine
from keras_hparam.optformer.history import validate_initial_trial
from keras_hparam.spaces import convert
from tests.autohas import problems, searches


def test_it_finds_the_rate_at_which_a_short_training_learns():
    for name in ("sampled", "differentiable"):
        assert searches.finished(name).encodings()["learning_rate"][0.1] > 0.9


def test_encodings_are_the_probabilities_by_name():
    search = searches.finished("sampled")
    found = search.encodings()
    assert list(found) == search.searcher.supernet.names and list(found["block"]) == ["dense", "skip"]
    flat = [p for part in found.values() for p in part.values()]
    np.testing.assert_allclose(flat, search.history[-1]["probabilities"])


@pytest.mark.parametrize("continuous", ["most_probable", "weighted_sum"])
def test_hyperparameters_are_for_the_build_function_and_for_oracles(continuous):
    search = searches.finished("differentiable_ahead")
    hp, found = search.best_hyperparameters(continuous), search.encodings()
    assert hp.values.keys() == {p.name for p in hp.space} == {"block", "rate", "optimizer", "learning_rate"}
    for name in ("block", "optimizer"):
        assert hp.get(name) == max(found[name], key=found[name].get)
    p, q = found["learning_rate"].values()
    rates = {"most_probable": 0.1 if p > q else 0.01, "weighted_sum": 0.1**p * 0.01**q}
    assert hp.get("learning_rate") == pytest.approx(rates[continuous], rel=1e-5)
    validate_initial_trial(convert.from_hyperparameters(hp), hp.values, 0)
    again = kt.HyperParameters.from_config(hp.get_config())
    assert again.values == hp.values and isinstance(problems.simple(again), keras.Model)
    assert again.values == hp.values  # all were there


def test_the_best_model_is_plain_and_trains():
    search, (x, y) = searches.finished("sampled"), problems.data()
    model = search.best_model()
    assert not any(isinstance(layer, Relaxed) for layer in model._flatten_layers())
    hp = search.best_hyperparameters()
    assert type(model.optimizer).__name__.lower() == hp.get("optimizer")
    assert float(model.optimizer.learning_rate) == pytest.approx(hp.get("learning_rate"))
    losses = model.fit(x, y, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_the_best_model_inherits_the_shared_weights():
    search, (x, _) = searches.finished("differentiable_ahead"), problems.data(5)
    model, searcher = search.best_model(inherit_weights=True), search.searcher
    chosen, state = encodings.one_hot(searcher.probabilities(), searcher.sizes), searcher.shared.state
    with sampled_paths():
        wanted, _, _ = searcher.supernet.outputs(state["trained"], state["others"], chosen, keras.ops.array(x), False)
    np.testing.assert_allclose(model(x), wanted, atol=1e-5)
    assert np.abs(np.asarray(search.best_model()(x)) - np.asarray(wanted)).max() > 0.01


def falling(hp):
    """`simple` with rates on a cosine and one operation."""
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3, "softmax")])
    rates = {"optimizer": ["sgd", "adam"], "learning_rate": [0.1, 0.01], "decay_steps": 16}
    return problems.compile(model, hp, **rates, loss=problems.LOSS)


def test_the_course_of_the_rate_is_that_of_the_iterations():
    search = searches.run(searches.made("sampled_ahead", falling))
    p = np.array([[0.5, 0.5], *(entry["probabilities"][2:4] for entry in search.history[:-1])])
    wanted = cosine(np.arange(6), 6) * 0.1 ** p[:, 0] * 0.01 ** p[:, 1]
    np.testing.assert_allclose(search.learning_rates(), wanted, rtol=1e-5)
    model, (x, y) = search.best_model(learning_rate="course"), problems.data()
    for step, rate in enumerate(wanted):
        model.optimizer.iterations.assign(step)
        assert float(model.optimizer.learning_rate) == pytest.approx(rate, rel=1e-5)
    model.optimizer.iterations.assign(0)
    model.fit(x, y, epochs=1, verbose=0)
    schedule = search.best_model().optimizer.get_config()["learning_rate"]
    assert schedule["class_name"] == "CosineDecay" and schedule["config"]["decay_steps"] == 16


def test_what_needs_shared_weights_says_so():
    search = searches.finished("sampled")
    for arguments in ({"inherit_weights": True}, {"learning_rate": "course"}):
        with pytest.raises(errors.InvalidArgumentError, match="Expected `inherit_weights` .*Received: 'reinforce'"):
            search.best_model(**arguments)
    with pytest.raises(errors.InvalidArgumentError, match="Expected `learning_rate` .*'course'.*Received: 'mine'"):
        search.best_model(learning_rate="mine")
    with pytest.raises(errors.InvalidArgumentError, match="Expected `continuous`"):
        search.best_model(continuous="mine")


def test_progress_hears_of_every_round_and_iteration():
    heard = []
    search = searches.run(searches.made(rounds=2, samples=2), progress=heard.append)
    assert [one["round"] for one in heard] == [1, 2] and all("validation_loss" in one for one in heard)
    assert [entry["validation_loss"] for entry in search.history] == [one["validation_loss"] for one in heard]


def test_datasets_of_the_same_minibatches_give_the_same_search():
    import tensorflow as tf

    searcher = searches.finished("sampled").searcher
    train = tf.data.Dataset.from_tensor_slices(searcher.batches.examples.stack(0, 16))
    validation = tf.data.Dataset.from_tensor_slices(searcher.validation.stack(0, 6))
    found = searches.made().search(train, validation, epochs=1)
    np.testing.assert_array_equal(found.searcher.probabilities(), searcher.probabilities())


def test_xla_gives_the_same_search():
    one, other = searches.made(build=falling), searches.made(build=falling)
    other.jit_compile = True
    found, wanted = (searches.run(search).history for search in (other, one))
    for entry, same in zip(found, wanted, strict=True):
        assert entry["mean_loss"] == pytest.approx(same["mean_loss"], rel=1e-5)
        np.testing.assert_allclose(entry["probabilities"], same["probabilities"], atol=1e-3)


def nothing_to_choose(hp):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
    return problems.compile(model, hp, optimizer=["sgd"], learning_rate=[0.1], loss="mse")


def uncompiled(hp):
    return problems.network(hp)


def looks_at_a_value(hp):
    hp.Int("depth", 1, 3)


@pytest.mark.parametrize(
    "build, message",
    [
        (
            uncompiled,
            "Expected `build` to be a function that returns what `autohas.compile` does.*Received: <Functional",
        ),
        (nothing_to_choose, "Expected `build` to be .*a choice of two or more.*Received: {'optimizer': 1"),
        (looks_at_a_value, r"Expected hyperparameters that can be relaxed.*hp.Int\('depth'\)"),
    ],
)
def test_a_build_function_that_cannot_be_searched_is_refused(build, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        searches.run(searches.made(build=build))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"validation": None}, "Expected `validation`, held-out examples.*Received: None"),
        ({"validation": lambda: problems.data(number=4)}, "Expected `validation` .*8, examples. Received: 4"),
        ({"train": lambda: problems.data(number=4)}, "Expected `train` .*8, examples. Received: 4"),
        ({"epochs": 0}, "Expected `epochs` to be an int >= 1. Received: 0"),
        ({"batch_size": 0}, "Expected `batch_size`"),
    ],
)
def test_data_that_cannot_be_searched_on_are_refused(arguments, message):
    given = {"train": problems.data, "validation": problems.data, "epochs": 2, "batch_size": 8} | arguments
    given = {name: value() if callable(value) else value for name, value in given.items()}
    with pytest.raises(errors.InvalidArgumentError, match=message):
        searches.made().search(**given)


def test_there_are_no_results_before_a_search():
    search = AutoHAS(problems.simple)
    for ask in (search.encodings, search.best_hyperparameters, search.best_model, search.learning_rates):
        with pytest.raises(errors.InvalidArgumentError, match="Expected a search before its results"):
            ask()


def test_what_is_no_build_function_is_refused():
    with pytest.raises(errors.InvalidArgumentError, match="Expected `build` .*Received: 3"):
        AutoHAS(3)
