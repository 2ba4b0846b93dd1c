"""The methods: from a finished search to a trained model's scores.

Axes: K members, S dropout samples, n examples. Every method takes a `Run` and gives a dict with scores on the test
part, `parameters`, `train_seconds` (of all that was trained, what was not chosen included, but without the common
search) and `inference_ms` of 1,000 examples.
"""

import dataclasses
import functools
import json
import pathlib
import time

import keras
import numpy as np

from benchmarks import ensemble_scores as scores
from benchmarks import ensemble_search, reference
from benchmarks import ensemble_tasks as tasks
from keras_hparam import ensembles
from keras_hparam.ensembles import outputs

WIDTH = 3.0  # members of a hyper-batch ensemble vary the settings of a trial by up to this factor, up and down


@dataclasses.dataclass(frozen=True)
class Run:
    """A task with a seed.

    Attributes:
        task, data, seed: `Task`, `Data`, int.
        ensemble_size: K.
        directory: pathlib.Path of the search and of the trained networks.
        tuner: the finished search.
    """

    task: tasks.Task
    data: tuple
    seed: int
    ensemble_size: int
    directory: pathlib.Path
    tuner: object = None


def plain_network(run, index):
    """(network, seconds of its training): the best settings of the search, initialisation `index`; trained once."""
    path, seconds_path = (run.directory / "networks" / f"{index}.{ending}" for ending in ("keras", "json"))
    if not seconds_path.exists():  # written last
        model, seconds = _trained_plain(run, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
        reference.write_json(seconds_path, seconds)
    return keras.saving.load_model(path), json.loads(seconds_path.read_text())


def _trained_plain(run, index):
    keras.utils.set_random_seed(1000 * run.seed + index)
    (settings,) = ensemble_search.best_settings(run.tuner, 1)
    started = time.perf_counter()
    model = tasks.build(run.task, run.data, settings)
    model.fit(*run.data.train, **tasks.fit_arguments(run.task, run.data))
    return model, time.perf_counter() - started


def result(run, predictions, parameters, train_seconds, models, training=False):
    """The dict of a method; `models` are what runs at inference."""
    return scores.score(run.data, predictions) | {
        "parameters": int(parameters),
        "train_seconds": train_seconds,
        "inference_ms": scores.inference_milliseconds(models, run.data.test[0], training),
    }


def single(run):
    """One network with the best settings of the search."""
    model, seconds = plain_network(run, 0)
    predictions = model.predict(run.data.test[0], batch_size=1000, verbose=0)
    return result(run, predictions, model.count_params(), seconds, [model])


def mc_dropout(run):
    """The single network, its dropout left on (Gal & Ghahramani 2016)."""
    model, seconds = plain_network(run, 0)
    keras.utils.set_random_seed(run.seed)
    parts = np.array_split(run.data.test[0], max(1, len(run.data.test[0]) // 1000))
    samples = [
        np.concatenate([keras.ops.convert_to_numpy(model(part, training=True)) for part in parts])
        for _ in range(run.task.dropout_samples)
    ]  # S arrays [n, ...]
    predictions = outputs.combine(np.stack(samples), outputs.kind_of(model.loss))
    models = [model] * run.task.dropout_samples
    return result(run, predictions, model.count_params(), seconds, models, training=True)


def deep_ensemble(run):
    """K initialisations of the best settings (Lakshminarayanan et al. 2017)."""
    networks, seconds = zip(*(plain_network(run, index) for index in range(run.ensemble_size)), strict=True)
    model = ensembles.DeepEnsemble(list(networks))
    predictions = model.predict(run.data.test[0], batch_size=1000, verbose=0)
    return result(run, predictions, model.count_params(), sum(seconds), networks)


def hyper_deep(run):
    """K of a pool of settings and initialisations, chosen greedily (Wenzel et al. 2020)."""
    started = time.perf_counter()
    model = ensembles.HyperDeepEnsemble.from_tuner(
        run.tuner, run.ensemble_size, *run.data.train, validation_data=run.data.validation,
        num_initializations=run.task.initializations, unique=True,
        directory=str(run.directory / "hyper_deep"), seed=run.seed,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    predictions = model.predict(run.data.test[0], batch_size=1000, verbose=0)
    return result(run, predictions, model.count_params(), seconds, model.networks) | {"settings": model.settings}


def batch_ensemble(run):
    """A batch ensemble (Wen et al. 2020) of the network with the settings of the best trials, the better one kept."""
    return _shared(run, _trained)


def hyper_batch(run, entropy_of="log_values", **options):
    """A hyper-batch ensemble around the settings of the best trials, with their learning rates, the better one kept.

    Its bounds are tuned on the validation part.
    """
    return _shared(run, functools.partial(_trained_hyper_batch, entropy_of=entropy_of, **options))


def _trained_hyper_batch(run, settings, entropy_of, **options):
    varied = dict.fromkeys(set(tasks.ranges(run.task)) - {"learning_rate"}, 0.0)
    return _trained(
        run, settings | varied, _hyperparameters(run.task, settings), options, entropy_of=entropy_of,
        tuning_optimizer=keras.optimizers.Adam(run.task.tuning_learning_rate),
    )  # fmt: skip


def _hyperparameters(task, settings):
    """What the members vary: within a factor of the settings, and within the ranges of the search."""
    limits = {
        name: (max(low, settings[name] / WIDTH), min(high, settings[name] * WIDTH))
        for name, (low, high) in tasks.ranges(task).items()
    }
    layers = [name for name in limits if name.startswith("l2_")]
    found = [ensembles.L2(*limits[name], layers=[name.removeprefix("l2_")]) for name in layers]
    found.append(ensembles.DropoutRate(*limits["dropout"]))
    return found if task.is_regression else [*found, ensembles.LabelSmoothing(*limits["label_smoothing"])]


def _shared(run, train):
    """Trains an ensemble with shared weights for each of the best settings; the result of the best on validation data.

    Args:
        run: `Run`.
        train: callable of the run and settings that gives (ensemble, validation NLL).
    """
    best, best_nll, validation = None, np.inf, []
    started = time.perf_counter()
    for settings in ensemble_search.best_settings(run.tuner, run.task.shared_trials):
        model, nll = train(run, settings)
        validation.append(nll)
        if nll < best_nll:
            best, best_nll = model, nll
    seconds = time.perf_counter() - started
    predictions = best.predict(run.data.test[0], batch_size=1000, verbose=0)
    return result(run, predictions, best.count_params(), seconds, best.fold()) | {"validation_nll": validation}


def _trained(run, settings, hyperparameters=(), options=None, **compiled):
    """(ensemble, validation NLL); further arguments are those of `compile`."""
    keras.utils.set_random_seed(run.seed)
    network = tasks.build(run.task, run.data, settings)
    model = ensembles.HyperBatchEnsemble.from_model(
        network, run.ensemble_size, hyperparameters, seed=run.seed, **(options or {})
    )
    compiled |= tasks.compile_arguments(run.task, settings["learning_rate"], settings.get("label_smoothing", 0.0))
    fitted = tasks.fit_arguments(run.task, run.data, run.task.shared_factor)
    model.compile(**compiled)
    tuning = {"tuning_data": run.data.validation} if hyperparameters else {}
    history = model.fit(*run.data.train, **fitted, **tuning)
    return model, float(min(history.history["val_nll"]))


METHODS = {
    method.__name__: method for method in (single, mc_dropout, deep_ensemble, hyper_deep, batch_ensemble, hyper_batch)
}
ABLATIONS = {  # hyper-batch ensembles with one of the published choices in place of ours, and with all of them
    "unit_encoding": {"encoding": "unit"},
    "value_entropy": {"entropy_of": "values"},
    "normal_factors": {
        "factor_initializer": {"class_name": "RandomNormal", "config": {"mean": 1.0, "stddev": 0.75}}
    },
}
ABLATIONS["published"] = {name: value for options in ABLATIONS.values() for name, value in options.items()}
METHODS |= {name: functools.partial(hyper_batch, **options) for name, options in ABLATIONS.items()}
