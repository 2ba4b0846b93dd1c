"""The table of all that the package reads from disk: how small files of each kind are made, and how they are read.

A new reader joins by a row here; `keras_hparam.testing.check_damaged_files` takes the rows.

Axes: T trials, n examples.
"""

import contextlib
import gzip
import json
import zipfile

import keras
import numpy as np

from keras_hparam import checkpoints, errors, reports
from keras_hparam.ensembles import loading, network_store
from keras_hparam.learned_optimizers import ElementwiseRule, OptimizerConfig, particles
from keras_hparam.learned_optimizers import weights as optimizer_weights
from keras_hparam.learned_schedules import LearnedSchedule, controller, sidecar
from keras_hparam.learned_schedules import config as schedule_config
from keras_hparam.learned_schedules import weights as schedule_weights
from keras_hparam.optformer import config, model, oracle, study_tuner, vocabulary, weights
from keras_hparam.optformer.corpus import generator, shards, tables, yahpo
from keras_hparam.parallel import leases
from keras_hparam.tasks import data
from keras_hparam.testing import Files
from tools import ensemble_outputs

# Weights and checkpoints


def _write_weights(folder):
    arrays = {"kernel": np.linspace(-1.0, 1.0, 6).reshape(2, 3), "ids": np.arange(3)}
    files = {"pieces.model": b"\x00pieces"}
    checkpoints.save_weights(folder / "tiny", arrays, {"width": 2}, kind="mlp", files=files, seed=0)
    return folder / "tiny"


def _read_weights(path):
    return checkpoints.load_weights(path, kind="mlp")._asdict()


def _write_rule(rule):
    def write(folder):
        optimizer_weights.save(folder / "rule", rule, rule.initial(0), seed=0)
        return folder / "rule"

    return write


def _read_rule(rule_class):
    def read(path):
        rule, theta = optimizer_weights.load(path, rule_class)
        return rule.to_dict(), theta

    return read


def _small_controller():
    made = controller.Controller(schedule_config.ControllerConfig(("rate", "training_loss"), "lstm", (3, 2)))
    made.set_weights([np.linspace(-1.0, 1.0, w.size).reshape(w.shape) for w in made.get_weights()])
    return made


def _write_controller(folder):
    schedule_weights.save(folder / "controller", _small_controller(), seed=0)
    return folder / "controller"


def _read_controller(path):
    found = schedule_weights.load(path)
    return found.config.to_dict(), found.get_weights()


def _write_optformer(folder):
    words = vocabulary.train_tokenizer(["learning rate", "dropout", "units of the hidden layer"], 300)
    text = vocabulary.Vocabulary(words, num_bins=12)
    sizes = config.OptFormerConfig(
        text.first_bin, num_bins=12, num_categories=3, num_slots=3, max_trials=4, metadata_length=5, width=4,
        num_layers=1, num_heads=2, mlp_ratio=1, num_frequencies=2, value_width=2, description_width=2,
    )  # fmt: skip
    weights.save(folder / "optformer", model.OptFormer(sizes), text, seed=0)
    return folder / "optformer"


def _read_optformer(path):
    network, text = weights.load(path)
    return network.get_config()["config"], network.get_weights(), text.tokenizer


def _write_checkpoint(folder):
    manager = checkpoints.CheckpointManager(folder / "checkpoints", kind="training")
    manager.save(7, {"kernel": np.arange(6.0), "step": np.array(3)}, {"seed": 0, "means": [0.5, 0.25]})
    return folder / "checkpoints"


def _read_checkpoint(path):
    found = checkpoints.CheckpointManager(path, kind="training").restore()
    return None if found is None else found._asdict()


def _course(path):
    return checkpoints.Course(path / "checkpoints", "training", facts=lambda: {"seed": 0, "settings": {"steps": 9}})


def _write_course(folder):
    _course(folder / "work").save(7, {"kernel": np.arange(6.0)}, {"figures": {"loss": 0.5}})
    return folder / "work"


def _read_course(path):
    found = _course(path).restore()
    return None if found is None else found._asdict()


# Keras' files with what the package adds


def _network():
    x = keras.Input((2,), name="x")
    network = keras.Model(x, keras.layers.Dense(3, name="dense")(x), name="network")
    network.set_weights([np.linspace(-1.0, 1.0, 6).reshape(2, 3), np.zeros(3)])
    return network


def _content(network):
    return network.to_json(), network.get_weights()


def _write_keras(folder):
    _network().save(folder / "ensemble.keras")
    return folder / "ensemble.keras"


def _read_keras(path):
    return _content(loading.load_model(path))


def _write_networks(folder):
    store = network_store.NetworkStore(folder / "networks", {"seed": 0})
    store.save("first", _network(), np.ones((2, 3)), {"units": 8})
    return folder / "networks"


def _read_networks(path):
    store = network_store.NetworkStore(path, {"seed": 0})
    return store.predictions("first", {"units": 8}), _content(store.load("first"))


def _schedule():
    return LearnedSchedule(0.1, _small_controller())


def _write_sidecar(folder):
    network, schedule = _network(), _schedule()
    schedule.state.values["rate"].assign(0.05)
    schedule.state.pending = {"losses": np.arange(3.0)}
    sidecar.accompany(network, schedule)
    network.save_weights(folder / "model.weights.h5")
    (folder / "model.weights.h5").unlink()  # Keras' own
    return folder / f"model.weights.h5{sidecar.ENDING}"


def _read_sidecar(path):
    schedule = _schedule()
    sidecar.read(path, schedule)
    variables = {name: float(np.sum(variable)) for name, variable in schedule.state.variables().items()}
    return variables, schedule.state.pending


# Searches, reports and settings


class _NoProposer:
    """Leaves every proposal to chance."""

    num_bins = 100

    def propose(self, study, rng, exclude):
        return None


def _oracle(folder, **kwargs):
    made = oracle.OptFormerOracle(max_trials=9, seed=0, proposer=_NoProposer(), **kwargs)
    made._set_project_dir(str(folder), "project")
    made.verbose = 0
    return made


def _write_project(folder):
    search = _oracle(folder)
    search.hyperparameters.Float("rate", 1e-4, 1e-1, sampling="log")
    search.hyperparameters.Choice("optimizer", ["sgd", "adam"])
    for number in range(2):
        trial = search.create_trial("worker")
        search.update_trial(trial.trial_id, {"default_objective": 0.5 + number})
        trial.status = "COMPLETED"
        search.end_trial(trial)
    search.create_trial("worker")
    search.save()
    return folder / "project"


def _read_project(path):
    search = _oracle(path.parent)
    search.reload()
    return search.get_state(), {name: trial.get_state() for name, trial in search.trials.items()}


def _build(hp):
    return hp.Float("rate", 1e-4, 1e-1)


def _write_tuner(folder):
    tuner = study_tuner.StudyTuner(_oracle(folder), _build, directory=str(folder), project_name="project")
    tuner.save()
    return folder / "project"


def _read_tuner(path):
    place = {"directory": str(path.parent), "project_name": path.name}
    with contextlib.redirect_stdout(None):  # KerasTuner says that it reads
        tuner = study_tuner.StudyTuner(_oracle(path.parent), _build, **place)
    tuner.reload()
    return tuner.oracle.get_state()


def _write_leases(folder):
    leases.write(folder / "leases.json", {"3": ("worker-1", "4fa1")}, {"3": 1}, ["4fa1", "77c0"])
    return folder / "leases.json"


def _records():
    values = {"rate": 0.001, "optimizer": "adam", "units": 8, "bias": True}
    return [reports.TrialRecord(1, "completed", 0.5, values, 1.5), reports.TrialRecord(2, "failed", None, {})]


def _write_csv(folder):
    reports.write_csv(folder / "trials.csv", _records())
    return folder / "trials.csv"


def _read_csv(path):
    return [vars(record) for record in reports.read_csv(path)]


def _write_json(folder):
    reports.write_json(folder / "trials.json", _records(), "accuracy", "max")
    return folder / "trials.json"


def _read_json(path):
    records, *rest = reports.read_json(path)
    return [vars(record) for record in records], rest


# Data


def _write_shard(folder):
    studies = [generator.generate_study(0, index, max_trials=3, max_parameters=3) for index in range(2)]
    shards.write_shard(shards.shard_path(folder / "corpus", 0), studies, {"seed": 0})
    return folder / "corpus"


def _read_shard(path):
    stored = shards.StoredStudies(path)
    studies = [stored._shards[0].study(row) for row in range(len(stored))]
    return [(vars(s.metadata), s.goal, s.tokens, s.objectives, s.statuses, repr(s.space)) for s in studies]


def _write_table(folder):
    rows = [f"toy_net,{name},{10.0 ** (0.1 * i)},0.{i + 10},{i}" for name in ("SGD", "Adam") for i in range(30)]
    text = "\n".join(["problem,optimizer,lr,final_test_acc,final_test_loss", *rows]) + "\n"
    (folder / "data").mkdir()
    (folder / "data" / "deepobs_runs.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return folder / "data" / "deepobs_runs.csv.gz"


def _read_table(path):
    return [(repr(t.space), t.tokens, t.values, t.metric, vars(t.metadata)) for t in tables.load_tables(path.parent)]


def _write_archive(folder):
    ranges = {"name": "s", "type": "uniform_float", "lower": 1e-4, "upper": 1e3, "log": True}
    texts = {
        "spec": {"cont_names": ["s"], "cat_names": ["task_id"], "y_names": ["auc"]},
        "encoding": {"task_id": {str(task): task for task in range(4)}},
        "config_space": {"hyperparameters": [ranges]},
    }
    path = folder / yahpo.COLLECTIONS[2].archive
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.onnx", bytes(64))
        for name, value in texts.items():
            archive.writestr(f"{name}.json", json.dumps(value))
    return path


def _read_archive(path):
    return tuple(yahpo.read_archive(path, yahpo.COLLECTIONS[2]))


def _write_clusters(folder):
    particles.write_xyz(folder / "clusters.xyz", np.arange(18.0).reshape(2, 3, 3), "Ar", [-1.0, -2.0])
    return folder / "clusters.xyz"


def _write_examples(folder):
    x = np.random.default_rng(0).normal(size=(6, 2))
    np.savez_compressed(folder / "examples.npz", x=x, y=np.arange(6) % 2)
    return folder / "examples.npz"


def _write_tokenizer(folder):
    words = vocabulary.train_tokenizer(["learning rate", "dropout", "units of the hidden layer"], 300)
    (folder / "tokenizer.model").write_bytes(words)
    return folder / "tokenizer.model"


def _write_settings(folder):
    ensemble_outputs.check_workdir(folder / "workdir", {"epochs": 3, "method": "deep"}, resume=False)
    return folder / "workdir"


def _read_settings(path):
    ensemble_outputs.check_workdir(path, {"epochs": 3, "method": "deep"}, resume=True)
    return json.loads((path / ensemble_outputs.SETTINGS).read_text())


def _read_examples(path):
    return tuple(data.load(path))


def _read_tokenizer(path):
    return vocabulary.Vocabulary(path.read_bytes(), source=path).size


_RULE = ElementwiseRule(OptimizerConfig(widths=(2,)))
_PARTICLE_RULE = particles.ParticleRule(particles.ParticleConfig(widths=(2,)))
TABLE = {
    "weights": Files(_write_weights, _read_weights),
    "learned optimizer": Files(_write_rule(_RULE), _read_rule(ElementwiseRule)),
    "particles": Files(_write_rule(_PARTICLE_RULE), _read_rule(particles.ParticleRule)),
    "schedule controller": Files(_write_controller, _read_controller),
    "optformer": Files(_write_optformer, _read_optformer),
    "checkpoint": Files(_write_checkpoint, _read_checkpoint),
    "checkpoint of a course": Files(_write_course, _read_course, error=errors.KerasHparamError),
    "ensemble, .keras": Files(_write_keras, _read_keras),
    "networks of an ensemble": Files(_write_networks, _read_networks, error=errors.KerasHparamError),
    "schedule beside weights": Files(_write_sidecar, _read_sidecar),
    "search": Files(_write_project, _read_project, proven=False),
    "tuner of a search": Files(_write_tuner, _read_tuner, proven=False),
    "leases of a chief": Files(_write_leases, leases.read, proven=False),
    "trials.csv": Files(_write_csv, _read_csv, proven=False),
    "trials.json": Files(_write_json, _read_json, proven=False),
    "corpus": Files(_write_shard, _read_shard),
    "table of trainings": Files(_write_table, _read_table),
    "surrogate": Files(_write_archive, _read_archive),
    "clusters": Files(_write_clusters, particles.read_xyz, proven=False),
    "examples": Files(_write_examples, _read_examples, error=errors.InvalidArgumentError),
    "tokenizer": Files(_write_tokenizer, _read_tokenizer, proven=False),
    "settings of a training": Files(_write_settings, _read_settings, False, errors.KerasHparamError),
}
