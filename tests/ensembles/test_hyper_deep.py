"""Axes: M settings, N selected ones, K members, n held-out examples."""

import math

import keras
import keras_tuner as kt
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from keras_hparam import errors
from keras_hparam.distribute import strategies
from keras_hparam.ensembles.hyper_deep import HyperDeepEnsemble
from tests.ensembles import searches
from tests.ensembles.searches import ensemble_of

(X, Y), VALIDATION = searches.data()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return searches.searched(tmp_path_factory.mktemp("search"))


@pytest.fixture
def tuner(finished):
    model = finished.hypermodel
    model.trained, model.fail_at, model.spoiled, model.eager = [], None, (), True
    return finished


TRAINED = {"ensemble_size": 3, "second_candidates": "trained", "num_top": 3, "seed": 3}


@pytest.fixture(scope="module")
def whole(finished, tmp_path_factory):
    """(ensemble, directory) of a run of five networks, all trained here."""
    directory = tmp_path_factory.mktemp("whole")
    return ensemble_of(finished, directory=directory, **TRAINED), directory


def nll(probabilities):
    """Of [n, C]."""
    return -np.log(probabilities[np.arange(len(probabilities)), VALIDATION[1]]).mean()


def stored_probabilities(directory):
    """dict from the name of each network that was kept to its probabilities [n, C]."""
    paths = sorted((directory / "networks").iterdir())
    models = {path.name: keras.saving.load_model(path / "model.keras") for path in paths}
    return {name: special.softmax(model.predict(VALIDATION[0], verbose=0), -1) for name, model in models.items()}


def test_the_members_are_what_a_brute_force_greedy_selection_finds(whole):
    ensemble, directory = whole
    kept = stored_probabilities(directory)
    first = {name: p for name, p in kept.items() if name.endswith("-000")}
    assert (len(first), len(kept)) == (3, 5)

    def greedy(pool, size, replacement):
        order = []
        while len(order) < size:
            free = [name for name in pool if replacement or name not in order]
            order.append(min(free, key=lambda name: nll(np.mean([pool[one] for one in [*order, name]], axis=0))))
        return order

    settings = [name[:-4] for name in greedy(first, 2, replacement=False)]
    pool = {f"{setting}-{number:03d}": kept[f"{setting}-{number:03d}"] for setting in settings for number in (0, 1)}
    members = greedy(pool, 3, replacement=True)
    assert [list(pool)[index] for index in ensemble.selection.members] == members
    steps = [nll(np.mean([pool[one] for one in members[: size + 1]], axis=0)) for size in range(3)]
    np.testing.assert_allclose(ensemble.selection.losses, steps, rtol=1e-5)
    found = special.softmax(ensemble.predict(VALIDATION[0], verbose=0), axis=-1)
    np.testing.assert_allclose(found, np.mean([pool[one] for one in members], axis=0), atol=1e-6)
    assert ensemble.evaluate(*VALIDATION, verbose=0)[0] == pytest.approx(steps[-1], rel=1e-4)
    assert len(ensemble.settings) == len(ensemble.networks) == len(set(members))
    units = [network.layers[0].units for network in ensemble.networks]
    assert units == [setting["units"] for setting in ensemble.settings]


def test_networks_of_the_search_are_not_trained_again(tuner, tmp_path):
    ensemble = ensemble_of(tuner, directory=tmp_path)
    assert len(tuner.hypermodel.trained) == 2  # one more initialisation of two settings
    saved = [p for name, p in stored_probabilities(tmp_path).items() if name.endswith("-000")]
    for model in tuner.get_best_models(2):
        expected = special.softmax(model.predict(VALIDATION[0], verbose=0), axis=-1)
        assert min(np.abs(expected - one).max() for one in saved) < 1e-6
    assert len(saved) == 4 and len(ensemble.selection.members) == 2


def test_a_killed_run_trains_nothing_again(tuner, whole, tmp_path):
    tuner.hypermodel.fail_at = 4
    with pytest.raises(RuntimeError, match="killed"):
        ensemble_of(tuner, directory=tmp_path, **TRAINED)
    assert len(list((tmp_path / "networks").iterdir())) == 3
    tuner.hypermodel.fail_at = None
    resumed = ensemble_of(tuner, directory=tmp_path, **TRAINED)
    assert len(tuner.hypermodel.trained) == 4 + 2  # of five networks, one was lost
    ensemble_of(tuner, directory=tmp_path, **{**TRAINED, "ensemble_size": 1, "num_settings": 1})
    assert len(tuner.hypermodel.trained) == 4 + 2
    assert resumed.selection == whole[0].selection and resumed.settings == whole[0].settings
    np.testing.assert_allclose(resumed.predict_members(X), whole[0].predict_members(X), atol=1e-6)


def test_two_devices_equal_one(tuner, logical_cpus):
    tuner.hypermodel.eager = False
    sizes = {"num_top": 1, "num_settings": 1, "num_initializations": 3, "replacement": False}
    arguments = {"second_candidates": "trained", "epochs": 3, "batch_size": 16, **sizes}
    one = ensemble_of(tuner, 3, **arguments)
    two = ensemble_of(tuner, 3, strategy=strategies.mirrored(*logical_cpus), **arguments)
    assert len(tuner.hypermodel.trained) == 6 and one.selection.members == two.selection.members
    members = one.predict_members(X)
    np.testing.assert_allclose(members, two.predict_members(X), atol=1e-5)
    assert all(np.abs(members[a] - members[b]).max() > 1e-2 for a, b in [(0, 1), (0, 2), (1, 2)])


def test_another_seed_gives_other_networks(tuner, whole):
    sizes = {"num_top": 1, "num_settings": 1, "num_initializations": 1, "ensemble_size": 1}
    found = [ensemble_of(tuner, **{**TRAINED, **sizes, "seed": seed}).predict(X, verbose=0) for seed in (3, 4)]
    assert np.abs(found[0] - found[1]).max() > 1e-2


def test_saves_and_loads(whole, tmp_path):
    ensemble = whole[0]
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras", safe_mode=True)
    assert isinstance(loaded, HyperDeepEnsemble)
    assert (loaded.settings, loaded.selection) == (ensemble.settings, ensemble.selection)
    np.testing.assert_allclose(loaded.predict(X, verbose=0), ensemble.predict(X, verbose=0), atol=1e-6)
    found = loaded.uncertainty(X, "mutual_information")
    np.testing.assert_allclose(found, ensemble.uncertainty(X, "mutual_information"), atol=1e-6)
    np.testing.assert_allclose(loaded.evaluate(X, Y, verbose=0), ensemble.evaluate(X, Y, verbose=0), rtol=1e-5)


def test_a_network_of_nan_is_left_out(tuner, caplog, tmp_path):
    rates = [values.values["rate"] for values in tuner.get_best_hyperparameters(4)]
    spoiled = min(rates, key=rates.count)
    tuner.hypermodel.spoiled = (spoiled,)
    assert 0 < rates.count(spoiled) < 3
    arguments = {"second_candidates": "trained", "num_initializations": 1, "directory": tmp_path}
    ensemble = ensemble_of(tuner, **arguments)
    assert {setting["rate"] for setting in ensemble.settings} == set(rates) - {spoiled}
    assert "not finite is left out" in caplog.text and len(tuner.hypermodel.trained) == 4
    with pytest.raises(errors.InvalidArgumentError, match=f"at least 4 networks.*{4 - rates.count(spoiled)} of 4"):
        ensemble_of(tuner, num_settings=4, **arguments)
    assert len(tuner.hypermodel.trained) == 4


def test_datasets(tuner):
    pairs = [tf.data.Dataset.from_tensor_slices(pair).batch(20) for pair in ((X, Y), VALIDATION)]
    arguments = {"num_top": 2, "num_settings": 1, "num_initializations": 2, "epochs": 1, "shuffle": False}
    arrays = HyperDeepEnsemble.from_tuner(tuner, 2, X, Y, VALIDATION, batch_size=20, **arguments)
    dataset = HyperDeepEnsemble.from_tuner(tuner, 2, pairs[0], None, pairs[1], **arguments)
    assert dataset.selection.members == arrays.selection.members
    np.testing.assert_allclose(dataset.selection.losses, arrays.selection.losses, rtol=1e-5)


def test_a_directory_of_another_search_is_refused(tuner, tmp_path):
    arguments = {"num_top": 1, "num_settings": 1, "num_initializations": 1, "unique": False}
    ensemble_of(tuner, directory=tmp_path, **arguments)
    for other in ({"seed": 1}, {"epochs": 2}, {"second_candidates": "trained"}):
        with pytest.raises(errors.InvalidArgumentError, match=f"trained with.*{next(iter(other))}"):
            ensemble_of(tuner, directory=tmp_path, **{**arguments, **other})
    with pytest.raises(errors.InvalidArgumentError, match="trained with.*data"):
        HyperDeepEnsemble.from_tuner(tuner, 2, X + 1, Y, VALIDATION, epochs=1, directory=tmp_path, **arguments)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    with pytest.raises(errors.InvalidArgumentError, match="with other content"):
        ensemble_of(tuner, directory=tmp_path / "foreign", **arguments)
    assert not tuner.hypermodel.trained


def test_searches_first_where_there_is_no_search(tmp_path):
    hypermodel = searches.CountingHyperModel()
    arguments = {"epochs": 1, "num_initializations": 1, "directory": tmp_path, "seed": 2}

    def run():
        return HyperDeepEnsemble.from_hypermodel(hypermodel, "val_loss", 2, 2, X, Y, VALIDATION, **arguments)

    ensemble = run()
    assert len(hypermodel.trained) == 2 and all(math.isfinite(loss) for loss in ensemble.selection.losses)
    assert run().selection == ensemble.selection and len(hypermodel.trained) == 2
    grid = HyperDeepEnsemble.from_hypermodel(
        hypermodel, "val_loss", 1, 1, X, Y, VALIDATION, epochs=1, tuner_class=kt.GridSearch,
        tuner_arguments={"max_retries_per_trial": 1},
    )  # fmt: skip
    assert len(grid.networks) == 1
